/* A receiver and data: what it takes, what it refuses, and what it says is durable. */
#include "sides.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

START_TEST(data_is_refused_before_it_was_asked_for) {
    sides_bring_receiver((enum receiver_place)_i);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_REFUSED);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_PROTOCOL);
}
END_TEST

START_TEST(data_that_does_not_belong_is_refused) {
    static const struct record_piece wrong[] = {
        {2, 1, 0, 1, false},                         /* no such unit */
        {UINT64_MAX, 1, 0, 1, false},                /* nor this */
        {0, LIMIT_CHUNK, 1, 1, false},               /* not from its beginning */
        {0, LIMIT_CHUNK, 0, LIMIT_CHUNK + 1, false}, /* a byte more than there is */
        {1, 1, 0, 2, false},                         /* the same */
        {0, LIMIT_CHUNK, LIMIT_CHUNK + 1, 1, false}, /* behind its end */
        {0, LIMIT_CHUNK + 1, 0, LIMIT_CHUNK, false}, /* too large a unit */
        {2, LIMIT_CHUNK, 0, LIMIT_CHUNK, true},      /* a hole that is no unit */
    };
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &wrong[_i]), RECEIVER_REFUSED);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_PROTOCOL);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_REFUSED);
}
END_TEST

START_TEST(a_unit_that_is_here_is_discarded) {
    sides_bring_receiver(IN_DATA);
    sides_deliver_units();
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_DISCARD);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_OPEN);
}
END_TEST

START_TEST(nothing_is_written_beyond_one_batch) {
    struct receiver_config small = {
        .lanes = 1, .batch_bytes = LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    receiver_free(sides_receiver);
    ck_assert_int_eq(receiver_new(&sides_receiver, &small), 0);
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(sides_receiver, 1, 0, &sides_pieces[0], NULL), 0);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[1]), RECEIVER_WAIT);
    /* Not reading, it does not take the peer for silent. */
    ck_assert_int_eq(receiver_tick(sides_receiver, 100000), 0);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_OPEN);
}
END_TEST

/* A lane may wait for room where little is written: that it comes only with the age of the batch
 * would be a standstill for as long. */
START_TEST(what_waits_for_room_makes_a_sync_due) {
    struct receiver_config small = {
        .lanes = 1, .batch_bytes = LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    const struct rangeset *units = NULL;
    receiver_free(sides_receiver);
    ck_assert_int_eq(receiver_new(&sides_receiver, &small), 0);
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[1]), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(sides_receiver, 1, 0, &sides_pieces[1], NULL), 0);
    ck_assert(!receiver_sync_due(sides_receiver, 1));
    ck_assert_uint_eq(receiver_deadline(sides_receiver), 1001);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_WAIT);
    ck_assert(receiver_sync_due(sides_receiver, 1));
    ck_assert_int_eq(receiver_sync_begin(sides_receiver, &units), 0);
    ck_assert_int_eq(receiver_synced(sides_receiver, 1), 0);
    ck_assert(!receiver_sync_due(sides_receiver, 1));
    sides_receiver_outcome();
    ck_assert_int_eq(receiver_committed(sides_receiver, 1), 0);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_WRITE);
}
END_TEST

/* A hole is nothing to be written, so nothing has to be synced to make room for it or after it. But
 * it becomes durable like everything else. */
START_TEST(holes_take_no_room_in_a_batch) {
    static const struct record_piece hole = {0, LIMIT_CHUNK, 0, LIMIT_CHUNK, true};
    struct receiver_config small = {
        .lanes = 1, .batch_bytes = LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    const struct rangeset *units = NULL;
    receiver_free(sides_receiver);
    ck_assert_int_eq(receiver_new(&sides_receiver, &small), 0);
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &hole), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(sides_receiver, 1, 0, &hole, NULL), 0);
    ck_assert(!receiver_sync_due(sides_receiver, 2));
    ck_assert(receiver_sync_due(sides_receiver, 1001));
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[1]), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(sides_receiver, 1, 0, &sides_pieces[1], NULL), 0);
    ck_assert_int_eq(receiver_sync_begin(sides_receiver, &units), 0);
    ck_assert(rangeset_contains(units, 0, 2));
    ck_assert_int_eq(receiver_synced(sides_receiver, 1), 0);
    ck_assert(!sides_is_durable(0, 1));
    sides_receiver_outcome();
    ck_assert_int_eq(receiver_committed(sides_receiver, 1), 0);
    ck_assert(sides_is_durable(0, 2));
}
END_TEST

