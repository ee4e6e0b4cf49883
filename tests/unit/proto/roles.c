/* Each role against a peer that says whatever it likes: every message in every state. */
#include "sides.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const bool sender_allows[SENDERS][WIRE_BODIES] = {
    [AT_OFFERED] = {[FXNODE__WIRE__CONTROL__BODY_VERDICT] = true},
    [AT_HOLDING] = {[FXNODE__WIRE__CONTROL__BODY_HOLDING] = true},
    [AT_DATA] = {[FXNODE__WIRE__CONTROL__BODY_DURABLE] = true},
    [AT_SENT] = {[FXNODE__WIRE__CONTROL__BODY_DURABLE] = true,
                 [FXNODE__WIRE__CONTROL__BODY_AGAIN] = true,
                 [FXNODE__WIRE__CONTROL__BODY_DELIVERED] = true},
};

static enum exchange_outcome expected(bool allowed, Fxnode__Wire__Control__BodyCase body) {
    if (body == FXNODE__WIRE__CONTROL__BODY_STOP)
        return EXCHANGE_PAUSED;
    if (body == FXNODE__WIRE__CONTROL__BODY_PING || body == FXNODE__WIRE__CONTROL__BODY_PONG)
        return EXCHANGE_OPEN;
    return allowed ? EXCHANGE_OPEN : EXCHANGE_PROTOCOL;
}

START_TEST(sender_in_each_state_hears_each_message) {
    int place = _i / WIRE_BODIES;
    Fxnode__Wire__Control__BodyCase body = (Fxnode__Wire__Control__BodyCase)(_i % WIRE_BODIES);
    if (body == FXNODE__WIRE__CONTROL__BODY__NOT_SET)
        return;
    sides_bring_sender((enum sender_place)place);
    ck_assert_int_eq(sides_tell_sender(body), expected(sender_allows[place][body], body));
    /* After an end nothing has any effect. */
    if (expected(sender_allows[place][body], body) != EXCHANGE_OPEN) {
        ck_assert_int_eq(sender_recorded(sides_sender), 0);
        ck_assert_int_eq(sides_tell_sender(FXNODE__WIRE__CONTROL__BODY_PING), EXCHANGE_OPEN);
    }
}
END_TEST

/* Confirm and Sent in IN_DATA come too early here: nothing is durable. */
static const bool receiver_allows[RECEIVERS][WIRE_BODIES] = {
    [IN_OFFER] = {[FXNODE__WIRE__CONTROL__BODY_OFFER] = true},
    [IN_MANIFEST] = {[FXNODE__WIRE__CONTROL__BODY_MANIFEST] = true},
    [IN_DATA] = {[FXNODE__WIRE__CONTROL__BODY_FAILED] = true},
};

START_TEST(receiver_in_each_state_hears_each_message) {
    int place = _i / WIRE_BODIES;
    Fxnode__Wire__Control__BodyCase body = (Fxnode__Wire__Control__BodyCase)(_i % WIRE_BODIES);
    enum exchange_outcome outcome = expected(receiver_allows[place][body], body);
    if (body == FXNODE__WIRE__CONTROL__BODY__NOT_SET)
        return;
    if (place == IN_DELIVERED && body == FXNODE__WIRE__CONTROL__BODY_FINISH)
        outcome = EXCHANGE_COMPLETE;
    sides_bring_receiver((enum receiver_place)place);
    ck_assert_int_eq(sides_tell_receiver(body), outcome);
}
END_TEST

/* The sender hears from a receiver that has delivered it before, without `failed` entries, and
 * others without some of their attributes. */
static void tell_delivered_before(uint32_t failed, uint32_t lacking) {
    const struct receiver_admission before = {.answer = FXNODE__WIRE__VERDICT__ANSWER__DELIVERED,
                                              .delivery = {.names = sides_summary.names,
                                                           .count = 1,
                                                           .failed = failed,
                                                           .lacking = lacking,
                                                           .exact = true}};
    struct receiver_action action;
    sides_bring_receiver(IN_ADMIT);
    sides_bring_sender(AT_OFFERED);
    ck_assert_int_eq(receiver_admit(sides_receiver, 1, &before), 0);
    ck_assert(receiver_next(sides_receiver, &action));
    ck_assert_int_eq(action.kind, RECEIVER_SEND);
    ck_assert_int_eq(sender_control(sides_sender, 1, action.message, action.length), 0);
}

