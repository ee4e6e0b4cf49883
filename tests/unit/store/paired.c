/* Peers that are paired, and what was taken of one. */
#include "fixture.h"
#include "store/store_expire.h"
#include "store/store_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_peer *peers;
static size_t peer_count;

static void list_peers(void) {
    free(peers);
    FIXTURE_OK(store_peer_list(fixture, &peers, &peer_count, &fixture_fail));
}

static void remove_all(void) {
    free(peers);
    peers = NULL;
    fixture_remove();
}

/* From here on what is read was on the disk. */
static void reopen(void) {
    fixture_close();
    fixture_open();
}

static int pair(uint8_t byte, const char *alias, const char *name, int64_t now) {
    return store_peer_pair(fixture, fixture_key(byte), alias, name, now, &fixture_fail);
}

START_TEST(test_pair_a_new_one) {
    FIXTURE_OK(pair(1, "attic", "box", 100));
    reopen();
    list_peers();
    ck_assert_uint_eq(peer_count, 1);
    ck_assert_mem_eq(peers[0].key, fixture_key(1), LIMIT_KEY);
    ck_assert_str_eq(peers[0].alias, "attic");
    ck_assert_str_eq(peers[0].name, "box");
    ck_assert_int_eq(peers[0].paired, 100);
    ck_assert_int_eq(peers[0].remembered, 100);
    ck_assert_int_eq(peers[0].last_used, 100);
    ck_assert_int_eq(peers[0].settings.accept, STORE_PEER_TAKE);
    ck_assert_str_eq(peers[0].settings.directory, "");
    ck_assert_uint_eq(peers[0].settings.limit, 0);
    ck_assert_uint_eq(peers[0].settings.day_limit, 0);
}
END_TEST

START_TEST(test_pair_one_that_is_remembered) {
    struct store_peer_address address = {.host = "10.0.0.7", .port = 1, .last_good = 50};
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "box", 50, &fixture_fail));
    FIXTURE_OK(store_peer_note_address(fixture, fixture_key(1), &address, &fixture_fail));
    FIXTURE_OK(pair(1, "attic", "", 100));
    list_peers();
    ck_assert_uint_eq(peer_count, 1);
    ck_assert_str_eq(peers[0].name, "box");
    ck_assert_int_eq(peers[0].remembered, 50);
    ck_assert_int_eq(peers[0].paired, 100);
    ck_assert_uint_eq(peers[0].address_count, 1);
}
END_TEST

START_TEST(test_pair_again_keeps_settings) {
    const struct store_peer_settings settings = {.accept = STORE_PEER_REFUSE,
                                                 .directory = "in/attic",
                                                 .limit = 7,
                                                 .day_limit = UINT64_MAX,
                                                 .exists = STORE_EXISTS_REFUSE};
    FIXTURE_OK(pair(1, "attic", "box", 100));
    FIXTURE_OK(store_peer_set_settings(fixture, fixture_key(1), &settings, &fixture_fail));
    FIXTURE_OK(pair(1, "loft", "box2", 200));
    reopen();
    list_peers();
    ck_assert_str_eq(peers[0].alias, "loft");
    ck_assert_str_eq(peers[0].name, "box2");
    ck_assert_int_eq(peers[0].paired, 100);
    ck_assert_int_eq(peers[0].last_used, 200);
    ck_assert_int_eq(peers[0].settings.accept, STORE_PEER_REFUSE);
    ck_assert_str_eq(peers[0].settings.directory, "in/attic");
    ck_assert_uint_eq(peers[0].settings.limit, 7);
    ck_assert_uint_eq(peers[0].settings.day_limit, UINT64_MAX);
    ck_assert_int_eq(peers[0].settings.exists, STORE_EXISTS_REFUSE);
}
END_TEST

/* A clock that was never set says 0, which must not read as "not paired". */
START_TEST(test_pair_without_a_clock) {
    FIXTURE_OK(pair(1, "attic", "box", _i == 0 ? 0 : -5));
    list_peers();
    ck_assert_int_eq(peers[0].paired, 1);
    ck_assert_str_eq(peers[0].alias, "attic");
}
END_TEST

