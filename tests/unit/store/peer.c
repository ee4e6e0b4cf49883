/* Peers and their addresses. */
#include "fixture.h"
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

static struct store_peer_address address(unsigned n, const char *typed) {
    struct store_peer_address a = {.port = 42420, .last_good = 5000 - (int64_t)n};
    snprintf(a.host, sizeof(a.host), "fe80::%x", n);
    snprintf(a.interface, sizeof(a.interface), "eth%u", n % 2);
    snprintf(a.typed, sizeof(a.typed), "%s", typed);
    return a;
}

START_TEST(test_peer_remember) {
    char long_name[LIMIT_NAME + 2];
    memset(long_name, 'x', sizeof(long_name));
    long_name[LIMIT_NAME + 1] = '\0';
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "old", 10, &fixture_fail));
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(2), "\xff'--", 20, &fixture_fail));
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "new", 5, &fixture_fail));
    ck_assert_int_eq(store_peer_remember(fixture, fixture_key(3), long_name, 5, &fixture_fail),
                     -EINVAL);
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(3), long_name + 1, 5, &fixture_fail));
    list_peers();
    ck_assert_uint_eq(peer_count, 3);
    ck_assert_mem_eq(peers[0].key, fixture_key(1), LIMIT_KEY);
    ck_assert_str_eq(peers[0].name, "new");
    ck_assert_int_eq(peers[0].remembered, 10);
    ck_assert_int_eq(peers[0].last_used, 5);
    ck_assert_str_eq(peers[1].name, "\xff'--");
    ck_assert_str_eq(peers[2].name, long_name + 1);
    ck_assert_uint_eq(peers[2].address_count, 0);
}
END_TEST

START_TEST(test_peer_forget) {
    struct store_peer_address a = address(1, "host:1");
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "a", 10, &fixture_fail));
    FIXTURE_OK(store_peer_note_address(fixture, fixture_key(1), &a, &fixture_fail));
    FIXTURE_OK(store_peer_forget(fixture, fixture_key(1), &fixture_fail));
    ck_assert_int_eq(store_peer_forget(fixture, fixture_key(1), &fixture_fail), STORE_NONE);
    ck_assert_int_eq(store_peer_note_address(fixture, fixture_key(1), &a, &fixture_fail),
                     STORE_NONE);
    list_peers();
    ck_assert_uint_eq(peer_count, 0);
    fixture_close();
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM peer_address"), 0);
}
END_TEST

/* The newest are those noted last, whatever the clock said. */
START_TEST(test_peer_keeps_newest_addresses) {
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(1), "a", 10, &fixture_fail));
    FIXTURE_OK(store_peer_remember(fixture, fixture_key(2), "b", 10, &fixture_fail));
    struct store_peer_address other = address(99, "");
    FIXTURE_OK(store_peer_note_address(fixture, fixture_key(2), &other, &fixture_fail));
    for (unsigned n = 0; n < 12; n++) {
        struct store_peer_address a = address(n, "");
        FIXTURE_OK(store_peer_note_address(fixture, fixture_key(1), &a, &fixture_fail));
    }
    struct store_peer_address again = address(6, "");
    FIXTURE_OK(store_peer_note_address(fixture, fixture_key(1), &again, &fixture_fail));
    list_peers();
    ck_assert_uint_eq(peers[0].address_count, STORE_PEER_ADDRESSES);
    ck_assert_uint_eq(peers[1].address_count, 1);
    const unsigned expected[] = {6, 11, 10, 9, 8, 7, 5, 4};
    for (size_t i = 0; i < STORE_PEER_ADDRESSES; i++) {
        struct store_peer_address a = address(expected[i], "");
        ck_assert_str_eq(peers[0].addresses[i].host, a.host);
        ck_assert_str_eq(peers[0].addresses[i].interface, a.interface);
        ck_assert_int_eq(peers[0].addresses[i].port, a.port);
        ck_assert_int_eq(peers[0].addresses[i].last_good, a.last_good);
    }
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-peer");
    TCase *t;

    t = tcase_create("peer");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_test(t, test_peer_remember);
    tcase_add_test(t, test_peer_forget);
    tcase_add_test(t, test_peer_keeps_newest_addresses);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
