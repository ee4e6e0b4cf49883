#include "store/store_age.h"

#include "store/store_setting.h"
#include "store/store_sql.h"

#define SETTING "aged_at"

/* ?1 is now, ?2 by how much times move. */
static const char SQL_MOVE[] =
    "UPDATE transfer SET changed_at = min(?1, changed_at + ?2),"
    " finished_at = iif(finished_at = 0, 0, min(?1, finished_at + ?2)),"
    " created_at = iif(direction = 2 AND state = 2, min(?1, created_at + ?2), created_at)";
static const char SQL_TOUCH[] = "UPDATE transfer SET changed_at = ?1 WHERE number = ?2";

static int move(struct store *store, int64_t now, int64_t leap, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_MOVE, fail);
    store_sql_i64(&use, now);
    store_sql_i64(&use, leap);
    return store_sql_run(&use);
}

static int touch(struct store *store, int64_t now, uint64_t number, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_TOUCH, fail);
    store_sql_i64(&use, now);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

/* What of the time since the last look does not count. Nothing where there was none. */
static int find_leap(struct store *store, int64_t now, int64_t *leap, struct fail *fail) {
    int64_t last = now;
    int rc = store_setting_get(store, SETTING, &last, fail);
    *leap = now > last && now - last > STORE_AGE_LEAP_S ? now - last - STORE_AGE_LEAP_S : 0;
    return rc < 0 ? rc : 0;
}

int store_age(struct store *store, int64_t now, const uint64_t *busy, size_t count, int64_t *leap,
              struct fail *fail) {
    *leap = 0;
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = find_leap(store, now, leap, fail);
    if (rc == 0 && *leap > 0)
        rc = move(store, now, *leap, fail);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = touch(store, now, busy[i], fail);
    if (rc == 0)
        rc = store_setting_set(store, SETTING, now, fail);
    rc = store_sql_leave(store, rc, fail);
    if (rc == 0)
        store->aged_at = now;
    return rc;
}
