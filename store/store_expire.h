/*
 * Housekeeping: how long things are kept. Results as in store.h.
 */
#ifndef STORE_STORE_EXPIRE_H
#define STORE_STORE_EXPIRE_H

#include "store/store.h"
#include "store/store_transfer.h"

#include <stdint.h>

#define STORE_EXPIRE_OFFER_S (24 * 3600)        /* an incoming offer without an answer */
#define STORE_EXPIRE_PARTIAL_S (30 * 24 * 3600) /* an unfinished transfer without any change */
#define STORE_EXPIRE_FINISHED_S                                                                    \
    (30 * 24 * 3600) /* a finished one; a delivered incoming one from                              \
                        the day its sender has confirmed it */

/*
 * Applies all of it at `now` in one commit: old incoming offers become REFUSED, abandoned transfers
 * CANCELLED (never one in PLACING), old finished records go once their directory is gone, and
 * receipts that are too many (store_receipt.h), or STORE_EXPIRE_FINISHED_S after the last change of
 * their transfer, which it may outlive: a sender that never confirms cannot have anything of that
 * size kept for good. Neither goes where sources are still to be removed (store_moving.h). Times in
 * the future (the clock was set back) become `now`; how the clock is kept from making things old is
 * said in store_age.h, whose function comes first. Afterwards *left holds, for
 * store_transfer_list_clear(), every finished transfer whose directory is to be removed, whether it
 * finished now or earlier (STORE_TRANSFERS_LEFT); the caller removes it and calls
 * store_transfer_cleaned(). Call it at start and once an hour or so.
 */
int store_expire(struct store *store, int64_t now, struct store_transfer_list *left,
                 struct fail *fail);

#endif
