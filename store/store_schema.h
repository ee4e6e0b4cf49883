/*
 * Internal to this folder: the tables, as numbered migrations.
 */
#ifndef STORE_STORE_SCHEMA_H
#define STORE_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

/* "fxnd": marks the file as ours (offset 68 of the header of an SQLite file). */
#define STORE_SCHEMA_APPLICATION 0x66786e64

/* Version of the newest schema, and the SQL that makes version i + 1 of version i. */
extern const uint32_t store_schema_version;
extern const char *const store_schema_steps[];

/*
 * Brings the database from its user_version to `count` by steps[user_version..count - 1]; schema,
 * version and application id in one transaction: after an error nothing has changed. Returns a
 * result code of SQLite; SQLITE_MISMATCH where the database is newer than `count`.
 */
int store_schema_migrate(sqlite3 *db, const char *const *steps, uint32_t count);

/* Fills *value from a pragma such as "user_version". Returns a result code of SQLite. */
int store_schema_pragma(sqlite3 *db, const char *name, uint32_t *value);

#endif
