#include "store/store_moving.h"

#include "store/store_row.h"
#include "store/store_sql.h"

static const char SQL_WANT[] = "UPDATE transfer SET moving = ? WHERE number = ?";
static const char SQL_IS_WANTED[] =
    "SELECT state = 6 AND moving = 1 FROM transfer WHERE number = ?";
static const char SQL_OVER[] =
    "UPDATE transfer SET moving = 2, moved = ?, stayed = ? WHERE number = ?";

int store_moving_want(struct store *store, uint64_t number, bool wanted, struct fail *fail) {
    struct store_row_brief brief = {0};
    struct store_sql use;
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    if (brief.direction != STORE_OUTGOING || store_transfer_is_finished(brief.state))
        return STORE_STATE;
    store_sql_use(&use, store, SQL_WANT, fail);
    store_sql_i64(&use, wanted ? STORE_MOVING_WANTED : STORE_MOVING_NO);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

/* 0, STORE_NONE, STORE_STATE or -errno. */
static int require_wanted(struct store *store, uint64_t number, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_IS_WANTED, fail);
    store_sql_u64(&use, number);
    int rc = store_sql_step(&use);
    if (rc != 1)
        return rc < 0 ? rc : STORE_NONE;
    bool wanted = store_sql_get_i64(&use, 0) != 0;
    store_sql_end(&use);
    return wanted ? 0 : STORE_STATE;
}

int store_moving_over(struct store *store, uint64_t number, uint32_t moved, uint32_t stayed,
                      struct fail *fail) {
    struct store_sql use;
    int rc = require_wanted(store, number, fail);
    if (rc != 0)
        return rc;
    store_sql_use(&use, store, SQL_OVER, fail);
    store_sql_u64(&use, moved);
    store_sql_u64(&use, stayed);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}
