/* Whose transfers an offer can replace: only those of its own peer that are not yet in place. */
#include "node/daemon/database.h"
#include "node/daemon/incoming.h"
#include "node/daemon/replaced.h"
#include "node/daemon/transfer.h"
#include "peers_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER 1
#define OTHER 2
#define HERE "/srv/in"

static struct receiving *receiving;

static void set_up(void) {
    struct node *node = &fixture_node;
    struct fail fail;
    fixture_set_up();
    ck_assert_int_eq(transfers_load(&node->transfers, node, database_store(node->database), &fail),
                     0);
    ck_assert_int_eq(incoming_new(&node->incoming, node), 0);
    receiving = receiving_new(node->incoming);
    ck_assert_ptr_nonnull(receiving);
    memcpy(receiving->key, fixture_key(PEER), LIMIT_KEY);
    snprintf(receiving->destination, sizeof receiving->destination, HERE);
}

static bool is_under_way(void) {
    const struct transfer *at = transfers_first(fixture_node.transfers);
    while (at != NULL && at->holds == 0)
        at = at->next;
    return at != NULL;
}

/* What is being recorded of a transfer needs it. */
static void tear_down(void) {
    while (is_under_way())
        uv_run(fixture_node.loop, UV_RUN_ONCE);
    receiving_drop_if_over(receiving);
    incoming_free(fixture_node.incoming);
    transfers_free(fixture_node.transfers);
    fixture_tear_down();
}

/* A transfer that the offer names. Its number is its id too. */
static struct transfer *add(uint64_t number, uint8_t peer, enum store_state state,
                            const char *destination) {
    struct store_transfer record = {.number = number,
                                    .direction = STORE_INCOMING,
                                    .state = state,
                                    .reason = strdup(""),
                                    .destination = strdup(destination)};
    memcpy(record.peer_key, fixture_key(peer), LIMIT_KEY);
    record.transfer_id[0] = (uint8_t)number;
    lineage_add(&receiving->offer.lineage, record.transfer_id);
    struct transfer *transfer = transfers_add(fixture_node.transfers, &record);
    ck_assert_ptr_nonnull(transfer);
    return transfer;
}

static size_t list(uint64_t numbers[LIMIT_LINEAGE]) {
    return replaced_list(receiving, numbers);
}

START_TEST(those_of_its_own_peer) {
    uint64_t numbers[LIMIT_LINEAGE];
    add(1, OTHER, STORE_RUNNING, HERE);
    add(2, PEER, STORE_RUNNING, HERE);
    add(3, PEER, STORE_PAUSED, HERE);
    ck_assert_uint_eq(list(numbers), 2);
    ck_assert_uint_eq(numbers[0], 2); /* as the offer names them: newest first */
    ck_assert_uint_eq(numbers[1], 3);
    ck_assert_ptr_null(replaced_find(receiving, 1));
    ck_assert_ptr_nonnull(replaced_find(receiving, 2));
}
END_TEST

START_TEST(that_are_staged_here) {
    uint64_t numbers[LIMIT_LINEAGE];
    add(1, PEER, STORE_PLACING, HERE);
    add(2, PEER, STORE_OFFERED, HERE);
    add(3, PEER, STORE_RUNNING, "/srv/elsewhere");
    ck_assert_uint_eq(list(numbers), 0);
    ck_assert_ptr_null(replaced_find(receiving, 1));
}
END_TEST

START_TEST(that_are_named) {
    uint64_t numbers[LIMIT_LINEAGE];
    add(1, PEER, STORE_RUNNING, HERE);
    receiving->offer.lineage = (struct lineage){0};
    ck_assert_uint_eq(list(numbers), 0);
    ck_assert_ptr_null(replaced_find(receiving, 1));
}
END_TEST

