/*
 * A delivered transfer as the database has it, for a session that looks at it again. On the
 * database's thread.
 */
#ifndef NODE_DAEMON_RECEIPT_H
#define NODE_DAEMON_RECEIPT_H

#include "base/fail.h"
#include "store/store.h"
#include "store/store_names.h"
#include "store/store_transfer.h"

#include <stdint.h>

/* For receipt_clear(), also after a failure. */
struct receipt {
    struct store_transfer record;
    struct store_names paths; /* of what was sent */
    int fd;                   /* an anonymous file that is the receipt; -1 once it is given away */
};

enum receipt_outcome {
    RECEIPT_NO_TRANSFER = 1,
    RECEIPT_NOT_DELIVERED = 2, /* the record is there */
    RECEIPT_GONE = 3,          /* the record is there, but nothing to verify it by */
};

/* Loads all of it. 0, an outcome, or -errno with `fail` filled. */
int receipt_load(struct receipt *receipt, struct store *store, uint64_t number, struct fail *fail);
void receipt_clear(struct receipt *receipt);

#endif