/* What is half here on a lane that the sender gave up, and looks alive: the newer one with the same
 * unit wins, but waits until nothing more can come in over the old one. */
START_TEST(the_newer_lane_wins) {
    struct record_piece half = sides_pieces[0];
    struct receiver_action action;
    half.length = half.unit_size / 2;
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_lane_opened(sides_receiver, 1), 0);
    ck_assert_int_eq(receiver_lane_opened(sides_receiver, LIMIT_LANES - 1), 0);
    ck_assert_int_eq(receiver_lane_opened(sides_receiver, 1), -EINVAL);
    ck_assert_int_eq(receiver_lane_opened(sides_receiver, LIMIT_LANES), -EINVAL);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 1, &half), RECEIVER_WRITE);
    for (uint64_t now = 2; now < 4; now++)
        ck_assert_int_eq(receiver_record(sides_receiver, now, LIMIT_LANES - 1, &half),
                         RECEIVER_WAIT);
    ck_assert(receiver_next(sides_receiver, &action));
    ck_assert_int_eq(action.kind, RECEIVER_CLOSE_LANE);
    ck_assert_uint_eq(action.lane, 1);
    ck_assert(!receiver_next(sides_receiver, &action)); /* said once */
    ck_assert_int_eq(receiver_written(sides_receiver, 4, 1, &half, NULL), 0);
    ck_assert_int_eq(receiver_lane_lost(sides_receiver, 1), 0);
    ck_assert_int_eq(receiver_record(sides_receiver, 5, LIMIT_LANES - 1, &half), RECEIVER_WRITE);
}
END_TEST

/* Two wait for one that was given up, and the one that does not get the unit then waits for the
 * other, which was given up as well. */
START_TEST(the_newest_of_three_lanes_wins) {
    struct record_piece half = sides_pieces[0];
    struct receiver_action action;
    half.length = half.unit_size / 2;
    sides_bring_receiver(IN_DATA);
    for (uint32_t lane = 1; lane <= 3; lane++)
        ck_assert_int_eq(receiver_lane_opened(sides_receiver, lane), 0);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 1, &half), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(sides_receiver, 1, 1, &half, NULL), 0);
    for (uint32_t lane = 2; lane <= 3; lane++)
        ck_assert_int_eq(receiver_record(sides_receiver, 2, lane, &half), RECEIVER_WAIT);
    while (receiver_next(sides_receiver, &action))
        ck_assert_uint_eq(action.lane, 1);
    ck_assert_int_eq(receiver_lane_lost(sides_receiver, 1), 0);
    ck_assert_int_eq(receiver_record(sides_receiver, 3, 2, &half), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(sides_receiver, 3, 2, &half, NULL), 0);
    for (uint64_t now = 4; now < 6; now++)
        ck_assert_int_eq(receiver_record(sides_receiver, now, 3, &half), RECEIVER_WAIT);
    ck_assert(receiver_next(sides_receiver, &action));
    ck_assert_int_eq(action.kind, RECEIVER_CLOSE_LANE);
    ck_assert_uint_eq(action.lane, 2);
    ck_assert(!receiver_next(sides_receiver, &action)); /* said once */
    ck_assert_int_eq(receiver_lane_lost(sides_receiver, 2), 0);
    ck_assert_int_eq(receiver_record(sides_receiver, 6, 3, &half), RECEIVER_WRITE);
}
END_TEST

/* A lane waits for another one that is lost, whose number the next one gets, and the unit too. */
START_TEST(a_number_is_not_taken_for_the_lane_that_had_it) {
    struct record_piece half = sides_pieces[0];
    struct receiver_action action;
    half.length = half.unit_size / 2;
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_lane_opened(sides_receiver, 2), 0);
    for (uint64_t now = 1; now < 3; now++) {
        ck_assert_int_eq(receiver_lane_opened(sides_receiver, 1), 0);
        ck_assert_int_eq(receiver_record(sides_receiver, now, 1, &half), RECEIVER_WRITE);
        ck_assert_int_eq(receiver_written(sides_receiver, now, 1, &half, NULL), 0);
        ck_assert_int_eq(receiver_record(sides_receiver, now, 2, &half), RECEIVER_WAIT);
        ck_assert(receiver_next(sides_receiver, &action));
        ck_assert_int_eq(action.kind, RECEIVER_CLOSE_LANE);
        ck_assert_uint_eq(action.lane, 1);
        ck_assert_int_eq(receiver_lane_lost(sides_receiver, 1), 0);
    }
    ck_assert_int_eq(receiver_record(sides_receiver, 4, 2, &half), RECEIVER_WRITE);
}
END_TEST

