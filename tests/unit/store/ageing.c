/* How old things get while the wall clock goes wrong. */
#include "fixture.h"
#include "store/store_age.h"
#include "store/store_expire.h"
#include "store/store_extent.h"

#include <stdlib.h>

#define HOUR 3600

static int64_t leap;

/* What a node does every hour. */
static void look(int64_t now) {
    FIXTURE_OK(store_age(fixture, now, NULL, 0, &leap, &fixture_fail));
    store_transfer_list_clear(&fixture_listed);
    FIXTURE_OK(store_expire(fixture, now, &fixture_listed, &fixture_fail));
}

static uint64_t make_partial(uint8_t id, int64_t now) {
    struct store_transfer_new with = fixture_incoming(1, STORE_RUNNING);
    with.transfer_id = fixture_key(id);
    with.now = now;
    return fixture_create(&with);
}

static void look_hourly(int64_t from, int64_t until) {
    for (int64_t now = from; now <= until; now += STORE_AGE_LEAP_S)
        look(now);
}

START_TEST(test_age_counts_what_passes) {
    look(1000);
    uint64_t number = make_partial(1, 1000);
    look_hourly(1000, 1000 + 30 * FIXTURE_DAY - 1);
    ck_assert_int_eq(leap, 0);
    ck_assert_int_eq(fixture_state(number), STORE_RUNNING);
    look(1000 + 30 * FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(number), STORE_CANCELLED);
}
END_TEST

/* A clock that began in 1970 is set right; also where the node ends before it looks. */
START_TEST(test_age_clock_set_ahead) {
    const int64_t now = 1800000000;
    look(1000);
    uint64_t number = make_partial(1, 1000);
    if (_i == 1) {
        fixture_close();
        fixture_open();
    }
    look(now);
    ck_assert_int_eq(leap, now - 1000 - STORE_AGE_LEAP_S);
    ck_assert_int_eq(fixture_state(number), STORE_RUNNING);
    uint64_t second = make_partial(2, now);
    look_hourly(now, now + 30 * FIXTURE_DAY - 1);
    ck_assert_int_eq(fixture_state(second), STORE_RUNNING);
    ck_assert_int_eq(fixture_state(number), STORE_CANCELLED); /* it is half a day older */
    look(now + 30 * FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(second), STORE_CANCELLED);
}
END_TEST

/* What happens while the clock is wrong for less than an hour is not old when it is right again. */
START_TEST(test_age_clock_back_and_forth) {
    const int64_t now = 1800000000;
    const struct range some = {.first = 3, .count = 4};
    struct store_extent_change change = {.add = &some, .add_count = 1};
    look(now);
    uint64_t made = make_partial(1, 5);
    struct store_transfer_new with = fixture_incoming(2, STORE_RUNNING);
    with.now = now;
    uint64_t changed = fixture_create(&with);
    FIXTURE_OK(store_extent_commit(fixture, changed, &change, 5, &fixture_fail));
    look(now + HOUR);
    ck_assert_int_eq(leap, 0);
    ck_assert_int_eq(fixture_state(made), STORE_RUNNING);
    ck_assert_int_eq(fixture_state(changed), STORE_RUNNING);
}
END_TEST

/* In 1970, centuries ahead and back again, with a look at each. */
START_TEST(test_age_clock_everywhere) {
    const int64_t clocks[] = {1800000000, 0, 9000000000, 5, 1800000000 + HOUR, 0};
    look(1800000000);
    uint64_t number = make_partial(1, 1800000000);
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        look(clocks[i]);
        ck_assert_int_eq(fixture_state(number), STORE_RUNNING);
    }
}
END_TEST

START_TEST(test_age_offer) {
    const int64_t now = 1800000000;
    struct store_transfer_new with = fixture_incoming(1, STORE_OFFERED);
    with.now = now;
    look(now);
    uint64_t number = fixture_create(&with);
    look(now + 300 * FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(number), STORE_OFFERED);
    look(now + 300 * FIXTURE_DAY + STORE_AGE_LEAP_S);
    ck_assert_int_eq(fixture_state(number), STORE_REFUSED);
}
END_TEST

/* Records of what was finished stay as long as they should. */
START_TEST(test_age_finished) {
    const int64_t now = 1800000000;
    look(now);
    uint64_t number = make_partial(1, now);
    fixture_set_state(number, STORE_CANCELLED, now);
    FIXTURE_OK(store_transfer_cleaned(fixture, number, &fixture_fail));
    look(now + 300 * FIXTURE_DAY);
    ck_assert_int_eq(fixture_state(number), STORE_CANCELLED);
}
END_TEST

/* A session that runs for months reports no change of state. */
START_TEST(test_age_busy) {
    const int64_t now = 1800000000;
    look(now);
    uint64_t busy = make_partial(1, now);
    for (int64_t at = now; at < now + 40 * FIXTURE_DAY; at += STORE_AGE_LEAP_S) {
        FIXTURE_OK(store_age(fixture, at, &busy, 1, &leap, &fixture_fail));
        store_transfer_list_clear(&fixture_listed);
        FIXTURE_OK(store_expire(fixture, at, &fixture_listed, &fixture_fail));
    }
    ck_assert_int_eq(fixture_state(busy), STORE_RUNNING);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-ageing");
    TCase *t = tcase_create("ageing");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_store, fixture_remove);
    tcase_add_test(t, test_age_counts_what_passes);
    tcase_add_loop_test(t, test_age_clock_set_ahead, 0, 2);
    tcase_add_test(t, test_age_clock_back_and_forth);
    tcase_add_test(t, test_age_clock_everywhere);
    tcase_add_test(t, test_age_offer);
    tcase_add_test(t, test_age_finished);
    tcase_add_test(t, test_age_busy);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
