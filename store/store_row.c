#include "store/store_row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char SQL_BRIEF[] = "SELECT direction, state, units FROM transfer WHERE number = ?";
/* An incoming transfer has a directory from the moment it is accepted. */
static const char SQL_STATE[] =
    "UPDATE transfer SET state = ?1, reason = ?2, changed_at = ?3,"
    " finished_at = CASE WHEN ?1 >= 6 THEN ?3 ELSE 0 END,"
    " has_work = has_work OR (direction = 2 AND ?1 = 3),"
    " accepted_at = CASE WHEN accepted_at IS NULL AND direction = 2 AND ?1 = 3 THEN ?3"
    " ELSE accepted_at END WHERE number = ?4";
static const char SQL_RESULT[] = "UPDATE transfer SET failed = ?, final_names = ? WHERE number = ?";
static const char SQL_DROP_EXTENTS[] = "DELETE FROM extent WHERE transfer = ?";
static const char SQL_DROP_PLACING[] = "DELETE FROM placing WHERE transfer = ?";
static const char SQL_DROP_RECEIPT[] = "DELETE FROM receipt WHERE transfer = ?";

/* A column as a string for free(); *out stays NULL for an SQL NULL. */
static int read_string(struct store_sql *use, int column, char **out) {
    if (sqlite3_column_type(use->stmt, column) == SQLITE_NULL)
        return 0;
    size_t room = (size_t)sqlite3_column_bytes(use->stmt, column) + 1;
    *out = malloc(room);
    if (*out == NULL)
        return fail_set(use->fail, -ENOMEM, "cannot read %s", use->store->shown);
    return store_sql_get_string(use, column, *out, room);
}

static int read_names(struct store_sql *use, int column, struct store_names *out) {
    const void *blob = sqlite3_column_blob(use->stmt, column);
    int rc = store_names_decode(out, blob, (size_t)sqlite3_column_bytes(use->stmt, column));
    if (rc == -EBADMSG)
        return store_sql_damaged(use->store, use->fail);
    return rc < 0 ? fail_set(use->fail, rc, "cannot read %s", use->store->shown) : 0;
}

static int read_lineage(struct store_sql *use, int column, struct lineage *out) {
    const uint8_t *ids = sqlite3_column_blob(use->stmt, column);
    size_t length = (size_t)sqlite3_column_bytes(use->stmt, column);
    if (length % LIMIT_TRANSFER_ID != 0)
        return store_sql_damaged(use->store, use->fail);
    for (size_t at = 0; at < length; at += LIMIT_TRANSFER_ID)
        lineage_add(out, ids + at);
    return 0;
}

/* Everything of fixed size. */
static int read_plain(struct store_sql *use, struct store_transfer *out) {
    int rc = store_sql_get_blob(use, 3, out->peer_key, sizeof(out->peer_key));
    if (rc == 0)
        rc = store_sql_get_string(use, 4, out->peer_name, sizeof(out->peer_name));
    if (rc == 0)
        rc = store_sql_get_blob(use, 5, out->transfer_id, sizeof(out->transfer_id));
    if (rc == 0)
        rc = store_sql_get_blob(use, 6, out->manifest_hash, sizeof(out->manifest_hash));
    out->number = store_sql_get_u64(use, 0);
    out->direction = (enum store_direction)store_sql_get_i64(use, 1);
    out->state = (enum store_state)store_sql_get_i64(use, 2);
    out->manifest_length = store_sql_get_u64(use, 7);
    out->entries = (uint32_t)store_sql_get_u64(use, 8);
    out->bytes = store_sql_get_u64(use, 9);
    out->units = store_sql_get_u64(use, 10);
    out->name_count = (uint32_t)store_sql_get_u64(use, 13);
    out->failed = (uint32_t)store_sql_get_u64(use, 14);
    out->rate = store_sql_get_u64(use, 17);
    out->created = store_sql_get_i64(use, 18);
    out->changed = store_sql_get_i64(use, 19);
    out->finished = store_sql_get_i64(use, 20);
    out->confirmed = store_sql_get_i64(use, 21) != 0;
    out->has_work = store_sql_get_i64(use, 22) != 0;
    out->exists = (enum store_exists)store_sql_get_i64(use, 23);
    out->existing = (uint64_t)store_sql_get_i64(use, 24);
    out->receipt = store_sql_get_u64(use, 26);
    out->moving = (enum store_moving)store_sql_get_i64(use, 27);
    out->moved = (uint32_t)store_sql_get_u64(use, 28);
    out->stayed = (uint32_t)store_sql_get_u64(use, 29);
    out->exact = store_sql_get_i64(use, 30) != 0;
    return rc;
}

int store_row_read(struct store_sql *use, struct store_transfer *out) {
    *out = (struct store_transfer){0};
    int rc = read_plain(use, out);
    if (rc == 0)
        rc = read_names(use, 11, &out->names);
    if (rc == 0)
        rc = read_names(use, 12, &out->final_names);
    if (rc == 0)
        rc = read_string(use, 15, &out->reason);
    if (rc == 0)
        rc = read_string(use, 16, &out->destination);
    if (rc == 0)
        rc = read_lineage(use, 25, &out->lineage);
    if (rc < 0)
        store_transfer_clear(out);
    return rc;
}

int store_row_brief(struct store *store, uint64_t number, struct store_row_brief *brief,
                    struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_BRIEF, fail);
    store_sql_u64(&use, number);
    int rc = store_sql_step(&use);
    if (rc == 1) {
        brief->direction = (enum store_direction)store_sql_get_i64(&use, 0);
        brief->state = (enum store_state)store_sql_get_i64(&use, 1);
        brief->units = store_sql_get_u64(&use, 2);
        store_sql_end(&use);
        return 0;
    }
    return rc < 0 ? rc : STORE_NONE;
}

static int drop(struct store *store, const char *sql, uint64_t number, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, sql, fail);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

int store_row_set_state(struct store *store, uint64_t number, enum store_state state,
                        const char *reason, int64_t now, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_STATE, fail);
    store_sql_i64(&use, state);
    store_sql_text(&use, reason != NULL ? reason : "");
    store_sql_time(&use, now);
    store_sql_u64(&use, number);
    int rc = store_sql_run(&use);
    if (rc < 0 || !store_transfer_is_finished(state))
        return rc;
    rc = drop(store, SQL_DROP_EXTENTS, number, fail);
    if (rc == 0 && state != STORE_DELIVERED)
        rc = drop(store, SQL_DROP_RECEIPT, number, fail);
    return rc < 0 ? rc : drop(store, SQL_DROP_PLACING, number, fail);
}

int store_row_set_result(struct store *store, uint64_t number,
                         const struct store_transfer_delivery *delivery, struct fail *fail) {
    struct store_sql use;
    uint8_t *blob = NULL;
    size_t length = 0;
    int rc = store_names_encode(delivery->names, delivery->names_length, &blob, &length);
    if (rc < 0)
        return fail_set(fail, rc, "cannot record the names of transfer %llu",
                        (unsigned long long)number);
    store_sql_use(&use, store, SQL_RESULT, fail);
    store_sql_u64(&use, delivery->failed);
    store_sql_blob(&use, blob, length);
    store_sql_u64(&use, number);
    rc = store_sql_run(&use);
    free(blob);
    return rc;
}
