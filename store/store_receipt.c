#include "store/store_receipt.h"

#include "store/store_row.h"
#include "store/store_sql.h"

static const char SQL_CUT[] = "DELETE FROM receipt WHERE transfer = ? AND position >= ?";
static const char SQL_LENGTH[] =
    "SELECT coalesce(sum(length(bytes)), 0) FROM receipt WHERE transfer = ?";
static const char SQL_PUT[] = "INSERT INTO receipt (transfer, position, bytes) VALUES (?, ?, ?)";
static const char SQL_SEAL[] = "UPDATE transfer SET receipt_length = ? WHERE number = ?";
static const char SQL_SEALED[] = "SELECT receipt_length FROM transfer WHERE number = ?";
static const char SQL_TRIM[] =
    "UPDATE transfer SET receipt_length = 0 WHERE number IN"
    " (SELECT number FROM (SELECT number, sum(receipt_length) OVER (ORDER BY number DESC) AS kept"
    " FROM transfer WHERE receipt_length > 0 AND moving <> 1) WHERE kept > ?)";
static const char SQL_PIECES[] = "DELETE FROM receipt WHERE transfer IN"
                                 " (SELECT number FROM transfer WHERE state >= 6"
                                 " AND receipt_length = 0)";
static const char SQL_READ[] = "SELECT bytes FROM receipt WHERE transfer = ? ORDER BY position";

/* STORE_STATE unless the transfer is not finished. */
static int require_open(struct store *store, uint64_t number, struct fail *fail) {
    struct store_row_brief brief = {0};
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    return store_transfer_is_finished(brief.state) ? STORE_STATE : 0;
}

/* The one number that a query about a transfer gives. 0, STORE_NONE or -errno. */
static int ask(struct store *store, const char *sql, uint64_t number, uint64_t *out,
               struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, sql, fail);
    store_sql_u64(&use, number);
    int rc = store_sql_step(&use);
    if (rc != 1)
        return rc < 0 ? rc : STORE_NONE;
    *out = store_sql_get_u64(&use, 0);
    store_sql_end(&use);
    return 0;
}

static int cut(struct store *store, uint64_t number, uint64_t position, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_CUT, fail);
    store_sql_u64(&use, number);
    store_sql_u64(&use, position);
    return store_sql_run(&use);
}

static int put(struct store *store, uint64_t number, const struct store_receipt_piece *piece,
               struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_PUT, fail);
    store_sql_u64(&use, number);
    store_sql_u64(&use, piece->position);
    store_sql_blob(&use, piece->bytes, piece->length);
    return store_sql_run(&use);
}

int store_receipt_add(struct store *store, uint64_t number, const struct store_receipt_piece *piece,
                      struct fail *fail) {
    uint64_t before = 0;
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = require_open(store, number, fail);
    if (rc == 0)
        rc = cut(store, number, piece->position, fail);
    if (rc == 0)
        rc = ask(store, SQL_LENGTH, number, &before, fail);
    if (rc == 0 && before != piece->position)
        rc = STORE_STATE;
    if (rc == 0)
        rc = put(store, number, piece, fail);
    return store_sql_leave(store, rc, fail);
}

int store_receipt_trim(struct store *store, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_TRIM, fail);
    store_sql_u64(&use, STORE_RECEIPT_TOTAL);
    int rc = store_sql_run(&use);
    if (rc != 0)
        return rc;
    store->sealed = 1;
    store_sql_use(&use, store, SQL_PIECES, fail);
    return store_sql_run(&use);
}

/* Looking at all of them for each small one would be too much. */
static int trim_if_many(struct store *store, uint64_t length, struct fail *fail) {
    if (store->sealed != 0 && store->sealed + length <= STORE_RECEIPT_SLACK) {
        store->sealed += length;
        return 0;
    }
    return store_receipt_trim(store, fail);
}

int store_receipt_seal(struct store *store, uint64_t number, struct fail *fail) {
    struct store_sql use;
    uint64_t length = 0;
    int rc = require_open(store, number, fail);
    if (rc == 0)
        rc = ask(store, SQL_LENGTH, number, &length, fail);
    if (rc != 0)
        return rc;
    if (length == 0)
        return STORE_STATE;
    store_sql_use(&use, store, SQL_SEAL, fail);
    store_sql_u64(&use, length);
    store_sql_u64(&use, number);
    rc = store_sql_run(&use);
    return rc == 0 ? trim_if_many(store, length, fail) : rc;
}

int store_receipt_read(struct store *store, uint64_t number,
                       int (*take)(void *context, const void *bytes, size_t length,
                                   struct fail *fail),
                       void *context, struct fail *fail) {
    struct store_sql use;
    uint64_t length = 0;
    int rc = ask(store, SQL_SEALED, number, &length, fail);
    if (rc != 0 || length == 0)
        return rc < 0 ? rc : STORE_NONE;
    store_sql_use(&use, store, SQL_READ, fail);
    store_sql_u64(&use, number);
    while ((rc = store_sql_step(&use)) == 1) {
        size_t bytes = (size_t)sqlite3_column_bytes(use.stmt, 0);
        rc = take(context, sqlite3_column_blob(use.stmt, 0), bytes, fail);
        if (rc != 0)
            break;
        length -= bytes < length ? bytes : length;
    }
    store_sql_end(&use);
    return rc == 0 && length != 0 ? store_sql_damaged(store, fail) : rc;
}