START_TEST(test_pair_refused) {
    char name[LIMIT_NAME + 2];
    memset(name, 'x', sizeof(name));
    name[LIMIT_NAME + 1] = '\0';
    FIXTURE_OK(pair(1, "attic", "box", 100));
    ck_assert_int_eq(pair(2, "attic", "box", 100), STORE_EXISTS);
    ck_assert_int_eq(pair(2, "loft", name, 100), -EINVAL);
    list_peers();
    ck_assert_uint_eq(peer_count, 1);
    FIXTURE_OK(pair(2, "Attic", name + 1, 100)); /* an alias is bytes */
    list_peers();
    ck_assert_str_eq(peers[1].name, name + 1);
}
END_TEST

/* Several in one commit: the one that cannot be takes the others with it. */
START_TEST(test_pair_all_or_none) {
    FIXTURE_OK(pair(1, "attic", "", 100));
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    FIXTURE_OK(pair(2, "loft", "", 100));
    int rc = pair(3, "attic", "", 100);
    ck_assert_int_eq(store_end(fixture, rc, &fixture_fail), STORE_EXISTS);
    reopen();
    list_peers();
    ck_assert_uint_eq(peer_count, 1);
    FIXTURE_OK(pair(3, "loft", "", 100));
}
END_TEST

START_TEST(test_set_alias) {
    FIXTURE_OK(pair(1, "attic", "box", 100));
    FIXTURE_OK(pair(2, "loft", "box", 100));
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(3), "cellar", 50, &fixture_fail));
    FIXTURE_OK(store_peer_set_alias(fixture, fixture_key(1), "cellar", &fixture_fail));
    FIXTURE_OK(store_peer_set_alias(fixture, fixture_key(1), "cellar", &fixture_fail));
    ck_assert_int_eq(store_peer_set_alias(fixture, fixture_key(1), "loft", &fixture_fail),
                     STORE_EXISTS);
    ck_assert_int_eq(store_peer_set_alias(fixture, fixture_key(3), "new", &fixture_fail),
                     STORE_NONE);
    ck_assert_int_eq(store_peer_set_alias(fixture, fixture_key(4), "new", &fixture_fail),
                     STORE_NONE);
    FIXTURE_OK(store_peer_set_alias(fixture, fixture_key(2), "attic", &fixture_fail));
    reopen();
    list_peers();
    ck_assert_str_eq(peers[0].alias, "cellar");
    ck_assert_str_eq(peers[1].alias, "attic");
    ck_assert_str_eq(peers[2].alias, "");
}
END_TEST

START_TEST(test_set_settings_of_paired_ones_only) {
    const struct store_peer_settings settings = {.accept = STORE_PEER_ASK};
    const struct store_peer_settings broken = {.accept = 0};
    FIXTURE_OK(pair(1, "attic", "box", 100));
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(2), "box", 50, &fixture_fail));
    ck_assert_int_eq(store_peer_set_settings(fixture, fixture_key(2), &settings, &fixture_fail),
                     STORE_NONE);
    ck_assert_int_eq(store_peer_set_settings(fixture, fixture_key(3), &settings, &fixture_fail),
                     STORE_NONE);
    ck_assert_int_eq(store_peer_set_settings(fixture, fixture_key(1), &broken, &fixture_fail),
                     -EINVAL);
    list_peers();
    ck_assert_int_eq(peers[0].settings.accept, STORE_PEER_TAKE);
}
END_TEST

/* Being remembered again changes nothing of a paired one but its name and last use. */
START_TEST(test_paired_and_remembered) {
    FIXTURE_OK(pair(1, "attic", "box", 100));
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "loft", 200, &fixture_fail));
    list_peers();
    ck_assert_str_eq(peers[0].alias, "attic");
    ck_assert_str_eq(peers[0].name, "loft");
    ck_assert_int_eq(peers[0].paired, 100);
}
END_TEST

