/*
 * Internal to this folder: rows of the table `transfer`.
 */
#ifndef STORE_STORE_ROW_H
#define STORE_STORE_ROW_H

#include "store/store_sql.h"
#include "store/store_transfer.h"

/* What store_row_read() expects, in this order. */
#define STORE_ROW_COLUMNS                                                                          \
    "number, direction, state, peer_key, peer_name, transfer_id, manifest_hash, "                  \
    "manifest_length, entries, bytes, units, names, final_names, name_count, failed, reason, "     \
    "destination, rate, created_at, changed_at, finished_at, confirmed, has_work, on_exists, "     \
    "existing, lineage, receipt_length, moving, moved, stayed, exact"

/* The current row of `use`, for store_transfer_clear(). 0 or -errno. */
int store_row_read(struct store_sql *use, struct store_transfer *out);

/* What decides whether a change is allowed. Plain value. */
struct store_row_brief {
    enum store_direction direction;
    enum store_state state;
    uint64_t units;
};

/* 0, STORE_NONE or -errno. */
int store_row_brief(struct store *store, uint64_t number, struct store_row_brief *brief,
                    struct fail *fail);

/* Sets state and reason without asking whether it is allowed; a finished one loses its extents and
 * its placing list, and what was to become its receipt unless it is delivered. Inside a
 * transaction. 0 or -errno. */
int store_row_set_state(struct store *store, uint64_t number, enum store_state state,
                        const char *reason, int64_t now, struct fail *fail);

/* Notes how many entries failed and the final names. Inside a transaction. 0 or -errno. */
int store_row_set_result(struct store *store, uint64_t number,
                         const struct store_transfer_delivery *delivery, struct fail *fail);

#endif
