#include "node/daemon/queue.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

static struct queue_decision judge(struct queue_tries *tries, enum queue_event event) {
    return queue_judge(tries, event, false, UINT32_MAX);
}

START_TEST(delays_double_up_to_the_last) {
    struct queue_tries tries = {0};
    uint32_t span_ms = QUEUE_FIRST_MS;
    for (int i = 0; i < 20; i++) {
        struct queue_tries low = tries;
        struct queue_decision least = queue_judge(&low, QUEUE_LOST, false, 0);
        struct queue_decision any =
            queue_judge(&tries, QUEUE_LOST, false, 0x9e3779b9u * (uint32_t)i);
        ck_assert_int_eq(any.action, QUEUE_RETRY);
        ck_assert_uint_eq(least.delay_ms, span_ms - span_ms / 2);
        ck_assert_uint_ge(any.delay_ms, span_ms / 2);
        ck_assert_uint_le(any.delay_ms, span_ms);
        span_ms = span_ms * 2 < QUEUE_LAST_MS ? span_ms * 2 : QUEUE_LAST_MS;
    }
    ck_assert_uint_eq(span_ms, QUEUE_LAST_MS);
}
END_TEST

START_TEST(progress_begins_anew) {
    struct queue_tries tries = {0};
    for (int i = 0; i < 10; i++)
        judge(&tries, QUEUE_LOST);
    struct queue_decision decision = queue_judge(&tries, QUEUE_LOST, true, UINT32_MAX);
    ck_assert_uint_le(decision.delay_ms, QUEUE_FIRST_MS);
}
END_TEST

START_TEST(a_peer_that_is_seen_begins_anew) {
    struct queue_tries tries = {0};
    for (int i = 0; i < 10; i++)
        judge(&tries, QUEUE_UNREACHABLE);
    queue_seen(&tries);
    ck_assert_uint_le(judge(&tries, QUEUE_UNREACHABLE).delay_ms, QUEUE_FIRST_MS);
}
END_TEST

START_TEST(a_peer_that_is_away_is_awaited) {
    struct queue_tries tries = {0};
    ck_assert_int_eq(judge(&tries, QUEUE_UNREACHABLE).action, QUEUE_AWAIT);
}
END_TEST

static const enum queue_event slow[] = {QUEUE_BUSY, QUEUE_NO_SPACE, QUEUE_PEER_PAUSED};

START_TEST(what_takes_a_person_is_tried_slowly_from_the_start) {
    struct queue_tries tries = {0};
    struct queue_decision decision = queue_judge(&tries, slow[_i], false, 0);
    ck_assert_int_eq(decision.action, QUEUE_RETRY);
    ck_assert_uint_ge(decision.delay_ms, QUEUE_LAST_MS / 2);
}
END_TEST

static const enum queue_event final[] = {QUEUE_COMPLETE, QUEUE_NO_VERSION, QUEUE_REFUSED,
                                         QUEUE_PEER_CANCELLED, QUEUE_LOCAL_FAULT};

START_TEST(what_cannot_get_better_is_not_tried_again) {
    struct queue_tries tries = {0};
    ck_assert_int_eq(judge(&tries, final[_i]).action, QUEUE_FINISH);
}
END_TEST

START_TEST(a_broken_protocol_is_given_up_after_some_tries) {
    struct queue_tries tries = {0};
    for (uint32_t i = 1; i < QUEUE_PROTOCOL_TRIES; i++)
        ck_assert_int_eq(judge(&tries, QUEUE_PROTOCOL).action, QUEUE_RETRY);
    ck_assert_int_eq(judge(&tries, QUEUE_PROTOCOL).action, QUEUE_FINISH);
}
END_TEST

START_TEST(a_broken_protocol_counts_in_a_row_only) {
    struct queue_tries tries = {0};
    for (uint32_t i = 1; i < QUEUE_PROTOCOL_TRIES; i++)
        judge(&tries, QUEUE_PROTOCOL);
    judge(&tries, QUEUE_LOST);
    ck_assert_int_eq(judge(&tries, QUEUE_PROTOCOL).action, QUEUE_RETRY);
    struct queue_decision after_progress = queue_judge(&tries, QUEUE_PROTOCOL, true, 0);
    ck_assert_int_eq(after_progress.action, QUEUE_RETRY);
    ck_assert_uint_eq(tries.broken, 1);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("queue");
    tcase_add_test(tests, delays_double_up_to_the_last);
    tcase_add_test(tests, progress_begins_anew);
    tcase_add_test(tests, a_peer_that_is_seen_begins_anew);
    tcase_add_test(tests, a_peer_that_is_away_is_awaited);
    tcase_add_loop_test(tests, what_takes_a_person_is_tried_slowly_from_the_start, 0, 3);
    tcase_add_loop_test(tests, what_cannot_get_better_is_not_tried_again, 0, 5);
    tcase_add_test(tests, a_broken_protocol_is_given_up_after_some_tries);
    tcase_add_test(tests, a_broken_protocol_counts_in_a_row_only);
    Suite *suite = suite_create("node-queue");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
