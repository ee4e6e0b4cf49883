/* Lanes that are lost or slow, while the transfer goes on over its control connection. */

#include "lab.h"
#include "tree.h"

#include <check.h>
#include <stdlib.h>

#define MIB (1u << 20)

static struct lab lab;

static void set_up(void) {
    lab_open(&lab);
    lab.lanes = 2;
}

static void tear_down(void) {
    lab_close(&lab);
}

/* One session on each side has done all of it. */
static void expect_whole(void) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert_uint_eq(lab.sender.notes, 0);
    ck_assert_uint_eq(lab.receiver.notes, 0);
    tree_compare(lab_path(lab.source, "large"), lab_path(lab.destination, "large"));
}

static void send_large(size_t bytes) {
    tree_file(lab.source, "large", bytes, 3, 0600);
    lab_add(&lab, "large");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_whole();
}

/* In the middle of a chunk, of a frame, or before anything was sent. */
START_TEST(a_lane_that_is_lost_is_replaced) {
    static const uint64_t after[] = {1, 300000, 2 * MIB + 12345};

    lab.cut_lane = 1;
    lab.cut_after = after[_i];
    lab.rate = 20 * MIB; /* so that the end does not come before the new lane */
    send_large(24 * MIB);
    ck_assert_uint_eq(lab.lanes_asked, 2);
    ck_assert_uint_ge(lab.sender.moved, lab.bytes);
}
END_TEST

/* All but the one chunk that it has begun goes over the other lane while it stands still, though it
 * had claimed many. */
START_TEST(a_lane_that_stands_still_holds_up_nothing_else) {
    lab.stalled_lane = 1;
    lab.stalled_until = 47 * MIB;
    send_large(48 * MIB);
    ck_assert_int_eq(lab.stalled, -1);
    ck_assert_uint_eq(lab.stalled_until, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("session-lanes");
    TCase *tests = tcase_create("lanes");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, a_lane_that_is_lost_is_replaced, 0, 3);
    tcase_add_test(tests, a_lane_that_stands_still_holds_up_nothing_else);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