/* What was forgotten is a stranger: nothing of it comes back with the key. */
START_TEST(test_forget_takes_everything) {
    const struct store_peer_settings settings = {.accept = STORE_PEER_ASK, .directory = "a"};
    FIXTURE_OK(pair(1, "attic", "box", 100));
    FIXTURE_OK(store_peer_set_settings(fixture, fixture_key(1), &settings, &fixture_fail));
    FIXTURE_OK(store_peer_forget(fixture, fixture_key(1), &fixture_fail));
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "box", 200, &fixture_fail));
    FIXTURE_OK(pair(2, "attic", "", 200));
    list_peers();
    ck_assert_int_eq(peers[0].paired, 0);
    ck_assert_str_eq(peers[0].alias, "");
    FIXTURE_OK(pair(1, "loft", "", 300));
    list_peers();
    ck_assert_int_eq(peers[0].settings.accept, STORE_PEER_TAKE);
    ck_assert_str_eq(peers[0].settings.directory, "");
}
END_TEST

/* What was taken. */

static uint64_t taken(uint8_t byte, int64_t since) {
    uint64_t bytes = 1;
    FIXTURE_OK(store_transfer_taken(fixture, fixture_key(byte), since, &bytes, &fixture_fail));
    return bytes;
}

/* An incoming transfer of peer 1 in `state` at `now`. */
static uint64_t offer(uint8_t id, enum store_state state, uint64_t bytes, int64_t now) {
    struct store_transfer_new with = fixture_incoming(id, state);
    with.peer_key = fixture_key(1);
    with.bytes = bytes;
    with.manifest_length = 1;
    with.now = now;
    return fixture_create(&with);
}

START_TEST(test_taken) {
    const struct store_name path = fixture_name("/a");
    struct store_transfer_new sent = fixture_outgoing(1, &path, 1);
    sent.state = STORE_RUNNING;
    ck_assert_uint_eq(taken(1, 0), 0);
    fixture_create(&sent);
    offer(1, STORE_RUNNING, 100, 1000);
    uint64_t asked = offer(2, STORE_OFFERED, 20, 900);
    uint64_t refused = offer(3, STORE_OFFERED, 3, 1000);
    ck_assert_uint_eq(taken(1, 0), 100);
    fixture_set_state(asked, STORE_RUNNING, 2000);
    fixture_set_state(refused, STORE_REFUSED, 2000);
    ck_assert_uint_eq(taken(1, 0), 120);
    ck_assert_uint_eq(taken(1, 1000), 120);
    ck_assert_uint_eq(taken(1, 1001), 20);
    ck_assert_uint_eq(taken(1, 2001), 0);
    ck_assert_uint_eq(taken(2, 0), 0);
}
END_TEST

/* A long list of what has no content is not nothing. */
START_TEST(test_taken_is_a_list_too) {
    struct store_transfer_new with = fixture_incoming(1, STORE_RUNNING);
    with.peer_key = fixture_key(1);
    with.manifest_length = 1ull << 32;
    with.bytes = 3;
    fixture_create(&with);
    ck_assert_uint_eq(taken(1, 0), 1ull << 32);
    offer(2, STORE_RUNNING, 5, 1000);
    ck_assert_uint_eq(taken(1, 0), (1ull << 32) + 5);
}
END_TEST

/* It counts from when it ran first, and stays counted however it goes on or ends. */
START_TEST(test_taken_once) {
    uint64_t number = offer(1, STORE_RUNNING, 100, 1000);
    fixture_set_state(number, STORE_PAUSED, 1500);
    fixture_set_state(number, STORE_RUNNING, 2000);
    ck_assert_uint_eq(taken(1, 1001), 0);
    ck_assert_uint_eq(taken(1, 1000), 100);
    fixture_set_state(number, STORE_CANCELLED, 3000);
    reopen();
    ck_assert_uint_eq(taken(1, 1000), 100);
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "box", 1, &fixture_fail));
    FIXTURE_OK(store_peer_forget(fixture, fixture_key(1), &fixture_fail));
    ck_assert_uint_eq(taken(1, 1000), 100); /* pairing anew is no new day */
}
END_TEST