START_TEST(not_while_another_session_has_it) {
    struct receiving owner = {0};
    struct transfer *transfer = add(1, PEER, STORE_RUNNING, HERE);
    transfer->receiving = &owner;
    ck_assert_ptr_null(replaced_find(receiving, 1));
}
END_TEST

START_TEST(offers_end_at_once) {
    struct transfer *offer = add(1, PEER, STORE_OFFERED, HERE);
    struct transfer *running = add(2, PEER, STORE_RUNNING, HERE);
    struct transfer *others = add(3, OTHER, STORE_OFFERED, HERE);
    transfer_hold(offer);
    replaced_end_offers(receiving);
    ck_assert_int_eq(offer->record.state, STORE_CANCELLED);
    ck_assert_int_eq(running->record.state, STORE_RUNNING);
    ck_assert_int_eq(others->record.state, STORE_OFFERED);
    transfer_release(offer);
}
END_TEST

/* As it is recorded, in place of add(). */
static struct transfer *record_offer(uint8_t id) {
    struct store *store = database_store(fixture_node.database);
    struct store_transfer_new with = {.direction = STORE_INCOMING,
                                      .state = STORE_OFFERED,
                                      .peer_key = fixture_key(PEER),
                                      .peer_name = "",
                                      .transfer_id = (uint8_t[LIMIT_TRANSFER_ID]){id},
                                      .manifest_hash = (uint8_t[LIMIT_HASH]){0},
                                      .entries = 1,
                                      .destination = HERE};
    struct store_transfer record = {0};
    struct fail fail;
    uint64_t number = 0;
    ck_assert_int_eq(store_transfer_create(store, &with, &number, &fail), 0);
    ck_assert_int_eq(store_transfer_get(store, number, &record, &fail), 0);
    lineage_add(&receiving->offer.lineage, record.transfer_id);
    struct transfer *transfer = transfers_add(fixture_node.transfers, &record);
    ck_assert_ptr_nonnull(transfer);
    return transfer;
}

/* Strangers can make one offer after the other: nothing is kept of those that nobody accepted. */
START_TEST(offers_are_forgotten) {
    struct transfer *offer = record_offer(1);
    struct store_transfer record = {0};
    struct fail fail;
    uint64_t number = offer->record.number;
    transfer_hold(offer);
    replaced_end_offers(receiving);
    while (offer->holds > 1)
        uv_run(fixture_node.loop, UV_RUN_ONCE);
    transfer_release(offer);
    ck_assert_ptr_null(transfers_find(fixture_node.transfers, number));
    ck_assert_int_eq(
        store_transfer_get(database_store(fixture_node.database), number, &record, &fail),
        STORE_NONE);
}
END_TEST

START_TEST(what_is_being_placed_goes_on) {
    struct transfer *placing = add(1, PEER, STORE_PLACING, HERE);
    struct transfer *running = add(2, PEER, STORE_RUNNING, HERE);
    struct transfer *elsewhere = add(3, PEER, STORE_PAUSED, "/srv/elsewhere");
    struct transfer *others = add(4, OTHER, STORE_RUNNING, HERE);
    transfer_hold(running);
    transfer_hold(elsewhere);
    replaced_end_by(receiving, 9);
    ck_assert_int_eq(placing->record.state, STORE_PLACING);
    ck_assert_int_eq(running->record.state, STORE_CANCELLED);
    ck_assert_int_eq(elsewhere->record.state, STORE_CANCELLED);
    ck_assert_int_eq(others->record.state, STORE_RUNNING);
    transfer_release(running);
    transfer_release(elsewhere);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("replaced");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, those_of_its_own_peer);
    tcase_add_test(tests, that_are_staged_here);
    tcase_add_test(tests, that_are_named);
    tcase_add_test(tests, not_while_another_session_has_it);
    tcase_add_test(tests, offers_end_at_once);
    tcase_add_test(tests, offers_are_forgotten);
    tcase_add_test(tests, what_is_being_placed_goes_on);
    Suite *suite = suite_create("node-replaced");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
