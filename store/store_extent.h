/*
 * Which units of an incoming transfer are durable (numbered as in base/entry.h). Results as in
 * store.h.
 *
 * Kept as merged ranges, so that the cost is in batches and not in files.
 */
#ifndef STORE_STORE_EXTENT_H
#define STORE_STORE_EXTENT_H

#include "base/rangeset.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

/* Borrowed. What is in both is forgotten: to send it again is harmless. */
struct store_extent_change {
    const struct range *add;
    size_t add_count;
    const struct range *forget;
    size_t forget_count;
};

/* Ranges that one transfer may be in: its session is trusted no further than that. */
#define STORE_EXTENT_ROWS 131072u

/* Applies a change in one commit. Or STORE_NONE; STORE_STATE where the transfer is finished or
 * outgoing. -ERANGE for a unit that the transfer does not have, or where
 * STORE_EXTENT_ROWS would not do. */
int store_extent_commit(struct store *store, uint64_t number,
                        const struct store_extent_change *change, int64_t now, struct fail *fail);

/* Adds all that is durable to `set` (initialised by the caller); nothing for an unknown number. */
int store_extent_load(struct store *store, uint64_t number, struct rangeset *set,
                      struct fail *fail);

#endif
