/* How many offers may wait, also where they come all at once: before any of them is recorded. */
#include "node/daemon/incoming.h"
#include "node/daemon/policy.h"
#include "node/daemon/receiving.h"
#include "node/daemon/transfer.h"
#include "peers_fixture.h"

#include "node/daemon/database.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRED 0xff

static void set_up(void) {
    struct node *node = &fixture_node;
    struct fail fail;
    fixture_set_up();
    snprintf(node->files, sizeof node->files, "/nonexistent");
    ck_assert_int_eq(transfers_load(&node->transfers, node, database_store(node->database), &fail),
                     0);
    ck_assert_int_eq(incoming_new(&node->incoming, node), 0);
}

static void tear_down(void) {
    struct incoming *incoming = fixture_node.incoming;
    while (incoming->first != NULL)
        receiving_drop_if_over(incoming->first);
    incoming_free(incoming);
    transfers_free(fixture_node.transfers);
    fixture_tear_down();
}

/* An offer of another transfer each time, by the holder of the key that is `peer`,
 * from 10.0.0.HOST. Its session is gone already, which no answer depends on. */
static void offer(uint8_t peer, unsigned host) {
    static uint8_t id;
    struct receiving *receiving = receiving_new(fixture_node.incoming);
    char address[16];
    ck_assert_ptr_nonnull(receiving);
    memcpy(receiving->key, fixture_key(peer), LIMIT_KEY);
    snprintf(address, sizeof address, "10.0.0.%u", host);
    ck_assert(address_parse(&receiving->address, address, 42420, ""));
    ck_assert(receiving_landing(receiving, receiving->destination));
    receiving->offer.direction = STORE_INCOMING;
    memcpy(receiving->offer.peer_key, receiving->key, LIMIT_KEY);
    receiving->offer.transfer_id[0] = ++id;
    receiving->offer.entries = 1;
    receiving->offer.bytes = 1000;
    receiving->offer.units = 1;
    offer_new(receiving);
}

static bool is_under_way(void) {
    const struct receiving *at = fixture_node.incoming->first;
    while (at != NULL && at->jobs == 0)
        at = at->next;
    return at != NULL;
}

/* How many wait once all is recorded. */
static unsigned waiting(void) {
    unsigned count = 0;
    while (is_under_way())
        uv_run(fixture_node.loop, UV_RUN_ONCE);
    for (struct transfer *at = transfers_first(fixture_node.transfers); at != NULL; at = at->next)
        count += at->record.state == STORE_OFFERED;
    return count;
}

START_TEST(of_one_peer) {
    for (unsigned i = 0; i < 2 * POLICY_OFFERS_PER_PEER; i++)
        offer(1, i);
    ck_assert_uint_eq(waiting(), POLICY_OFFERS_PER_PEER);
}
END_TEST

START_TEST(from_one_address) {
    for (uint8_t i = 0; i < 2 * POLICY_OFFERS_PER_ADDRESS; i++)
        offer(i, 7);
    ck_assert_uint_eq(waiting(), POLICY_OFFERS_PER_ADDRESS);
}
END_TEST

START_TEST(in_all) {
    for (uint8_t i = 0; i < 2 * POLICY_OFFERS; i++)
        offer(i, i);
    ck_assert_uint_eq(waiting(), POLICY_OFFERS);
}
END_TEST

/* Those that count are the recorded ones and those under way together. */
START_TEST(one_after_the_other) {
    for (unsigned i = 0; i < 2 * POLICY_OFFERS_PER_PEER; i++) {
        offer(1, i);
        ck_assert_uint_eq(waiting(), i < POLICY_OFFERS_PER_PEER ? i + 1 : POLICY_OFFERS_PER_PEER);
    }
}
END_TEST

static void pair(const struct store_peer_settings *settings) {
    ck_assert_int_eq(fixture_pair(PAIRED, "attic"), 0);
    peers_set(fixture_node.peers, fixture_key(PAIRED), settings, fixture_finished, NULL);
    fixture_wait(1);
}

START_TEST(of_a_paired_peer_that_has_to_ask) {
    struct store_peer_settings settings = {.accept = STORE_PEER_ASK};
    pair(&settings);
    for (unsigned i = 0; i < 2 * POLICY_OFFERS_PER_PAIRED; i++)
        offer(PAIRED, 1);
    ck_assert_uint_eq(waiting(), POLICY_OFFERS_PER_PAIRED);
}
END_TEST

/* Whether they are beyond the limit is known only when they are recorded. */
START_TEST(of_a_paired_peer_beyond_a_day) {
    struct store_peer_settings settings = {.accept = STORE_PEER_TAKE, .day_limit = 1};
    pair(&settings);
    for (unsigned i = 0; i < 2 * POLICY_OFFERS_PER_PAIRED; i++)
        offer(PAIRED, 1);
    ck_assert_uint_eq(waiting(), POLICY_OFFERS_PER_PAIRED);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("offers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, of_one_peer);
    tcase_add_test(tests, from_one_address);
    tcase_add_test(tests, in_all);
    tcase_add_test(tests, one_after_the_other);
    tcase_add_test(tests, of_a_paired_peer_that_has_to_ask);
    tcase_add_test(tests, of_a_paired_peer_beyond_a_day);
    Suite *suite = suite_create("node-offers");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
