/* A database of the first version, with something of everything in it, becomes one of today. */
#include "fixture.h"
#include "store/store_extent.h"
#include "store/store_peer.h"
#include "store/store_receipt.h"
#include "store/store_schema.h"
#include "store/store_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What version 1 held. Incoming transfers: 3 runs, 4 is an offer, 5 was delivered and cleaned, 6
 * was refused, 7 was accepted once and is cancelled. 8 goes out. */
static const char CONTENT[] =
    "INSERT INTO peer VALUES (1, zeroblob(32), x'ff276e616d65', 100, 200);"
    "INSERT INTO peer VALUES (2, "
    "x'1111111111111111111111111111111111111111111111111111111111111111',"
    " x'', 101, 201);"
    "INSERT INTO peer_address VALUES (1, '10.0.0.7', 42420, '', 'box:42420', 200, 1);"
    "INSERT INTO transfer (number, direction, state, peer_key, peer_name, transfer_id,"
    " manifest_hash, manifest_length, entries, bytes, units, names, name_count, destination, rate,"
    " created_at, changed_at, has_work, paths_digest)"
    " SELECT column1, column2, column3, zeroblob(32), x'626f78', CAST(printf('%016d', column1) AS"
    " BLOB), zeroblob(32), 50, 2, 1000 * column1, 20, x'000161', 1,"
    " CASE column2 WHEN 2 THEN x'2f696e' END, 0, 1000 + column1, 2000, column4,"
    " CASE column2 WHEN 1 THEN zeroblob(32) END FROM"
    " (VALUES (3, 2, 3, 1), (4, 2, 2, 0), (5, 2, 6, 0), (6, 2, 8, 0), (7, 2, 9, 1), (8, 1, 3, 1));"
    "INSERT INTO extent VALUES (3, 5, 7);"
    "INSERT INTO source VALUES (8, 0, x'2f686f6d652f61');"
    "INSERT INTO setting VALUES ('port', 42421);";

/* Runs as version `version` did, its log beside the file. */
static int run_old(sqlite3 *db, uint32_t version, const char *sql) {
    int code = sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL", NULL,
                            NULL, NULL);
    if (code == SQLITE_OK)
        code = store_schema_migrate(db, store_schema_steps, version);
    return code != SQLITE_OK ? code : sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void make_old(uint32_t version, const char *sql) {
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
    ck_assert_msg(run_old(db, version, sql) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void make_v1(const char *sql) {
    make_old(1, sql);
}

static void check_peers(void) {
    struct store_peer *peers = NULL;
    size_t count = 0;
    FIXTURE_OK(store_peer_list(fixture, &peers, &count, &fixture_fail));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(peers[0].name, "\xff'name");
    ck_assert_int_eq(peers[0].remembered, 100);
    ck_assert_int_eq(peers[0].last_used, 200);
    ck_assert_uint_eq(peers[0].address_count, 1);
    ck_assert_str_eq(peers[0].addresses[0].typed, "box:42420");
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(peers[i].paired, 0);
        ck_assert_str_eq(peers[i].alias, "");
    }
    free(peers);
}

static void check_transfers(void) {
    struct store_transfer t;
    struct rangeset set;
    struct store_names paths = {0};
    const struct store_name path = fixture_name("/home/a");
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_ALL, 0), 6);
    ck_assert_int_eq(store_transfer_get(fixture, 3, &t, &fixture_fail), 0);
    ck_assert_int_eq(t.state, STORE_RUNNING);
    ck_assert_str_eq(t.destination, "/in");
    ck_assert_int_eq(t.created, 1003);
    store_transfer_clear(&t);
    rangeset_init(&set);
    FIXTURE_OK(store_extent_load(fixture, 3, &set, &fixture_fail));
    ck_assert(rangeset_contains(&set, 5, 7));
    ck_assert_uint_eq(rangeset_total(&set), 7);
    rangeset_clear(&set);
    FIXTURE_OK(store_source_load(fixture, 8, &paths, &fixture_fail));
    fixture_check_names(&paths, &path, 1);
    store_names_clear(&paths);
}

/* What was accepted counts since it was offered; an offer, and what was refused, do not. */
static void check_taken(void) {
    uint64_t bytes = 0;
    FIXTURE_OK(store_transfer_taken(fixture, fixture_key(0), 0, &bytes, &fixture_fail));
    ck_assert_uint_eq(bytes, 3000 + 5000 + 7000);
    FIXTURE_OK(store_transfer_taken(fixture, fixture_key(0), 1005, &bytes, &fixture_fail));
    ck_assert_uint_eq(bytes, 5000 + 7000);
}

