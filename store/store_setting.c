#include "store/store_setting.h"

#include "store/store_sql.h"

static const char SQL_GET[] = "SELECT value FROM setting WHERE name = ?";
static const char SQL_SET[] = "INSERT INTO setting (name, value) VALUES (?, ?)"
                              " ON CONFLICT (name) DO UPDATE SET value = excluded.value";

int store_setting_get(struct store *store, const char *name, int64_t *value, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_GET, fail);
    store_sql_text(&use, name);
    int rc = store_sql_step(&use);
    if (rc != 1)
        return rc < 0 ? rc : STORE_NONE;
    *value = store_sql_get_i64(&use, 0);
    store_sql_end(&use);
    return 0;
}

int store_setting_set(struct store *store, const char *name, int64_t value, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_SET, fail);
    store_sql_text(&use, name);
    store_sql_i64(&use, value);
    return store_sql_run(&use);
}