START_TEST(test_taken_saturates) {
    offer(1, STORE_RUNNING, INT64_MAX, 1000);
    ck_assert_uint_eq(taken(1, 0), INT64_MAX);
    offer(2, STORE_RUNNING, INT64_MAX, 1000);
    ck_assert_uint_eq(taken(1, 0), UINT64_MAX - 1);
    offer(3, STORE_RUNNING, 1, 1000);
    ck_assert_uint_eq(taken(1, 0), UINT64_MAX);
    offer(4, STORE_RUNNING, 1, 1000);
    ck_assert_uint_eq(taken(1, 0), UINT64_MAX);
    offer(5, STORE_RUNNING, INT64_MAX, 1000);
    ck_assert_uint_eq(taken(1, 0), UINT64_MAX);
}
END_TEST

/* After the clock was set back, what was taken "tomorrow" counts for one more day and not longer.
 */
START_TEST(test_taken_when_the_clock_is_set_back) {
    const int64_t now = 10 * FIXTURE_DAY;
    offer(1, STORE_RUNNING, 100, now + 300 * FIXTURE_DAY);
    ck_assert_uint_eq(taken(1, now - FIXTURE_DAY), 100);
    FIXTURE_OK(store_expire(fixture, now, &fixture_listed, &fixture_fail));
    ck_assert_uint_eq(taken(1, now), 100);
    ck_assert_uint_eq(taken(1, now + 1), 0);
}
END_TEST

/* Many offers that were refused do not make room for another limit. */
START_TEST(test_taken_outlives_what_strangers_offer) {
    uint64_t number = offer(0xfe, STORE_RUNNING, 100, FIXTURE_DAY);
    uint8_t id[LIMIT_TRANSFER_ID] = {0};
    struct store_transfer_new with = fixture_incoming(2, STORE_OFFERED);
    fixture_set_state(number, STORE_CANCELLED, FIXTURE_DAY);
    FIXTURE_OK(store_transfer_cleaned(fixture, number, &fixture_fail));
    with.transfer_id = id;
    with.now = 2 * FIXTURE_DAY - 1;
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    for (uint32_t i = 0; i < STORE_TRANSFER_ENDED + 2; i++) {
        memcpy(id, &i, sizeof(i));
        fixture_set_state(fixture_create(&with), STORE_REFUSED, with.now);
    }
    FIXTURE_OK(store_end(fixture, 0, &fixture_fail));
    ck_assert_uint_eq(taken(1, FIXTURE_DAY), 100);
    memset(id, 0xff, sizeof(id));
    with.now = 2 * FIXTURE_DAY;
    fixture_create(&with);
    ck_assert_uint_eq(taken(1, FIXTURE_DAY), 0); /* a day later it goes like the others */
}
END_TEST

/* However many transfers there are, counting reads those of one peer and day only. */
START_TEST(test_taken_is_found_by_an_index) {
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_index_info('transfer_taken')"), 3);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db,
                                        "EXPLAIN QUERY PLAN SELECT sum(bytes) FROM transfer"
                                        " WHERE peer_key = ? AND accepted_at >= ?",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_ptr_nonnull(
        strstr((const char *)sqlite3_column_text(stmt, 3), "COVERING INDEX transfer_taken"));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-paired");
    TCase *t = tcase_create("paired");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, remove_all);
    tcase_add_test(t, test_pair_a_new_one);
    tcase_add_test(t, test_pair_one_that_is_remembered);
    tcase_add_test(t, test_pair_again_keeps_settings);
    tcase_add_loop_test(t, test_pair_without_a_clock, 0, 2);
    tcase_add_test(t, test_pair_refused);
    tcase_add_test(t, test_pair_all_or_none);
    tcase_add_test(t, test_set_alias);
    tcase_add_test(t, test_set_settings_of_paired_ones_only);
    tcase_add_test(t, test_paired_and_remembered);
    tcase_add_test(t, test_forget_takes_everything);
    suite_add_tcase(s, t);

    t = tcase_create("taken");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, remove_all);
    tcase_add_test(t, test_taken);
    tcase_add_test(t, test_taken_is_a_list_too);
    tcase_add_test(t, test_taken_once);
    tcase_add_test(t, test_taken_saturates);
    tcase_add_test(t, test_taken_when_the_clock_is_set_back);
    tcase_add_test(t, test_taken_outlives_what_strangers_offer);
    tcase_add_test(t, test_taken_is_found_by_an_index);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
