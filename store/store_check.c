#include "store/store_check.h"

#include "base/bytes.h"
#include "base/io.h"
#include "store/store.h"
#include "store/store_schema.h"
#include "store/store_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The header of an SQLite file (sqlite.org/fileformat2.html, "The Database Header"). */
#define HEADER 100
#define HEADER_MAGIC "SQLite format 3"
#define HEADER_USER_VERSION 60
#define HEADER_APPLICATION 68

/* The bytes that SQLite locks (same document, "File Locking": the lock-byte page). */
#define LOCK_FIRST 0x40000000
#define LOCK_COUNT 512

#define OTHER_STATE "use another state directory (--state DIR)"

static int is_newer(const char *shown, uint32_t version, struct fail *fail) {
    fail_set(fail, 0,
             "%s was written by a newer fxnode (format %u, this one knows %u): run that one, "
             "or " OTHER_STATE,
             shown, version, store_schema_version);
    return fail->code = -ENOTSUP;
}

static int is_foreign(const char *shown, struct fail *fail) {
    fail_set(fail, 0, "%s is a database of another program: move it away, or " OTHER_STATE, shown);
    return fail->code = -ENOTSUP;
}

static int is_damaged(const char *shown, const char *what, struct fail *fail) {
    fail_set(fail, 0,
             "%s is damaged (%s): put a copy of it back, or move it away to begin with an empty "
             "one, which knows no peers and no transfers",
             shown, what);
    return fail->code = -EBADMSG;
}

static int is_locked(const char *shown, long pid, struct fail *fail) {
    fail_set(fail, 0, "%s is in use by process %ld: stop that one, or " OTHER_STATE, shown, pid);
    return fail->code = -EBUSY;
}

/* A lock is looked for before the content: what another process is writing may look damaged. */
static int check_lock(int fd, const char *shown, struct fail *fail) {
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_FIRST, .l_len = LOCK_COUNT};
    if (fcntl(fd, F_GETLK, &lock) < 0)
        return fail_set(fail, -errno, "cannot see whether %s is in use", shown);
    return lock.l_type == F_UNLCK ? 0 : is_locked(shown, (long)lock.l_pid, fail);
}

static int check_header(int fd, const char *shown, struct fail *fail) {
    uint8_t header[HEADER];
    ssize_t got = io_pread_full(fd, header, sizeof(header), 0);
    if (got < 0)
        return fail_set(fail, (int)got, "cannot read %s", shown);
    if ((size_t)got < sizeof(header) || memcmp(header, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0)
        return is_damaged(shown, "file is not a database", fail);
    if (bytes_get(header + HEADER_APPLICATION, 4) != STORE_SCHEMA_APPLICATION)
        return is_foreign(shown, fail);
    uint32_t version = (uint32_t)bytes_get(header + HEADER_USER_VERSION, 4);
    return version > store_schema_version ? is_newer(shown, version, fail) : 0;
}

/* The database writes the file and makes others beside it. */
static int check_writable(const char *path, const char *shown, struct fail *fail) {
    int rc = 0;
    char *copy = strdup(path);
    if (copy == NULL)
        return fail_set(fail, -ENOMEM, "cannot open %s", shown);
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ||
        faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS) < 0)
        rc = fail_set(fail, -errno,
                      "cannot write %s and its directory: make them writable, or " OTHER_STATE,
                      shown);
    free(copy);
    return rc;
}

static int check_file(const char *path, const char *shown, struct fail *fail) {
    struct stat st;
    int rc = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STORE_NONE : fail_set(fail, -errno, "cannot open %s", shown);
    if (fstat(fd, &st) < 0)
        rc = fail_set(fail, -errno, "cannot open %s", shown);
    else if (!S_ISREG(st.st_mode))
        rc = is_damaged(shown, "not a regular file", fail);
    if (rc == 0)
        rc = check_lock(fd, shown, fail);
    if (rc == 0)
        rc = check_header(fd, shown, fail);
    if (rc == 0)
        rc = check_writable(path, shown, fail);
    io_close(&fd);
    return rc;
}

/* Whether a log of committed changes lies beside the database. */
static bool has_log(const char *path) {
    struct stat st;
    char *log = sqlite3_mprintf("%s-wal", path);
    bool has = log != NULL && stat(log, &st) == 0 && st.st_size > 0;
    sqlite3_free(log);
    return has;
}

/* "file:PATH?immutable=1", every byte of the path that could mean something escaped. */
static char *immutable_uri(const char *path) {
    sqlite3_str *uri = sqlite3_str_new(NULL);
    sqlite3_str_appendall(uri, "file:");
    for (; *path != '\0'; path++)
        sqlite3_str_appendf(uri, *path == '/' ? "/" : "%%%02x", (unsigned)(uint8_t)*path);
    sqlite3_str_appendall(uri, "?immutable=1");
    return sqlite3_str_finish(uri);
}

/*
 * Opens so that nothing is written. Without a log, SQLite is told that the file never changes: it
 * then makes no other file. A log must be read, and that takes a connection that could write; it
 * keeps the index of the log in memory (exclusive) and leaves the log alone when it closes.
 */
static int open_silently(const char *path, sqlite3 **db) {
    if (has_log(path)) {
        int code = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(*db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON",
                                NULL, NULL, NULL);
        return code;
    }
    char *uri = immutable_uri(path);
    if (uri == NULL)
        return SQLITE_NOMEM;
    int code = sqlite3_open_v2(
        uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE, NULL);
    sqlite3_free(uri);
    return code;
}

/* Runs quick_check; what it complains of goes to `what`. Returns a result code of SQLite. */
static int quick_check(sqlite3 *db, char *what, size_t room) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        const char *said = (const char *)sqlite3_column_text(stmt, 0);
        bool good = said != NULL && strcmp(said, "ok") == 0;
        if (!good) {
            snprintf(what, room, "%s", said != NULL ? said : "no answer");
            for (char *at = what; *at != '\0'; at++)
                if (*at == '\n')
                    *at = ' ';
        }
        code = good ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_finalize(stmt);
    return code;
}

/* The content as it is with the log applied. */
static int check_content(const char *path, const char *shown, struct fail *fail) {
    sqlite3 *db = NULL;
    char what[128] = "";
    uint32_t version = 0, application = 0;
    int rc = 0, code = open_silently(path, &db);
    if (code == SQLITE_OK)
        code = quick_check(db, what, sizeof(what));
    if (code == SQLITE_OK)
        code = store_schema_pragma(db, "user_version", &version);
    if (code == SQLITE_OK)
        code = store_schema_pragma(db, "application_id", &application);

    if (store_sql_errno(code) == -EBADMSG)
        rc = is_damaged(shown, what[0] != '\0' ? what : sqlite3_errmsg(db), fail);
    else if (code != SQLITE_OK)
        rc = fail_set(fail, store_sql_errno(code), "cannot read %s (%s)", shown,
                      sqlite3_errstr(code));
    else if (application != STORE_SCHEMA_APPLICATION)
        rc = is_foreign(shown, fail);
    else if (version > store_schema_version)
        rc = is_newer(shown, version, fail);
    sqlite3_close(db);
    return rc;
}

int store_check(const char *path, const char *shown, struct fail *fail) {
    int rc = check_file(path, shown, fail);
    if (rc == STORE_NONE && has_log(path)) /* a new database would take it for its own log */
        return is_damaged(shown, "its log is there, the database is not", fail);
    return rc == 0 ? check_content(path, shown, fail) : rc;
}
