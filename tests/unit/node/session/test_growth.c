/* When a sender asks for lanes, by the clock and by how fast it is. */

#include "node/session/growth.h"

#include <check.h>
#include <stdlib.h>

static struct growth growth;
static struct growth_view view;

static void begin(uint32_t most, uint32_t near, uint32_t rtt_us) {
    growth_init(&growth, &(struct growth_limits){most, near, rtt_us});
    view = (struct growth_view){.now_ms = 1000, .open = 1};
}

/* So many are asked for now, and come. */
static void expect_more(uint32_t count) {
    ck_assert_uint_eq(growth_look(&growth, &view), count);
    view.asked += count;
    ck_assert_uint_eq(growth_look(&growth, &view), 0);
    for (; view.asked > 0; view.asked--) {
        growth_opened(&growth, view.now_ms);
        view.open++;
    }
}

/* Goes on at so many bytes a millisecond until one more is asked for; how many were at the end. */
static uint32_t run(uint64_t rate, uint64_t ms) {
    for (uint64_t end = view.now_ms + ms; view.now_ms < end; view.now_ms += 50) {
        uint32_t more = growth_look(&growth, &view);

        if (more > 0)
            return more;
        view.moved += 50 * rate;
    }
    return 0;
}

START_TEST(what_it_begins_with) {
    static const struct {
        uint32_t most, near, rtt_us, more;
    } cases[] = {{8, 4, 50, 1},    {8, 1, 50, 0},    {1, 4, 50, 0},    {8, 4, 0, 1},
                 {8, 4, 40000, 3}, {2, 4, 40000, 1}, {8, 1, 40000, 3}, {1, 1, 40000, 0}};

    begin(cases[_i].most, cases[_i].near, cases[_i].rtt_us);
    expect_more(cases[_i].more);
}
END_TEST

START_TEST(it_grows_while_it_gets_faster) {
    begin(8, 8, 50);
    expect_more(1);
    ck_assert_uint_eq(run(1000, 5000), 1); /* nothing to compare with */
    expect_more(1);
    ck_assert_uint_eq(run(1200, 5000), 1);
    expect_more(1);
    ck_assert_uint_eq(run(1440, 5000), 1);
    expect_more(1);
    ck_assert_uint_eq(run(1500, 60000), 0);
    ck_assert_uint_eq(view.open, 5);
    ck_assert_uint_eq(run(9000, 60000), 0); /* nor later */
}
END_TEST

START_TEST(it_ends_at_what_is_allowed) {
    begin(3, 3, 50);
    expect_more(1);
    ck_assert_uint_eq(run(1000, 5000), 1);
    expect_more(1);
    ck_assert_uint_eq(run(9000, 60000), 0);
}
END_TEST

START_TEST(nothing_is_learnt_while_nothing_is_sent) {
    begin(8, 8, 50);
    expect_more(1);
    ck_assert_uint_eq(run(0, 60000), 0);
    ck_assert_uint_eq(run(1000, 5000), 1);
}
END_TEST

START_TEST(nothing_is_measured_before_all_are_there) {
    begin(8, 8, 50);
    ck_assert_uint_eq(growth_look(&growth, &view), 1);
    view.asked = 1;
    ck_assert_uint_eq(run(1000, 60000), 0);
}
END_TEST

START_TEST(what_comes_while_it_settles_does_not_count) {
    begin(8, 8, 50);
    expect_more(1);
    ck_assert_uint_eq(run(9000, GROWTH_SETTLE_MS), 0);
    ck_assert_uint_eq(run(1000, 5000), 1);
    expect_more(1);
    ck_assert_uint_eq(run(1200, 5000), 1);
}
END_TEST

START_TEST(the_first_that_is_lost_is_replaced_at_once) {
    begin(2, 2, 50);
    expect_more(1);
    growth_lost(&growth, view.now_ms += 100);
    view.open--;
    expect_more(1);
    growth_lost(&growth, view.now_ms += 100);
    view.open--;
    ck_assert_uint_eq(growth_look(&growth, &view), 0);
    view.now_ms += 1000;
    expect_more(1);
    growth_lost(&growth, view.now_ms += 60000); /* which was of use */
    view.open--;
    expect_more(1);
}
END_TEST

START_TEST(it_asks_less_and_less_often_and_gives_up) {
    uint64_t last = 0;
    uint64_t pause = 0;
    uint32_t count = 0;

    begin(2, 2, 50);
    for (uint64_t end = view.now_ms + 3600000; view.now_ms < end; view.now_ms += 50) {
        if (growth_look(&growth, &view) == 0)
            continue;
        if (count > 1)
            ck_assert_uint_eq(view.now_ms - last, pause < 7500 ? 2 * pause : 15000);
        pause = count > 0 ? view.now_ms - last : 0;
        last = view.now_ms;
        growth_refused(&growth, view.now_ms);
        count++;
    }
    ck_assert_uint_eq(count, GROWTH_FAILURES);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("growth");
    TCase *tests = tcase_create("growth");
    tcase_add_loop_test(tests, what_it_begins_with, 0, 8);
    tcase_add_test(tests, it_grows_while_it_gets_faster);
    tcase_add_test(tests, it_ends_at_what_is_allowed);
    tcase_add_test(tests, nothing_is_learnt_while_nothing_is_sent);
    tcase_add_test(tests, nothing_is_measured_before_all_are_there);
    tcase_add_test(tests, what_comes_while_it_settles_does_not_count);
    tcase_add_test(tests, the_first_that_is_lost_is_replaced_at_once);
    tcase_add_test(tests, it_asks_less_and_less_often_and_gives_up);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
