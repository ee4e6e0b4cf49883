#include "store/store_sql.h"

#include <errno.h>
#include <string.h>

static const char SQL_BEGIN[] = "BEGIN IMMEDIATE";
static const char SQL_COMMIT[] = "COMMIT";
static const char SQL_ROLLBACK[] = "ROLLBACK";
static const char SQL_SAVEPOINT[] = "SAVEPOINT part";
static const char SQL_RELEASE[] = "RELEASE part";
static const char SQL_ROLLBACK_PART[] = "ROLLBACK TO part";

int store_sql_errno(int code) {
    switch (code & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_TOOBIG:
        return -E2BIG;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return code == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
    default: /* constraints, misuse: our own mistakes */
        return -EINVAL;
    }
}

int store_sql_fail(struct store *store, int code, struct fail *fail) {
    return fail_set(fail, store_sql_errno(code), "cannot use the database %s (%s)", store->shown,
                    sqlite3_errmsg(store->db));
}

int store_sql_damaged(struct store *store, struct fail *fail) {
    return fail_set(fail, -EBADMSG, "the database %s has a row that makes no sense", store->shown);
}

/* SQLite rolls a whole transaction back by itself after some errors (no space, I/O). */
static bool is_gone(struct store *store) {
    return sqlite3_get_autocommit(store->db) != 0;
}

/* The cached statement of `sql`, prepared when it is first used. */
static int prepare(struct store *store, const char *sql, sqlite3_stmt **stmt, struct fail *fail) {
    for (size_t i = 0; i < store->cached; i++) {
        if (store->cache[i].sql == sql) {
            *stmt = store->cache[i].stmt;
            return 0;
        }
    }
    if (store->cached == STORE_SQL_CACHE)
        return fail_set(fail, -ENOMEM, "too many different statements");
    int code = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (code != SQLITE_OK)
        return store_sql_fail(store, code, fail);
    store->cache[store->cached++] = (struct store_sql_cached){.sql = sql, .stmt = *stmt};
    return 0;
}

void store_sql_use(struct store_sql *use, struct store *store, const char *sql, struct fail *fail) {
    *use = (struct store_sql){.store = store, .fail = fail, .next = 1};
    if (store->grouped && is_gone(store)) /* what follows would be committed on its own */
        use->error = fail_set(fail, -EIO, "an earlier change to %s failed", store->shown);
    else
        use->error = prepare(store, sql, &use->stmt, fail);
}

static void bound(struct store_sql *use, int code) {
    if (code != SQLITE_OK)
        use->error = store_sql_fail(use->store, code, use->fail);
    use->next++;
}

void store_sql_u64(struct store_sql *use, uint64_t value) {
    if (use->error == 0 && value > INT64_MAX)
        use->error = fail_set(use->fail, -ERANGE, "cannot record the number %llu",
                              (unsigned long long)value);
    store_sql_i64(use, (int64_t)value);
}

void store_sql_i64(struct store_sql *use, int64_t value) {
    if (use->error == 0)
        bound(use, sqlite3_bind_int64(use->stmt, use->next, value));
}

void store_sql_time(struct store_sql *use, int64_t now) {
    store_sql_i64(use, now > use->store->aged_at ? now : use->store->aged_at);
}

void store_sql_blob(struct store_sql *use, const void *data, size_t length) {
    if (use->error != 0)
        return;
    if (length == 0) /* a pointer to nothing could be NULL, which SQLite takes as an SQL NULL */
        bound(use, sqlite3_bind_zeroblob(use->stmt, use->next, 0));
    else
        bound(use, sqlite3_bind_blob64(use->stmt, use->next, data, length, SQLITE_STATIC));
}

void store_sql_text(struct store_sql *use, const char *text) {
    if (use->error != 0)
        return;
    if (text == NULL)
        bound(use, sqlite3_bind_null(use->stmt, use->next));
    else
        bound(use, sqlite3_bind_text64(use->stmt, use->next, text, strlen(text), SQLITE_STATIC,
                                       SQLITE_UTF8));
}

int store_sql_step(struct store_sql *use) {
    if (use->error == 0) {
        int code = sqlite3_step(use->stmt);
        if (code == SQLITE_ROW)
            return 1;
        if (code != SQLITE_DONE)
            use->error = store_sql_fail(use->store, code, use->fail);
    }
    store_sql_end(use);
    return use->error;
}

int store_sql_run(struct store_sql *use) {
    int rc;
    do
        rc = store_sql_step(use);
    while (rc == 1);
    return rc;
}

void store_sql_end(struct store_sql *use) {
    if (use->stmt == NULL)
        return;
    sqlite3_reset(use->stmt); /* its result repeats the error of the step */
    sqlite3_clear_bindings(use->stmt);
    use->stmt = NULL;
}

uint64_t store_sql_get_u64(struct store_sql *use, int column) {
    return (uint64_t)sqlite3_column_int64(use->stmt, column);
}

int64_t store_sql_get_i64(struct store_sql *use, int column) {
    return sqlite3_column_int64(use->stmt, column);
}

/* The bytes of a column; NULL and no bytes are told from a lack of memory. */
static int get_bytes(struct store_sql *use, int column, const void **data, size_t *length) {
    *data = sqlite3_column_blob(use->stmt, column);
    *length = (size_t)sqlite3_column_bytes(use->stmt, column);
    if (*data == NULL && sqlite3_errcode(use->store->db) == SQLITE_NOMEM)
        return store_sql_fail(use->store, SQLITE_NOMEM, use->fail);
    return 0;
}

int store_sql_get_blob(struct store_sql *use, int column, void *out, size_t length) {
    const void *data;
    size_t have;
    int rc = get_bytes(use, column, &data, &have);
    if (rc < 0)
        return rc;
    if (have != length)
        return store_sql_damaged(use->store, use->fail);
    memcpy(out, data, length);
    return 0;
}

int store_sql_get_string(struct store_sql *use, int column, char *out, size_t room) {
    const void *data;
    size_t have;
    int rc = get_bytes(use, column, &data, &have);
    if (rc < 0)
        return rc;
    if (have >= room)
        return store_sql_damaged(use->store, use->fail);
    if (have > 0)
        memcpy(out, data, have);
    out[have] = '\0';
    return 0;
}

static int run(struct store *store, const char *sql, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, sql, fail);
    return store_sql_run(&use);
}

int store_sql_enter(struct store *store, struct fail *fail) {
    return run(store, store->grouped ? SQL_SAVEPOINT : SQL_BEGIN, fail);
}

int store_sql_leave(struct store *store, int result, struct fail *fail) {
    struct fail ignored; /* the first error is the one to tell */
    if (result == 0)
        result = run(store, store->grouped ? SQL_RELEASE : SQL_COMMIT, fail);
    if (result == 0 || is_gone(store))
        return result;
    if (!store->grouped) {
        run(store, SQL_ROLLBACK, &ignored);
        return result;
    }
    run(store, SQL_ROLLBACK_PART, &ignored);
    run(store, SQL_RELEASE, &ignored);
    return result;
}
