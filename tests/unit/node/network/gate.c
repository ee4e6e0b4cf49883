#include "node/daemon/gate.h"
#include "suites.h"

#include <stdio.h>

static struct gate gate;
static int evict;

static void setup(void) {
    gate_init(&gate);
}

/* Address number `n`. */
static struct address host(unsigned n) {
    struct address address;
    char text[32];
    snprintf(text, sizeof text, "10.0.%u.%u", n / 256, n % 256);
    ck_assert(address_parse(&address, text, 1, ""));
    return address;
}

static int enter(unsigned n, uint64_t now_ms) {
    struct address from = host(n);
    return gate_enter(&gate, &from, now_ms, &evict);
}

START_TEST(test_four_of_one_address) {
    int first = enter(1, 1000);
    ck_assert_int_ge(first, 0);
    for (int i = 1; i < GATE_PER_ADDRESS; i++)
        ck_assert_int_ge(enter(1, 1000), 0);
    ck_assert_int_eq(enter(1, 1000), -1);
    ck_assert_int_ge(enter(2, 1000), 0);
    gate_leave(&gate, first);
    ck_assert_int_eq(enter(1, 1000), first);
}
END_TEST

START_TEST(test_the_port_makes_no_other_address) {
    struct address from = host(1);
    for (uint16_t i = 1; i <= GATE_PER_ADDRESS; i++) {
        address_set_port(&from, i);
        ck_assert_int_ge(gate_enter(&gate, &from, 1000, &evict), 0);
    }
    address_set_port(&from, 999);
    ck_assert_int_eq(gate_enter(&gate, &from, 1000, &evict), -1);
}
END_TEST

START_TEST(test_strangers_leave_slots_for_recent_ones) {
    struct address recent = host(9999);
    unsigned n = 0;
    gate_authenticated(&gate, &recent, true);
    while (enter(n, 1000) >= 0)
        n++;
    ck_assert_uint_eq(n, GATE_SLOTS - GATE_KEPT);
    for (int i = 0; i < GATE_PER_ADDRESS; i++)
        ck_assert_int_ge(enter(9999, 1000), 0);
}
END_TEST

/* Keys cost nothing: who shows one that nobody remembers is a stranger still. */
START_TEST(test_an_unknown_key_keeps_no_slot) {
    struct address stranger = host(9999);
    unsigned n = 0;
    gate_authenticated(&gate, &stranger, false);
    while (enter(n, 1000) >= 0)
        n++;
    ck_assert_int_eq(enter(9999, 1000), -1);
}
END_TEST

START_TEST(test_strangers_cannot_use_up_the_rate_of_recent_ones) {
    struct address recent = host(9999);
    unsigned n = 0;
    gate_authenticated(&gate, &recent, true);
    for (int slot; (slot = enter(n, 1000)) >= 0; n++)
        gate_leave(&gate, slot);
    ck_assert_int_ge(enter(9999, 1000), 0);
}
END_TEST

START_TEST(test_strangers_push_out_strangers_only) {
    struct address recent = host(9999);
    unsigned n = 0;
    gate_authenticated(&gate, &recent, true);
    int kept = enter(9999, 1000);
    while (enter(n, 1001) >= 0)
        n++;
    for (unsigned i = 0; i < GATE_SLOTS; i++) {
        ck_assert_int_ge(enter(n + i, 3000 + 20 * i), 0);
        ck_assert_int_ge(evict, 0);
        ck_assert_int_ne(evict, kept);
    }
}
END_TEST

START_TEST(test_when_full_the_oldest_goes) {
    unsigned n = 0;
    int oldest = enter(n++, 1000);
    while (enter(n, 1001) >= 0)
        n++;
    ck_assert_int_eq(enter(n, 1000 + GATE_STALE_MS), -1); /* not old enough */
    ck_assert_int_eq(enter(n, 1001 + GATE_STALE_MS), oldest);
    ck_assert_int_eq(evict, oldest);
}
END_TEST

START_TEST(test_an_address_has_a_rate) {
    int taken = 0;
    for (int slot; (slot = enter(1, 1000)) >= 0; taken++)
        gate_leave(&gate, slot);
    ck_assert_int_eq(taken, GATE_BURST);
    for (taken = 0; taken < GATE_RATE; taken++)
        gate_leave(&gate, enter(1, 2000));
    ck_assert_int_eq(enter(1, 2000), -1);
    ck_assert_int_ge(enter(2, 2000), 0);
}
END_TEST

/* However often somebody asks: what is left of a token's time is not lost. */
START_TEST(test_the_rate_is_kept_between_tokens) {
    int taken = 0;
    for (int slot; (slot = enter(1, 0)) >= 0;)
        gate_leave(&gate, slot);
    for (uint64_t now_ms = 0; now_ms <= 100000; now_ms += 10) {
        int slot = enter(1, now_ms);
        if (slot >= 0)
            gate_leave(&gate, slot);
        taken += slot >= 0;
    }
    ck_assert_int_eq(taken, 100 * GATE_RATE);
}
END_TEST

START_TEST(test_a_known_key_gives_its_token_back) {
    struct address from = host(1);
    for (int i = 0; i < 4 * GATE_BURST; i++) {
        int slot = enter(1, 1000);
        ck_assert_int_ge(slot, 0);
        gate_leave(&gate, slot);
        gate_authenticated(&gate, &from, true);
    }
}
END_TEST

START_TEST(test_all_together_have_a_rate) {
    int taken = 0;
    for (int slot; (slot = enter((unsigned)taken, 1000)) >= 0; taken++)
        gate_leave(&gate, slot);
    ck_assert_int_eq(taken, GATE_BURST_ALL);
    ck_assert_int_ge(enter(70000 % 65536, 3000), 0);
}
END_TEST

START_TEST(test_many_addresses_do_not_wash_a_bucket_away) {
    for (int slot; (slot = enter(1, 1000)) >= 0;)
        gate_leave(&gate, slot);
    for (unsigned n = 2; n < 2 + 4 * GATE_ADDRESSES; n++) {
        int slot = enter(n, 1001);
        if (slot >= 0)
            gate_leave(&gate, slot);
    }
    ck_assert_int_eq(enter(1, 1002), -1);
}
END_TEST

Suite *suite_gate(void) {
    Suite *suite = suite_create("gate");
    TCase *test = tcase_create("gate");
    tcase_add_checked_fixture(test, setup, NULL);
    tcase_add_test(test, test_four_of_one_address);
    tcase_add_test(test, test_the_port_makes_no_other_address);
    tcase_add_test(test, test_strangers_leave_slots_for_recent_ones);
    tcase_add_test(test, test_an_unknown_key_keeps_no_slot);
    tcase_add_test(test, test_strangers_cannot_use_up_the_rate_of_recent_ones);
    tcase_add_test(test, test_strangers_push_out_strangers_only);
    tcase_add_test(test, test_when_full_the_oldest_goes);
    tcase_add_test(test, test_an_address_has_a_rate);
    tcase_add_test(test, test_the_rate_is_kept_between_tokens);
    tcase_add_test(test, test_a_known_key_gives_its_token_back);
    tcase_add_test(test, test_all_together_have_a_rate);
    tcase_add_test(test, test_many_addresses_do_not_wash_a_bucket_away);
    suite_add_tcase(suite, test);
    return suite;
}