/* Opens it, and finds everything; then what is new works on what is old. */
static void check_migrated(void) {
    fixture_open();
    check_peers();
    check_transfers();
    check_taken();
    FIXTURE_OK(store_peer_pair(fixture, fixture_key(0x11), "attic", "", 500, &fixture_fail));
    fixture_close();
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), store_schema_version);
    ck_assert_int_eq(fixture_number("SELECT value FROM setting WHERE name = 'port'"), 42421);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_integrity_check"
                                    " WHERE integrity_check = 'ok'"),
                     1);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    ck_assert_int_eq(fixture_number("SELECT paired_at FROM peer WHERE alias = 'attic'"), 500);
}

START_TEST(test_v1_with_content) {
    make_v1(CONTENT);
    check_migrated();
}
END_TEST

/* The content is in the log only. */
static int die_with_log(void) {
    sqlite3 *db = NULL;
    return sqlite3_open(fixture_path, &db) == SQLITE_OK && run_old(db, 1, CONTENT) == SQLITE_OK ? 0
                                                                                                : 1;
}

START_TEST(test_v1_after_a_crash) {
    make_v1("");
    fixture_in_child(die_with_log);
    check_migrated();
}
END_TEST

/* Dies before the migration is committed; most of it has reached the log by then. */
static int die_migrating(void) {
    sqlite3 *db = NULL;
    int code = sqlite3_open(fixture_path, &db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db,
                            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                            "PRAGMA cache_size = 1; BEGIN IMMEDIATE",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, store_schema_steps[1], NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_db_cacheflush(db);
    return code == SQLITE_OK ? 0 : 1;
}

START_TEST(test_crash_while_migrating) {
    make_v1(CONTENT);
    fixture_in_child(die_migrating);
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), 1);
    check_migrated();
}
END_TEST

START_TEST(test_failed_migration_leaves_v1) {
    const char *const broken[] = {store_schema_steps[0], store_schema_steps[1],
                                  store_schema_steps[2], "nonsense"};
    sqlite3 *db = NULL;
    make_v1(CONTENT);
    ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
    ck_assert_int_eq(store_schema_migrate(db, broken, 4), SQLITE_ERROR);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), 1);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_table_info('peer')"), 5);
    check_migrated();
}
END_TEST

/* What version 2 held beyond that: paired peers with settings, and a transfer that is being placed.
 * Nobody had chosen anything about names that exist: all of it goes on as before. */
static const char CONTENT_2[] =
    "INSERT INTO peer VALUES (1, zeroblob(32), x'61', 100, 200, 300, 'attic', 2, x'696e', 7, 8);"
    "INSERT INTO transfer (number, direction, state, peer_key, peer_name, transfer_id,"
    " manifest_hash, manifest_length, entries, bytes, units, names, name_count, destination, rate,"
    " created_at, changed_at, has_work, accepted_at) VALUES (3, 2, 5, zeroblob(32), x'61',"
    " zeroblob(16), zeroblob(32), 50, 2, 9, 1, x'000161', 1, x'2f696e', 0, 1, 2, 1, 1);"
    "INSERT INTO placing VALUES (3, 0, x'61', 1, 2);";

static void check_v2_peer(void) {
    struct store_peer *peers = NULL;
    size_t count = 0;
    FIXTURE_OK(store_peer_list(fixture, &peers, &count, &fixture_fail));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(peers[0].alias, "attic");
    ck_assert_int_eq(peers[0].settings.accept, STORE_PEER_ASK);
    ck_assert_str_eq(peers[0].settings.directory, "in");
    ck_assert_uint_eq(peers[0].settings.day_limit, 8);
    ck_assert_int_eq(peers[0].settings.exists, STORE_EXISTS_DEFAULT);
    free(peers);
}

START_TEST(test_v2_with_content) {
    struct store_transfer t;
    make_old(2, CONTENT_2);
    fixture_open();
    check_v2_peer();
    ck_assert_int_eq(store_transfer_get(fixture, 3, &t, &fixture_fail), 0);
    ck_assert_int_eq(t.state, STORE_PLACING);
    ck_assert_int_eq(t.exists, STORE_EXISTS_RENAME);
    ck_assert_uint_eq(t.existing, 0);
    store_transfer_clear(&t);
    fixture_close();
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), store_schema_version);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM placing"), 1);
}
END_TEST

/* What version 3 held beyond that: names that existed. Nothing was said to replace anything. */
static const char CONTENT_3[] =
    "INSERT INTO transfer (number, direction, state, peer_key, peer_name, transfer_id,"
    " manifest_hash, manifest_length, entries, bytes, units, names, name_count, destination, rate,"
    " created_at, changed_at, has_work, accepted_at, on_exists, existing) VALUES (3, 2, 3,"
    " zeroblob(32), x'61', zeroblob(16), zeroblob(32), 50, 2, 9, 1, x'000161', 1, x'2f696e', 0, 1,"
    " 2, 1, 1, 2, -1);"
    "INSERT INTO transfer (number, direction, state, peer_key, peer_name, transfer_id,"
    " manifest_hash, manifest_length, entries, bytes, units, names, name_count, rate, created_at,"
    " changed_at, has_work, paths_digest) VALUES (4, 1, 3, zeroblob(32), x'61', zeroblob(16),"
    " zeroblob(32), 50, 2, 9, 1, x'000161', 1, 0, 1, 2, 1, zeroblob(32));";