/* The control connection is not given up beside the transfer. */
START_TEST(the_control_connection_is_not_closed) {
    struct receiver_action action;
    struct record_piece half = sides_pieces[0];
    half.length = half.unit_size / 2;
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_lane_opened(sides_receiver, 1), 0);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &half), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_record(sides_receiver, 2, 1, &half), RECEIVER_WAIT);
    ck_assert(!receiver_next(sides_receiver, &action));
}
END_TEST

START_TEST(a_failed_sync_reports_nothing) {
    const struct rangeset *units = NULL;
    struct receiver_action action;
    sides_bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(sides_receiver, 1, 0, &sides_pieces[0], NULL), 0);
    ck_assert(!receiver_sync_due(sides_receiver, 2));
    ck_assert(receiver_sync_due(sides_receiver, 1001));
    ck_assert_int_eq(receiver_sync_begin(sides_receiver, &units), 0);
    ck_assert_int_eq(receiver_stop(sides_receiver, FXNODE__WIRE__STOP__REASON__NO_SPACE, "full"),
                     0);
    while (receiver_next(sides_receiver, &action) && action.kind != RECEIVER_END)
        ck_assert_int_eq(action.kind, RECEIVER_SEND);
    ck_assert_int_eq(action.kind, RECEIVER_END);
    ck_assert_int_eq(action.end->outcome, EXCHANGE_STOPPED);
    ck_assert(!sides_is_durable(0, 1));
}
END_TEST

START_TEST(content_that_keeps_differing_ends_it) {
    struct receiver_check differs = {.units = 2, .match = false};
    struct receiver_action action;
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    sides_bring_receiver(IN_DATA);
    for (unsigned round = 0; round <= EXCHANGE_AGAIN_MAX; round++) {
        sides_deliver_units();
        ck_assert_int_eq(receiver_control(sides_receiver, 1, sides_message,
                                          sides_make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)),
                         0);
        ck_assert(receiver_next(sides_receiver, &action));
        ck_assert_int_eq(action.kind, RECEIVER_CHECK);
        ck_assert_int_eq(receiver_checked(sides_receiver, &differs), 0);
        outcome = sides_receiver_outcome();
        ck_assert_int_eq(outcome, round < EXCHANGE_AGAIN_MAX ? EXCHANGE_OPEN : EXCHANGE_FAILED);
        if (outcome != EXCHANGE_OPEN)
            break;
        /* Not accepted before the forgetting is committed. */
        ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[0]), RECEIVER_DISCARD);
        ck_assert_int_eq(receiver_committed(sides_receiver, 1), 0);
        sides_receiver_outcome();
    }
}
END_TEST

/* The receiver takes over both chunks from another transfer. */
static void take_over(void) {
    struct rangeset taken;
    rangeset_init(&taken);
    ck_assert_int_eq(rangeset_add(&taken, 0, 2), 0);
    ck_assert_int_eq(receiver_inherit(sides_receiver, &taken), -EINVAL);
    sides_bring_receiver(IN_SYNCING);
    ck_assert_int_eq(receiver_inherit(sides_receiver, &taken), 0);
    rangeset_clear(&taken);
    ck_assert_int_eq(receiver_manifest_synced(sides_receiver), 0);
    ck_assert(sides_is_durable(0, 2));
    sides_receiver_outcome();
}

/* What was taken over may be of other content than the sources: that is no fault of the sender. */
START_TEST(content_taken_over_may_differ_once) {
    struct receiver_check differs = {.units = 2, .match = false};
    struct receiver_action action;
    take_over();
    ck_assert_int_eq(receiver_held_verified(sides_receiver), 0);
    for (unsigned round = 0; round <= EXCHANGE_AGAIN_MAX; round++) {
        ck_assert_int_eq(receiver_control(sides_receiver, 1, sides_message,
                                          sides_make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)),
                         0);
        ck_assert(receiver_next(sides_receiver, &action));
        ck_assert_int_eq(receiver_checked(sides_receiver, &differs), 0);
        ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_OPEN);
        ck_assert_int_eq(receiver_committed(sides_receiver, 1), 0);
        sides_receiver_outcome();
        sides_deliver_units();
    }
    ck_assert_int_eq(receiver_control(sides_receiver, 1, sides_message,
                                      sides_make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)),
                     0);
    ck_assert(receiver_next(sides_receiver, &action));
    ck_assert_int_eq(receiver_checked(sides_receiver, &differs), 0);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_FAILED);
}
END_TEST

