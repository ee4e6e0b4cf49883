#include "discovery/reporter.h"
#include "suites.h"

#include <avahi-common/simple-watch.h>
#include <stdio.h>
#include <string.h>

static AvahiSimplePoll *loop;
static struct reporter reporter;
static size_t founds;
static size_t losses;
static size_t states;
static size_t founds_when_settled;
static struct discovery_state last;

static void on_found(void *context, const struct discovery_found *found) {
    (void)context;
    (void)found;
    founds++;
}

static void on_lost(void *context, const struct discovery_lost *lost) {
    (void)context;
    (void)lost;
    losses++;
}

static void on_state(void *context, const struct discovery_state *state) {
    (void)context;
    last = *state;
    states++;
    if (state->settled)
        founds_when_settled = founds;
}

static void set_up(void) {
    struct discovery_events events = {NULL, on_found, on_lost, on_state};
    loop = avahi_simple_poll_new();
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(reporter_init(&reporter, avahi_simple_poll_get(loop), &events), 0);
    memset(&last, 0, sizeof last);
    founds = losses = states = founds_when_settled = 0;
}

static void tear_down(void) {
    reporter_clear(&reporter);
    avahi_simple_poll_free(loop);
}

static void put(unsigned count) {
    struct discovery_found found = {.instance = "n", .port = 1, .address_length = 4};
    for (unsigned i = 1; i <= count; i++) {
        found.interface = i;
        table_put(reporter.table, &found);
    }
    reporter_changed(&reporter);
}

static void drop_first(void) {
    struct table_key key = {.instance = "n", .interface = 1, .family = 4};
    table_drop(reporter.table, &key);
    reporter_changed(&reporter);
}

/* One turn of the loop, which waits for the next timer. */
static void turn(void) {
    ck_assert_int_eq(avahi_simple_poll_iterate(loop, -1), 0);
}

START_TEST(test_reports_come_together_from_the_loop) {
    put(3);
    ck_assert_uint_eq(founds, 0);
    while (reporter.flush_set)
        turn();
    ck_assert_uint_eq(founds, 3);
    drop_first();
    while (reporter.flush_set)
        turn();
    ck_assert_uint_eq(losses, 1);
}
END_TEST

START_TEST(test_settled_comes_after_what_it_stands_for) {
    put(3);
    reporter_settle(&reporter);
    reporter_settle(&reporter);
    ck_assert_uint_eq(states, 0);
    while (reporter.flush_set)
        turn();
    ck_assert_uint_eq(states, 1);
    ck_assert(last.settled);
    ck_assert_uint_eq(founds_when_settled, 3);
}
END_TEST

START_TEST(test_a_flood_is_thinned_and_settles_last) {
    put(700);
    reporter_settle(&reporter);
    while (founds == 0)
        turn();
    ck_assert_uint_lt(founds, 700);
    ck_assert(!last.settled);
    while (reporter.flush_set)
        turn();
    ck_assert_uint_eq(founds, 700);
    ck_assert_uint_eq(founds_when_settled, 700);
}
END_TEST

START_TEST(test_state_is_told_once) {
    struct discovery_state state = {.backend = DISCOVERY_DAEMON, .published = "n"};
    reporter_state(&reporter, &state);
    reporter_state(&reporter, &state);
    ck_assert_uint_eq(states, 1);
    reporter_settle(&reporter);
    while (reporter.flush_set)
        turn();
    ck_assert_uint_eq(states, 2);
    reporter_state(&reporter, &state);
    ck_assert_uint_eq(states, 2);
    strcpy(state.text, "why");
    reporter_state(&reporter, &state);
    ck_assert_uint_eq(states, 3);
    ck_assert(last.settled);
}
END_TEST

Suite *suite_reporter(void) {
    Suite *suite = suite_create("reporter");
    TCase *tc = tcase_create("reporter");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, test_reports_come_together_from_the_loop);
    tcase_add_test(tc, test_settled_comes_after_what_it_stands_for);
    tcase_add_test(tc, test_a_flood_is_thinned_and_settles_last);
    tcase_add_test(tc, test_state_is_told_once);
    suite_add_tcase(suite, tc);
    return suite;
}