START_TEST(what_was_delivered_before_is_told_as_it_was) {
    struct sender_action action;
    tell_delivered_before(1, sides_summary.entries - 1);
    ck_assert(sender_next(sides_sender, &action));
    ck_assert_int_eq(action.kind, SENDER_DELIVERED);
    ck_assert_ptr_nonnull(action.delivered);
    ck_assert_uint_eq(action.delivered->failed, 1);
    ck_assert_uint_eq(action.delivered->lacking, sides_summary.entries - 1);
    ck_assert(action.delivered->exact);
    ck_assert_uint_eq(action.delivered->n_names, 1);
    ck_assert_mem_eq(action.delivered->names[0].data, "d", 1);
}
END_TEST

static const struct {
    uint32_t failed;
    uint32_t lacking;
} too_many[] = {{3, 0}, {0, 3}, {1, 2}, {2, UINT32_MAX}};

START_TEST(more_cannot_have_failed_before_than_there_is) {
    ck_assert_uint_eq(sides_summary.entries, 2);
    tell_delivered_before(too_many[_i].failed, too_many[_i].lacking);
    ck_assert_int_eq(sides_sender_outcome(), EXCHANGE_PROTOCOL);
}
END_TEST

START_TEST(silence_is_answered_and_ends) {
    struct sender_action action;
    ck_assert_int_eq(sender_start(sides_sender, 1000), 0);
    ck_assert_int_eq(sides_sender_outcome(), EXCHANGE_OPEN);
    ck_assert_uint_eq(sender_deadline(sides_sender), 1000 + EXCHANGE_PING_MS);
    ck_assert_int_eq(sender_tick(sides_sender, 1000 + EXCHANGE_PING_MS - 1), 0);
    ck_assert(!sender_next(sides_sender, &action));
    ck_assert_int_eq(sender_tick(sides_sender, 1000 + EXCHANGE_PING_MS), 0);
    ck_assert(sender_next(sides_sender, &action));
    ck_assert_int_eq(action.kind, SENDER_SEND);
    ck_assert_int_eq(sender_tick(sides_sender, 1000 + EXCHANGE_SILENT_MS), 0);
    ck_assert_int_eq(sides_sender_outcome(), EXCHANGE_LOST);
    ck_assert_uint_eq(sender_deadline(sides_sender), EXCHANGE_NEVER);
    ck_assert_int_eq(receiver_start(sides_receiver, 0), 0);
    ck_assert_int_eq(receiver_tick(sides_receiver, 10000), 0);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_LOST); /* no offer */
}
END_TEST

START_TEST(malformed_messages_end_it) {
    static const char *const wrong[] = {"", "\x7a\x01", "\xff\xff\xff", "\x0a\x00", "\x0a\x7f"};
    sides_bring_receiver(IN_OFFER);
    ck_assert_int_eq(receiver_control(sides_receiver, 1, wrong[_i], strlen(wrong[_i])), 0);
    ck_assert_int_eq(sides_receiver_outcome(), EXCHANGE_PROTOCOL);
}
END_TEST

START_TEST(lanes_are_checked) {
    struct range range;
    uint64_t unit = 0;
    sides_bring_sender(AT_DATA);
    ck_assert_int_eq(sender_lane_opened(sides_sender, 0), -EINVAL);
    ck_assert_int_eq(sender_lane_opened(sides_sender, 2), -EINVAL);
    ck_assert_int_eq(sender_claim(sides_sender, 1, 1, &range), -EINVAL);
    ck_assert_int_eq(sender_lane_opened(sides_sender, 1), 0);
    ck_assert_int_eq(sender_lane_opened(sides_sender, 1), -EINVAL);
    ck_assert_int_eq(sender_claim(sides_sender, 1, 1, &range), 0); /* lane 0 has all */
    ck_assert_int_eq(sender_steal(sides_sender, 2), -EINVAL);
    ck_assert_int_eq(sender_steal(sides_sender, 1), 1); /* and lets go of what it has not begun */
    ck_assert(sender_begin(sides_sender, 1, &unit));
    ck_assert(!sender_begin(sides_sender, LIMIT_LANES, &unit));
    ck_assert_int_eq(sender_lane_lost(sides_sender, 0), 0);
    ck_assert_int_eq(sides_sender_outcome(), EXCHANGE_LOST);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("roles");
    TCase *tests = tcase_create("roles");
    tcase_add_checked_fixture(tests, sides_set_up, sides_tear_down);
    tcase_add_loop_test(tests, sender_in_each_state_hears_each_message, 0, SENDERS * WIRE_BODIES);
    tcase_add_loop_test(tests, receiver_in_each_state_hears_each_message, 0,
                        RECEIVERS * WIRE_BODIES);
    tcase_add_test(tests, what_was_delivered_before_is_told_as_it_was);
    tcase_add_loop_test(tests, more_cannot_have_failed_before_than_there_is, 0, 4);
    tcase_add_test(tests, silence_is_answered_and_ends);
    tcase_add_loop_test(tests, malformed_messages_end_it, 0, 5);
    tcase_add_test(tests, lanes_are_checked);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