/* The same units are found to differ by a digest and, before or after that, by reading them again:
 * they are asked for again once. */
START_TEST(what_was_held_is_asked_for_once) {
    struct receiver_check differs = {.units = 2, .match = false};
    struct receiver_action action;
    take_over();
    if (_i == 0)
        ck_assert_int_eq(receiver_held_bad(sides_receiver, 1, 0, 1), 0);
    ck_assert_int_eq(receiver_control(sides_receiver, 1, sides_message,
                                      sides_make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)),
                     0);
    ck_assert(receiver_next(sides_receiver, &action));
    ck_assert_int_eq(receiver_checked(sides_receiver, &differs), 0);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_OPEN);
    ck_assert_int_eq(receiver_committed(sides_receiver, 1), 0);
    sides_receiver_outcome();
    if (_i == 1)
        ck_assert_int_eq(receiver_held_bad(sides_receiver, 1, 0, 1), 0);
    ck_assert_int_eq(receiver_held_verified(sides_receiver), 0);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_OPEN);
    sides_deliver_units(); /* nothing else is to be committed, or refused */
    ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_CONFIRM), EXCHANGE_OPEN);
    ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_SENT), EXCHANGE_OPEN);
    ck_assert_int_eq(receiver_placed(sides_receiver, sides_summary.names, 1, 0, true), 0);
}
END_TEST

START_TEST(what_is_agreed_is_not_checked_again) {
    struct receiver_action action;
    sides_bring_receiver(IN_DATA);
    sides_deliver_units();
    ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_CONFIRM), EXCHANGE_OPEN);
    ck_assert_int_eq(receiver_control(sides_receiver, 1, sides_message,
                                      sides_make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)),
                     0);
    ck_assert(!receiver_next(sides_receiver, &action));
    ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_SENT), EXCHANGE_OPEN);
    ck_assert_int_eq(receiver_placed(sides_receiver, sides_summary.names, 1, 0, true), 0);
}
END_TEST

/* What has to be sent again, and is not, stays disputed. */
START_TEST(what_is_disputed_is_not_checked_for_ever) {
    struct receiver_check differs = {.units = 2, .match = false};
    struct receiver_action action;
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    unsigned checks = 1;
    sides_bring_receiver(IN_DATA);
    sides_deliver_units();
    ck_assert_int_eq(receiver_control(sides_receiver, 1, sides_message,
                                      sides_make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)),
                     0);
    ck_assert(receiver_next(sides_receiver, &action));
    ck_assert_int_eq(receiver_checked(sides_receiver, &differs), 0);
    sides_receiver_outcome();
    ck_assert_int_eq(receiver_committed(sides_receiver, 1), 0);
    for (; outcome == EXCHANGE_OPEN && checks < 1000; checks++)
        outcome = sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_CONFIRM);
    ck_assert_int_eq(outcome, EXCHANGE_PROTOCOL);
    ck_assert_uint_gt(checks, EXCHANGE_AGAIN_MESSAGES);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("receiving");
    TCase *tests = tcase_create("receiving");
    tcase_add_checked_fixture(tests, sides_set_up, sides_tear_down);
    tcase_add_loop_test(tests, data_is_refused_before_it_was_asked_for, IN_OFFER, IN_DATA);
    tcase_add_loop_test(tests, data_that_does_not_belong_is_refused, 0, 8);
    tcase_add_test(tests, a_unit_that_is_here_is_discarded);
    tcase_add_test(tests, nothing_is_written_beyond_one_batch);
    tcase_add_test(tests, what_waits_for_room_makes_a_sync_due);
    tcase_add_test(tests, holes_take_no_room_in_a_batch);
    tcase_add_test(tests, the_newer_lane_wins);
    tcase_add_test(tests, the_newest_of_three_lanes_wins);
    tcase_add_test(tests, a_number_is_not_taken_for_the_lane_that_had_it);
    tcase_add_test(tests, the_control_connection_is_not_closed);
    tcase_add_test(tests, a_failed_sync_reports_nothing);
    tcase_add_test(tests, content_that_keeps_differing_ends_it);
    tcase_add_test(tests, content_taken_over_may_differ_once);
    tcase_add_loop_test(tests, what_was_held_is_asked_for_once, 0, 2);
    tcase_add_test(tests, what_is_agreed_is_not_checked_again);
    tcase_add_test(tests, what_is_disputed_is_not_checked_for_ever);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
