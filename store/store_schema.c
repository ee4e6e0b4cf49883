#include "store/store_schema.h"

#include <stdio.h>

/*
 * Names and paths are bytes, so they are blobs. Times are seconds since 1970. What is deleted from
 * `transfer` takes its other rows along; AUTOINCREMENT keeps numbers from being used again.
 */
static const char VERSION_1[] =
    "CREATE TABLE peer ("
    "  id INTEGER PRIMARY KEY,"
    "  key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),"
    "  name BLOB NOT NULL CHECK (length(name) <= 64),"
    "  remembered_at INTEGER NOT NULL,"
    "  last_used_at INTEGER NOT NULL"
    ") STRICT;"
    /* `sequence` orders the addresses of all peers by when they were last good. */
    "CREATE TABLE peer_address ("
    "  peer INTEGER NOT NULL REFERENCES peer ON DELETE CASCADE,"
    "  host TEXT NOT NULL,"
    "  port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),"
    "  interface TEXT NOT NULL,"
    "  typed TEXT NOT NULL,"
    "  last_good_at INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL UNIQUE,"
    "  PRIMARY KEY (peer, host, port, interface)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX peer_address_typed ON peer_address (typed) WHERE typed <> '';"
    /* direction and state: enum store_direction and enum store_state. */
    "CREATE TABLE transfer ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  direction INTEGER NOT NULL CHECK (direction IN (1, 2)),"
    "  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9),"
    "  peer_key BLOB NOT NULL CHECK (length(peer_key) = 32),"
    "  peer_name BLOB NOT NULL CHECK (length(peer_name) <= 64),"
    "  transfer_id BLOB NOT NULL CHECK (length(transfer_id) = 16),"
    "  manifest_hash BLOB NOT NULL CHECK (length(manifest_hash) = 32),"
    "  manifest_length INTEGER NOT NULL,"
    "  entries INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  units INTEGER NOT NULL,"
    "  names BLOB NOT NULL,"
    "  name_count INTEGER NOT NULL,"
    "  final_names BLOB NOT NULL DEFAULT x'',"
    "  failed INTEGER NOT NULL DEFAULT 0,"
    "  reason TEXT NOT NULL DEFAULT '',"
    "  destination BLOB CHECK ((destination IS NOT NULL) = (direction = 2)),"
    "  rate INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL,"
    "  changed_at INTEGER NOT NULL,"
    "  finished_at INTEGER NOT NULL DEFAULT 0,"
    "  confirmed INTEGER NOT NULL DEFAULT 0,"
    "  has_work INTEGER NOT NULL,"
    "  paths_digest BLOB CHECK ((length(paths_digest) IS 32) = (direction = 1)),"
    "  UNIQUE (direction, peer_key, transfer_id)"
    ") STRICT;"
    "CREATE INDEX transfer_active ON transfer (number) WHERE state < 6;"
    "CREATE INDEX transfer_left ON transfer (number) WHERE state >= 6 AND has_work;"
    "CREATE TABLE source ("
    "  transfer INTEGER NOT NULL REFERENCES transfer ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  path BLOB NOT NULL,"
    "  PRIMARY KEY (transfer, position)"
    ") STRICT, WITHOUT ROWID;"
    /* Units that are durable: disjoint ranges that do not touch. */
    "CREATE TABLE extent ("
    "  transfer INTEGER NOT NULL REFERENCES transfer ON DELETE CASCADE,"
    "  first INTEGER NOT NULL CHECK (first >= 0),"
    "  count INTEGER NOT NULL CHECK (count > 0),"
    "  PRIMARY KEY (transfer, first)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE placing ("
    "  transfer INTEGER NOT NULL REFERENCES transfer ON DELETE CASCADE,"
    "  item INTEGER NOT NULL,"
    "  name BLOB NOT NULL CHECK (length(name) BETWEEN 1 AND 255),"
    "  device INTEGER NOT NULL," /* unsigned 64 bits, as they are */
    "  inode INTEGER NOT NULL,"
    "  PRIMARY KEY (transfer, item)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE setting ("
    "  name TEXT PRIMARY KEY,"
    "  value INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;";

/*
 * Paired peers, and when an incoming transfer was accepted first (NULL: it never was). A limit is
 * an unsigned number of 64 bits as it is, 0 for none. Whatever was taken in before counts from the
 * day it was offered.
 */
