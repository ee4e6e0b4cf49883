/*
 * The placing of an incoming transfer: which top-level item gets which final name, committed before
 * the renames, so that after a crash each item is either still staged or was placed. Results as in
 * store.h.
 */
#ifndef STORE_STORE_PLACING_H
#define STORE_STORE_PLACING_H

#include "store/store.h"
#include "store/store_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_placing_item {
    uint32_t item;          /* index of the top-level item */
    struct store_name name; /* final name in the destination, LIMIT_COMPONENT bytes at most */
    uint64_t device;        /* of the staged item */
    uint64_t inode;
};

/* What is recorded before the renames. Plain value. */
struct store_placing {
    const struct store_placing_item *items;
    size_t length;
    uint32_t failed; /* entries that are not delivered */
};

struct store_placing_list {
    struct store_placing_item *items; /* owned, the names too: one allocation; by item */
    size_t length;
};

/* Sets the whole list, what failed, and the state PLACING in one commit. The transfer is incoming
 * and RUNNING, or PLACING already (the list is replaced then). Or STORE_NONE, STORE_STATE. */
int store_placing_start(struct store *store, uint64_t number, const struct store_placing *placing,
                        int64_t now, struct fail *fail);

/* Sets some items of a transfer in PLACING, new or anew. Or STORE_NONE, STORE_STATE. */
int store_placing_update(struct store *store, uint64_t number,
                         const struct store_placing_item *items, size_t count, struct fail *fail);

/* The list, for store_placing_clear(); empty for an unknown number. */
int store_placing_load(struct store *store, uint64_t number, struct store_placing_list *list,
                       struct fail *fail);

void store_placing_clear(struct store_placing_list *list);

/* Notes whether all of the transfer but what failed is as it was sent: false until then. Together
 * with the start or the end of placing, inside a transaction. */
int store_placing_set_exact(struct store *store, uint64_t number, bool exact, struct fail *fail);

/* All is placed and synced: DELIVERED, `failed` entries missing. The first LIMIT_OFFER_NAMES names
 * of the list become the final names; list and extents go. One commit. Or STORE_NONE; STORE_STATE
 * where it was not PLACING. */
int store_placing_done(struct store *store, uint64_t number, uint32_t failed, int64_t now,
                       struct fail *fail);

#endif
