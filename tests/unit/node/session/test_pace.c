/* Limits on bytes a second, by a clock that is made up. */
#include "node/session/pace.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#define SECOND 1000000000ull
#define START (1000 * SECOND)
#define CREDIT (PACE_CREDIT_MS * 1000000ull)

static uint64_t seed;

static uint64_t below(uint64_t limit) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % limit;
}

/* How late a sleep ends: a little each time, and now and then somebody else had the processor. */
static uint64_t lateness(void) {
    return below(100000) + (below(50) == 0 ? 5000000 : 0);
}

/* How long it takes to send `total` bytes in frames. */
static uint64_t send_all(struct pace *pace, uint64_t total, uint64_t frame) {
    uint64_t now = START;

    for (uint64_t sent = 0; sent < total; sent += frame) {
        uint64_t from = pace_book(pace, now, frame);

        now = (from > now ? from : now) + lateness();
    }
    return now - START;
}

static const uint64_t rates[] = {100000, 1000000, 10000000, 100000000, 1000000000};

START_TEST(lateness_does_not_add_up) {
    uint64_t rate = rates[_i];
    struct pace pace;
    uint64_t took = 0;

    seed = rate;
    pace_init(&pace, rate);
    took = send_all(&pace, 10 * rate, pace_frame(&pace, 266240));
    ck_assert_uint_ge(took, 98 * SECOND / 10);
    ck_assert_uint_le(took, 102 * SECOND / 10);
    pace_destroy(&pace);
}
END_TEST

START_TEST(it_begins_without_credit) {
    struct pace pace;

    pace_init(&pace, 1000000);
    ck_assert_uint_eq(pace_book(&pace, START, 1000000), START);
    ck_assert_uint_eq(pace_book(&pace, START, 1000000), START + SECOND);
    pace_destroy(&pace);
}
END_TEST

START_TEST(after_a_pause_comes_no_burst) {
    struct pace pace;
    uint64_t sent = 0;
    uint64_t later = START + 60 * SECOND;

    pace_init(&pace, 1000000);
    pace_book(&pace, START, 1000);
    while (pace_book(&pace, later, 1000) <= later)
        sent += 1000;
    ck_assert_uint_le(sent, 1000000 * CREDIT / SECOND + 1000);
    pace_destroy(&pace);
}
END_TEST

/* Nothing waits for more than a fraction of a second behind a frame. */
START_TEST(frames_are_short_where_the_limit_is_low) {
    struct pace pace;

    pace_init(&pace, 100000);
    ck_assert_uint_eq(pace_frame(&pace, 266240), 100000 / PACE_FRAMES);
    pace_destroy(&pace);
    pace_init(&pace, 1);
    ck_assert_uint_eq(pace_frame(&pace, 266240), PACE_FRAME_MIN);
    pace_destroy(&pace);
    pace_init(&pace, 1000000000);
    ck_assert_uint_eq(pace_frame(&pace, 266240), 266240);
    pace_destroy(&pace);
    pace_init(&pace, 0);
    ck_assert_uint_eq(pace_frame(&pace, 266240), 266240);
    pace_destroy(&pace);
}
END_TEST

START_TEST(a_stop_ends_the_wait) {
    atomic_bool stop = true;
    struct pace pace;

    pace_init(&pace, 1);
    pace_wait(&pace, 1000000, &stop);
    pace_wait(&pace, 1000000, &stop);
    pace_destroy(&pace);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pace");
    TCase *tests = tcase_create("pace");
    tcase_add_loop_test(tests, lateness_does_not_add_up, 0, sizeof rates / sizeof rates[0]);
    tcase_add_test(tests, it_begins_without_credit);
    tcase_add_test(tests, after_a_pause_comes_no_burst);
    tcase_add_test(tests, frames_are_short_where_the_limit_is_low);
    tcase_add_test(tests, a_stop_ends_the_wait);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