static const char VERSION_2[] =
    "ALTER TABLE peer ADD COLUMN paired_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE peer ADD COLUMN alias TEXT NOT NULL DEFAULT ''"
    "  CHECK (length(CAST(alias AS BLOB)) <= 63 AND (alias <> '') = (paired_at <> 0));"
    /* enum store_peer_accept */
    "ALTER TABLE peer ADD COLUMN accept INTEGER NOT NULL DEFAULT 1 CHECK (accept BETWEEN 1 AND 3);"
    "ALTER TABLE peer ADD COLUMN directory BLOB NOT NULL DEFAULT x''"
    "  CHECK (length(directory) <= 255);"
    "ALTER TABLE peer ADD COLUMN byte_limit INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE peer ADD COLUMN day_limit INTEGER NOT NULL DEFAULT 0;"
    "CREATE UNIQUE INDEX peer_alias ON peer (alias) WHERE alias <> '';"
    "ALTER TABLE transfer ADD COLUMN accepted_at INTEGER CHECK (accepted_at IS NULL OR direction = "
    "2);"
    "UPDATE transfer SET accepted_at = created_at"
    "  WHERE direction = 2 AND (has_work OR state IN (3, 5, 6));"
    "CREATE INDEX transfer_taken ON transfer (peer_key, accepted_at, bytes)"
    "  WHERE accepted_at IS NOT NULL;";

/*
 * What becomes of names that exist: of a paired peer (0: what the node does with all), and of an
 * incoming transfer, which had no choice before. `existing`: bits for its names, those that were in
 * use when it was offered.
 */
static const char VERSION_3[] =
    /* enum store_exists */
    "ALTER TABLE peer ADD COLUMN on_exists INTEGER NOT NULL DEFAULT 0"
    "  CHECK (on_exists BETWEEN 0 AND 5);"
    "ALTER TABLE transfer ADD COLUMN on_exists INTEGER NOT NULL DEFAULT 1"
    "  CHECK (on_exists BETWEEN 1 AND 3);"
    "ALTER TABLE transfer ADD COLUMN existing INTEGER NOT NULL DEFAULT 0;";

/* The ids of the transfers that an outgoing one replaces, newest first (base/lineage.h). */
static const char VERSION_4[] =
    "ALTER TABLE transfer ADD COLUMN lineage BLOB NOT NULL DEFAULT x''"
    "  CHECK (length(lineage) % 16 = 0 AND (lineage = x'' OR direction = 1));";

/*
 * What is kept of delivered transfers, so that it can be seen later whether what was delivered
 * still is what it was: pieces of one sequence of bytes each. `receipt_length` is how many there
 * are, 0 where nothing is kept (any more).
 */
static const char VERSION_5[] =
    "CREATE TABLE receipt ("
    "  transfer INTEGER NOT NULL REFERENCES transfer ON DELETE CASCADE,"
    "  position INTEGER NOT NULL CHECK (position >= 0)," /* of its first byte */
    "  bytes BLOB NOT NULL,"
    "  UNIQUE (transfer, position)"
    ") STRICT;"
    "ALTER TABLE transfer ADD COLUMN receipt_length INTEGER NOT NULL DEFAULT 0"
    "  CHECK (receipt_length >= 0);"
    "CREATE INDEX transfer_receipt ON transfer (number, receipt_length) WHERE receipt_length > 0;";

/* Whether what an outgoing transfer sends is to be removed here once it is delivered, and how many
 * of its entries were then. */
static const char VERSION_6[] =
    /* enum store_moving */
    "ALTER TABLE transfer ADD COLUMN moving INTEGER NOT NULL DEFAULT 0"
    "  CHECK (moving BETWEEN 0 AND 2 AND (moving = 0 OR direction = 1));"
    "ALTER TABLE transfer ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE transfer ADD COLUMN stayed INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX transfer_moving ON transfer (number) WHERE state = 6 AND moving = 1;";

/* Whether all of an incoming transfer is as it was sent, but for what failed: not said of what was
 * placed before. */
static const char VERSION_7[] = "ALTER TABLE transfer ADD COLUMN exact INTEGER NOT NULL DEFAULT 0"
                                "  CHECK (exact BETWEEN 0 AND 1);";

const char *const store_schema_steps[] = {VERSION_1, VERSION_2, VERSION_3, VERSION_4,
                                          VERSION_5, VERSION_6, VERSION_7};
const uint32_t store_schema_version = sizeof(store_schema_steps) / sizeof(store_schema_steps[0]);

int store_schema_pragma(sqlite3 *db, const char *name, uint32_t *value) {
    char sql[64];
    sqlite3_stmt *stmt = NULL;
    snprintf(sql, sizeof(sql), "PRAGMA %s", name);
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK)
        return code;
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *value = (uint32_t)sqlite3_column_int64(stmt, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return code;
}

static int mark(sqlite3 *db, uint32_t version) {
    char sql[96];
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %u",
             STORE_SCHEMA_APPLICATION, version);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int store_schema_migrate(sqlite3 *db, const char *const *steps, uint32_t count) {
    uint32_t version = 0;
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return code;
    code = store_schema_pragma(db, "user_version", &version);
    if (code == SQLITE_OK && version > count)
        code = SQLITE_MISMATCH;
    for (uint32_t i = version; code == SQLITE_OK && i < count; i++)
        code = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
    if (code == SQLITE_OK && version < count)
        code = mark(db, count);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}
