#include "store/store.h"

#include "base/escape.h"
#include "base/io.h"
#include "base/weaken.h"
#include "store/store_check.h"
#include "store/store_schema.h"
#include "store/store_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* locking_mode comes first: no index of the log in shared memory is then ever made. */
static const char PRAGMAS[] = "PRAGMA locking_mode = EXCLUSIVE;"
                              "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = FULL;"
                              "PRAGMA foreign_keys = ON;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA journal_size_limit = 4194304";

/* Opens the existing file at `path` into `store`, migrated. */
static int connect_to(struct store *store, const char *path, struct fail *fail) {
    int code =
        sqlite3_open_v2(path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(store->db, PRAGMAS, NULL, NULL, NULL);
    if (code == SQLITE_OK && weakened("synchronous-normal"))
        code = sqlite3_exec(store->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (code == SQLITE_OK) /* also takes the lock, which is then kept */
        code = store_schema_migrate(store->db, store_schema_steps, store_schema_version);
    return code == SQLITE_OK ? 0 : store_sql_fail(store, code, fail);
}

/* Ends the connection. Returns a result code of SQLite. */
static int disconnect(struct store *store) {
    for (size_t i = 0; i < store->cached; i++)
        sqlite3_finalize(store->cache[i].stmt);
    store->cached = 0;
    int code = sqlite3_close(store->db);
    store->db = NULL;
    return code;
}

/* What SQLite could not put into the file when it ended the connection stays in its log, and it
 * does not say so. */
static bool has_log(const char *path) {
    char *name = sqlite3_mprintf("%s-wal", path);
    bool there = name == NULL || access(name, F_OK) == 0;
    sqlite3_free(name);
    return there;
}

static void remove_unfinished(const char *path) {
    static const char *const suffixes[] = {"", "-journal", "-wal"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char *name = sqlite3_mprintf("%s%s", path, suffixes[i]);
        if (name != NULL)
            unlink(name);
        sqlite3_free(name);
    }
}

/* An empty, private file at `path`, for SQLite to fill. */
static int create_file(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    io_close(&fd);
    return 0;
}

static int sync_at(const char *path, int flags) {
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    io_close(&fd);
    return rc;
}

/* Gives the finished file its name, durably. */
static int publish(const char *made, const char *path) {
    int rc = sync_at(made, 0);
    if (rc == 0 && rename(made, path) < 0)
        rc = -errno;
    if (rc < 0)
        return rc;
    char *copy = strdup(path);
    rc = copy != NULL ? sync_at(dirname(copy), O_DIRECTORY) : -ENOMEM;
    free(copy);
    return rc;
}

/* Makes an empty database beside `path` and renames it: under its own name it is always whole. */
static int create(struct store *store, const char *path, struct fail *fail) {
    int rc = 0;
    char *made = sqlite3_mprintf("%s.new", path);
    if (made == NULL)
        return fail_set(fail, -ENOMEM, "cannot create %s", store->shown);
    remove_unfinished(made); /* of a crash */
    rc = create_file(made);
    if (rc < 0) {
        fail_set(fail, rc, "cannot create %s", store->shown);
        goto out;
    }
    rc = connect_to(store, made, fail);
    int code = disconnect(store);
    if (rc == 0 && (code != SQLITE_OK || has_log(made)))
        rc = fail_set(fail, code != SQLITE_OK ? store_sql_errno(code) : -EIO, "cannot create %s",
                      store->shown);
    if (rc == 0) {
        rc = publish(made, path);
        if (rc < 0)
            fail_set(fail, rc, "cannot create %s", store->shown);
    }
    if (rc < 0)
        remove_unfinished(made);
out:
    sqlite3_free(made);
    return rc;
}

int store_open(struct store **out, const char *path, struct fail *fail) {
    int rc = -ENOMEM;
    size_t room = ESCAPE_ROOM(strlen(path));
    struct store *store = calloc(1, sizeof(*store));
    if (store != NULL)
        store->shown = malloc(room);
    if (store == NULL || store->shown == NULL) {
        fail_set(fail, rc, "cannot open the database");
        goto out;
    }
    escape_text(store->shown, room, path);
    rc = store_check(path, store->shown, fail);
    if (rc == STORE_NONE)
        rc = create(store, path, fail);
    if (rc == 0)
        rc = connect_to(store, path, fail);
out:
    if (rc == 0)
        *out = store;
    else
        store_close(store);
    return rc;
}

void store_close(struct store *store) {
    if (store == NULL)
        return;
    disconnect(store);
    free(store->shown);
    free(store);
}

int store_begin(struct store *store, struct fail *fail) {
    if (store->grouped)
        return fail_set(fail, -EBUSY, "changes to %s are being grouped already", store->shown);
    int rc = store_sql_enter(store, fail);
    store->grouped = rc == 0;
    return rc;
}

int store_end(struct store *store, int result, struct fail *fail) {
    store->grouped = false;
    if (result == 0 && sqlite3_get_autocommit(store->db))
        return fail_set(fail, -EIO, "an earlier change to %s failed", store->shown);
    return store_sql_leave(store, result, fail);
}
