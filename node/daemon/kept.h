/*
 * The receipt of a transfer on its way from a session into the database: pieces that follow each
 * other are collected, stored when they are many, and the last ones in one commit with the
 * delivery. A `struct kept` belongs to the loop's thread, what was taken out of it to whoever has
 * it.
 */
#ifndef NODE_DAEMON_KEPT_H
#define NODE_DAEMON_KEPT_H

#include "base/fail.h"
#include "base/limits.h"
#include "proto/helper.pb-c.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEPT_ROOM (1u << 20) /* bytes that are collected */

/* What was collected and not taken yet; nothing when zeroed. */
struct kept {
    uint8_t *bytes; /* owned */
    size_t used;
    uint64_t position; /* of the first of them */
    uint64_t total;    /* of the receipt; 0: there is none */
};

/* Adds a piece, which was checked. False where it does not follow what came before, or memory is
 * short. */
bool kept_add(struct kept *kept, const Fxnode__Helper__Kept *piece);

/* Whether it is time to take and store what there is. */
bool kept_is_full(const struct kept *kept);

/* Takes it: *kept is empty and goes on behind that. */
struct kept kept_take(struct kept *kept);

/* On the database's thread: stores what was taken. Results as store_receipt_add(). */
int kept_store(const struct kept *kept, struct store *store, uint64_t number, struct fail *fail);

/* The same, and with what was stored before it becomes the receipt, where all of it is there;
 * within the commit of the delivery. */
int kept_seal(const struct kept *kept, struct store *store, uint64_t number, struct fail *fail);

/* Frees what it holds: nothing was there. */
void kept_drop(struct kept *kept);

#endif
