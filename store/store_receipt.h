/*
 * The receipt of a transfer, either way: what is kept of it once it is delivered, so that it can be
 * seen later whether what was delivered still is what it was. To the store it is bytes, which come
 * in pieces before the delivery is recorded and count from then on. It goes with its transfer, or
 * before (store_expire.h). Results as in store.h.
 */
#ifndef STORE_STORE_RECEIPT_H
#define STORE_STORE_RECEIPT_H

#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of all receipts together. More than that by STORE_RECEIPT_SLACK and one receipt are not
 * there at any time, however fast peers deliver. */
#define STORE_RECEIPT_TOTAL (1024u * 1024u * 1024u)
#define STORE_RECEIPT_SLACK (64u * 1024u * 1024u)

/* A piece of it; borrowed. */
struct store_receipt_piece {
    uint64_t position; /* of its first byte: what there was from here on before goes */
    const void *bytes;
    size_t length; /* 1 at least */
};

/* Puts a piece at the end of those that are there for a transfer that is not finished. Or
 * STORE_NONE; STORE_STATE, also where it does not follow them. */
int store_receipt_add(struct store *store, uint64_t number, const struct store_receipt_piece *piece,
                      struct fail *fail);

/* All pieces are there, and become the receipt of the transfer: in one commit with what makes it
 * delivered (store_begin). Or STORE_NONE; STORE_STATE where it is finished or nothing is there. */
int store_receipt_seal(struct store *store, uint64_t number, struct fail *fail);

/* Drops the oldest where they are too many together, and the pieces of those that count no more.
 * Not those by which sources are still to be removed (store_moving.h): whoever delivers much here
 * shall not be able to prevent that. Sealing does so by itself every now and then. 0 or -errno. */
int store_receipt_trim(struct store *store, struct fail *fail);

/* Gives each piece of the receipt of a delivered transfer to `take`, in order; what that returns
 * other than 0, negative with `fail` filled, ends it and is returned. Or STORE_NONE where there is
 * no receipt. */
int store_receipt_read(struct store *store, uint64_t number,
                       int (*take)(void *context, const void *bytes, size_t length,
                                   struct fail *fail),
                       void *context, struct fail *fail);

#endif