START_TEST(test_v3_with_content) {
    struct store_transfer t;
    make_old(3, CONTENT_3);
    fixture_open();
    ck_assert_int_eq(store_transfer_get(fixture, 3, &t, &fixture_fail), 0);
    ck_assert_int_eq(t.exists, STORE_EXISTS_SKIP);
    ck_assert_uint_eq(t.existing, UINT64_MAX);
    ck_assert_uint_eq(t.lineage.count, 0);
    store_transfer_clear(&t);
    ck_assert_int_eq(store_transfer_get(fixture, 4, &t, &fixture_fail), 0);
    ck_assert_uint_eq(t.lineage.count, 0);
    store_transfer_clear(&t);
    fixture_close();
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), store_schema_version);
}
END_TEST

/* What version 4 held beyond that: what a transfer replaces. Of what was delivered there is no
 * receipt, and later transfers get theirs. */
static const char CONTENT_4[] =
    "INSERT INTO transfer (number, direction, state, peer_key, peer_name, transfer_id,"
    " manifest_hash, manifest_length, entries, bytes, units, names, name_count, rate, created_at,"
    " changed_at, has_work, paths_digest, lineage) SELECT column1, 1, column2, zeroblob(32),"
    " x'61', CAST(printf('%016d', column1) AS BLOB), zeroblob(32), 50, 2, 9, 1, x'000161', 1, 0, 1,"
    " 2, 1, zeroblob(32), zeroblob(16) FROM (VALUES (3, 6), (4, 3));";

static int take_nothing(void *context, const void *bytes, size_t length, struct fail *fail) {
    (void)context;
    (void)bytes;
    (void)length;
    (void)fail;
    return 0;
}

START_TEST(test_v4_with_content) {
    const struct store_receipt_piece piece = {0, "abc", 3};
    struct store_transfer t;
    make_old(4, CONTENT_4);
    fixture_open();
    ck_assert_int_eq(store_transfer_get(fixture, 3, &t, &fixture_fail), 0);
    ck_assert_uint_eq(t.receipt, 0);
    ck_assert_uint_eq(t.lineage.count, 1);
    store_transfer_clear(&t);
    ck_assert_int_eq(store_receipt_read(fixture, 3, take_nothing, NULL, &fixture_fail), STORE_NONE);
    FIXTURE_OK(store_receipt_add(fixture, 4, &piece, &fixture_fail));
    fixture_close();
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), store_schema_version);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
}
END_TEST

/* What version 5 held beyond that: a receipt. Nothing that was sent before is removed now. */
static const char CONTENT_5[] =
    "INSERT INTO transfer (number, direction, state, peer_key, peer_name, transfer_id,"
    " manifest_hash, manifest_length, entries, bytes, units, names, name_count, rate, created_at,"
    " changed_at, has_work, paths_digest, receipt_length) VALUES (3, 1, 6, zeroblob(32), x'61',"
    " zeroblob(16), zeroblob(32), 50, 2, 9, 1, x'000161', 1, 0, 1, 2, 1, zeroblob(32), 3);"
    "INSERT INTO receipt VALUES (3, 0, x'616263');";

START_TEST(test_v5_with_content) {
    struct store_transfer t;
    make_old(5, CONTENT_5);
    fixture_open();
    ck_assert_int_eq(store_transfer_get(fixture, 3, &t, &fixture_fail), 0);
    ck_assert_uint_eq(t.receipt, 3);
    ck_assert_int_eq(t.moving, STORE_MOVING_NO);
    store_transfer_clear(&t);
    FIXTURE_OK(store_receipt_read(fixture, 3, take_nothing, NULL, &fixture_fail));
    ck_assert_uint_eq(fixture_list(STORE_TRANSFERS_MOVING, 0), 0);
    fixture_close();
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), store_schema_version);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-migrate");
    TCase *t = tcase_create("migrate");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_dir, fixture_remove);
    tcase_add_test(t, test_v1_with_content);
    tcase_add_test(t, test_v2_with_content);
    tcase_add_test(t, test_v3_with_content);
    tcase_add_test(t, test_v4_with_content);
    tcase_add_test(t, test_v5_with_content);
    tcase_add_test(t, test_v1_after_a_crash);
    tcase_add_test(t, test_crash_while_migrating);
    tcase_add_test(t, test_failed_migration_leaves_v1);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
