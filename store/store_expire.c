#include "store/store_expire.h"

#include "store/store_receipt.h"
#include "store/store_sql.h"

/* ?1 is now, ?2 the time that counts as old. */
static const char SQL_CLOCK[] =
    "UPDATE transfer SET created_at = min(created_at, ?1), changed_at = min(changed_at, ?1),"
    " finished_at = min(finished_at, ?1), accepted_at = min(accepted_at, ?1)"
    " WHERE max(created_at, changed_at, finished_at, coalesce(accepted_at, 0)) > ?2";
static const char SQL_OFFERS[] =
    "UPDATE transfer SET state = 8, reason = 'nobody answered for 24 hours', changed_at = ?1,"
    " finished_at = ?1 WHERE direction = 2 AND state = 2 AND created_at <= ?2";
static const char SQL_PARTIALS[] =
    "UPDATE transfer SET state = 9, reason = 'nothing happened for 30 days', changed_at = ?1,"
    " finished_at = ?1 WHERE state < 5 AND changed_at <= ?2";
static const char SQL_FINISHED[] =
    "DELETE FROM transfer WHERE state >= 6 AND NOT has_work AND NOT (state = 6 AND moving = 1)"
    " AND CASE"
    " WHEN direction = 2 AND state = 6 THEN confirmed AND changed_at <= ?2"
    " ELSE finished_at <= ?2 END";
static const char SQL_RECEIPTS[] = "UPDATE transfer SET receipt_length = 0"
                                   " WHERE receipt_length > 0 AND moving <> 1 AND changed_at <= ?2";
static const char SQL_EXTENTS[] = "DELETE FROM extent WHERE transfer IN"
                                  " (SELECT number FROM transfer WHERE state >= 6)";

static int run(struct store *store, const char *sql, int64_t now, int64_t age, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, sql, fail);
    store_sql_i64(&use, now);
    store_sql_i64(&use, now - age);
    return store_sql_run(&use);
}

static int drop_receipts(struct store *store, int64_t now, struct fail *fail) {
    int rc = run(store, SQL_RECEIPTS, now, STORE_EXPIRE_FINISHED_S, fail);
    return rc == 0 ? store_receipt_trim(store, fail) : rc;
}

static int drop(struct store *store, const char *sql, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, sql, fail);
    return store_sql_run(&use);
}

int store_expire(struct store *store, int64_t now, struct store_transfer_list *left,
                 struct fail *fail) {
    *left = (struct store_transfer_list){0};
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = run(store, SQL_CLOCK, now, 0, fail);
    if (rc == 0)
        rc = run(store, SQL_OFFERS, now, STORE_EXPIRE_OFFER_S, fail);
    if (rc == 0)
        rc = run(store, SQL_PARTIALS, now, STORE_EXPIRE_PARTIAL_S, fail);
    if (rc == 0)
        rc = run(store, SQL_FINISHED, now, STORE_EXPIRE_FINISHED_S, fail);
    if (rc == 0)
        rc = drop_receipts(store, now, fail);
    if (rc == 0)
        rc = drop(store, SQL_EXTENTS, fail);
    rc = store_sql_leave(store, rc, fail);
    return rc < 0 ? rc : store_transfer_list(store, STORE_TRANSFERS_LEFT, 0, left, fail);
}
