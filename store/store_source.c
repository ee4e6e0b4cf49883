#include "store/store_source.h"

#include "store/store_sql.h"

#include <errno.h>
#include <stdlib.h>

static const char SQL_FIND[] =
    "SELECT number FROM transfer WHERE state < 6 AND direction = 1 AND peer_key = ?"
    " AND paths_digest = ? ORDER BY number DESC LIMIT 1";
static const char SQL_COUNT[] = "SELECT count(*), sum(length(path)) FROM source WHERE transfer = ?";
static const char SQL_LOAD[] = "SELECT path FROM source WHERE transfer = ? ORDER BY position";

int store_source_find(struct store *store, const uint8_t peer_key[LIMIT_KEY],
                      const struct store_name *paths, size_t count, uint64_t *number,
                      struct fail *fail) {
    struct store_sql use;
    uint8_t digest[STORE_NAMES_DIGEST];
    int rc = store_names_digest(paths, count, digest);
    if (rc < 0)
        return fail_set(fail, rc, "cannot compare the paths of transfers");
    store_sql_use(&use, store, SQL_FIND, fail);
    store_sql_blob(&use, peer_key, LIMIT_KEY);
    store_sql_blob(&use, digest, sizeof(digest));
    rc = store_sql_step(&use);
    if (rc != 1)
        return rc < 0 ? rc : STORE_NONE;
    *number = store_sql_get_u64(&use, 0);
    store_sql_end(&use);
    return 0;
}

/* An empty list with room for all paths of a transfer, *count of them with *left bytes, in its one
 * allocation. */
static int make_room(struct store *store, uint64_t number, struct store_names *paths, size_t *count,
                     size_t *left, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_COUNT, fail);
    store_sql_u64(&use, number);
    int rc = store_sql_step(&use);
    if (rc != 1)
        return rc;
    *count = (size_t)store_sql_get_u64(&use, 0);
    *left = (size_t)store_sql_get_u64(&use, 1) + 1; /* and the NUL of the last one */
    store_sql_end(&use);
    paths->items = malloc(*count * sizeof(*paths->items) + *left);
    return paths->items != NULL ? 0 : fail_set(fail, -ENOMEM, "cannot list the paths");
}

int store_source_load(struct store *store, uint64_t number, struct store_names *paths,
                      struct fail *fail) {
    struct store_sql use;
    size_t count = 0, left = 0;
    *paths = (struct store_names){0};
    int rc = make_room(store, number, paths, &count, &left, fail);
    if (rc < 0)
        return rc;
    char *at = (char *)(paths->items + count);
    store_sql_use(&use, store, SQL_LOAD, fail);
    store_sql_u64(&use, number);
    while ((rc = store_sql_step(&use)) == 1 && paths->length < count) {
        size_t length = (size_t)sqlite3_column_bytes(use.stmt, 0);
        rc = store_sql_get_string(&use, 0, at, left);
        if (rc < 0)
            break;
        paths->items[paths->length++] = (struct store_name){.bytes = at, .length = length};
        at += length;
        left -= length;
    }
    store_sql_end(&use);
    if (rc < 0 || count == 0)
        store_names_clear(paths);
    return rc;
}
