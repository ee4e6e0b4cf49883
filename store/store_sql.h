/*
 * Internal to this folder: the open database, its cached statements, and errors. Every bind and
 * step is checked; a statement is reset as soon as it has ended.
 */
#ifndef STORE_STORE_SQL_H
#define STORE_STORE_SQL_H

#include "store/store.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_SQL_CACHE 64u /* different statements of the folder, at most */

struct store_sql_cached {
    const char *sql; /* its address is the key */
    sqlite3_stmt *stmt;
};

struct store {
    sqlite3 *db;
    char *shown;     /* its path, escaped */
    bool grouped;    /* between store_begin() and store_end() */
    int64_t aged_at; /* the last look at the clock (store_age.h), or 0 */
    uint64_t
        sealed; /* bytes of receipts since they were last looked at together, + 1; 0: not yet */
    size_t cached;
    struct store_sql_cached cache[STORE_SQL_CACHE];
};

/* One use of a statement. The first error sticks, so binds need no checks of their own. */
struct store_sql {
    struct store *store;
    struct fail *fail;
    sqlite3_stmt *stmt;
    int next;  /* parameter that the next bind fills */
    int error; /* 0 or -errno, `fail` filled */
};

/* The -errno that stands for a result code of SQLite. */
int store_sql_errno(int code);

/* Fills `fail` with what the connection says about its last error, `code`. */
int store_sql_fail(struct store *store, int code, struct fail *fail);

/* Fills `fail`: the content of the database makes no sense. Returns -EBADMSG. */
int store_sql_damaged(struct store *store, struct fail *fail);

/* Begins a use of `sql`, a string that outlives the store and is always the same object. */
void store_sql_use(struct store_sql *use, struct store *store, const char *sql, struct fail *fail);

/* Bind the next parameter. Bytes are borrowed until the use has ended; NULL text is an SQL NULL. */
void store_sql_u64(struct store_sql *use, uint64_t value); /* -ERANGE over INT64_MAX */
void store_sql_i64(struct store_sql *use, int64_t value);
/* When something happened to a transfer: `now`, or the last look at the clock if that was later. */
void store_sql_time(struct store_sql *use, int64_t now);
void store_sql_blob(struct store_sql *use, const void *data, size_t length);
void store_sql_text(struct store_sql *use, const char *text);

/* 1: a row; 0: no more, the use has ended; -errno: it has ended too. */
int store_sql_step(struct store_sql *use);

/* Runs to the end, whatever rows there are. 0 or -errno. */
int store_sql_run(struct store_sql *use);

/* Ends a use before its last row. Harmless when it has ended. */
void store_sql_end(struct store_sql *use);

/* Columns of the current row. */
uint64_t store_sql_get_u64(struct store_sql *use, int column);
int64_t store_sql_get_i64(struct store_sql *use, int column);
/* Copies a blob of exactly `length` bytes. 0 or -EBADMSG, -ENOMEM. */
int store_sql_get_blob(struct store_sql *use, int column, void *out, size_t length);
/* Copies text or blob of less than `room` bytes and a NUL. 0 or -EBADMSG, -ENOMEM. */
int store_sql_get_string(struct store_sql *use, int column, char *out, size_t room);

/* A transaction, or within store_begin() a part of one. Leaving with `result` 0 commits, else rolls
 * back; returns `result` or the error of the commit. Not nested. */
int store_sql_enter(struct store *store, struct fail *fail);
int store_sql_leave(struct store *store, int result, struct fail *fail);

#endif
