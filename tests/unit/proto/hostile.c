/* Openings that must come to nothing: each way of it is its own test. */
#include "wire.h"

#include <sodium.h>
#include <string.h>

static struct wire wire;

static void set_up(void) {
    wire_prepare(&wire);
}

static void tear_down(void) {
    wire_close(&wire);
}

static const size_t lengths[3] = {WIRE_FIRST, WIRE_SECOND, WIRE_THIRD};

/* Opens both ends and goes on until the message of that number (0 to 2) is in wire.bytes. */
static void go_to(unsigned number) {
    wire_open(&wire);
    wire_take(&wire, 0);
    if (number > 0) {
        ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_MORE);
        wire_take(&wire, 1);
    }
    if (number > 1) {
        ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_DECIDE);
        ck_assert_int_eq(handshake_proceed(wire.end[0]), HANDSHAKE_DONE);
        wire_take(&wire, 0);
    }
    ck_assert_uint_eq(wire.length, lengths[number]);
}

/* The outcome of the message in wire.bytes and of all that it sets off. A clear part or a first
 * message that was changed is not always seen by the responder, but always by the initiator. */
static int outcome_of(unsigned number) {
    int outcome = wire_give(&wire, number == 1 ? 0 : 1);
    if (number == 0 && outcome == HANDSHAKE_MORE) {
        wire_take(&wire, 1);
        outcome = wire_give(&wire, 0);
        ck_assert_ptr_null(handshake_peer(wire.end[0]));
    }
    return outcome;
}

START_TEST(damage_at_any_byte_is_refused) {
    unsigned number = (unsigned)_i;
    for (size_t at = 0; at < lengths[number]; at++) {
        for (unsigned bit = 0; bit < 8; bit += 7) { /* X25519 ignores the top bit of a key */
            go_to(number);
            wire.bytes[at] ^= (uint8_t)(1u << bit);
            bool version = number == 0 && at == 7;
            ck_assert_int_eq(outcome_of(number), version ? HANDSHAKE_VERSION : HANDSHAKE_REFUSED);
            wire_close(&wire);
        }
    }
}
END_TEST

/* At whatever byte the stream ends, the reader still wants some: nothing was taken for whole. */
START_TEST(truncated_at_any_byte_is_unfinished) {
    unsigned number = (unsigned)_i;
    unsigned reader = number == 1 ? 0 : 1;
    for (size_t cut = 0; cut < lengths[number]; cut++) {
        go_to(number);
        wire.length = cut;
        ck_assert_int_eq(wire_give(&wire, reader), HANDSHAKE_MORE);
        ck_assert_uint_gt(handshake_wants(wire.end[reader]), 0);
        ck_assert_ptr_null(handshake_result(wire.end[reader]));
        wire_close(&wire);
    }
}
END_TEST

/* A message that is shorter or longer and says so: nothing beyond the fixed sizes is ever read. */
START_TEST(any_other_length_is_refused) {
    static const uint8_t said[][2] = {{0, 0},   {0, 31},  {0, 33},      {0, 111},     {0, 113},
                                      {0, 151}, {0, 153}, {0x10, 0x20}, {0x70, 0x00}, {0xff, 0xff}};
    unsigned number = (unsigned)_i;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        go_to(number);
        memcpy(wire.bytes + (number == 0 ? WIRE_CLEAR : 0), said[i], 2);
        ck_assert_int_eq(wire_give(&wire, number == 1 ? 0 : 1), HANDSHAKE_REFUSED);
        wire_close(&wire);
    }
}
END_TEST

START_TEST(a_replayed_opening_stops_at_message_three) {
    uint8_t third[WIRE_THIRD];
    static const uint8_t fresh[LIMIT_KEY] = "another fresh secret of the resp";
    go_to(2);
    memcpy(third, wire.bytes, sizeof third);
    wire_close(&wire);
    wire.self[1].ephemeral = fresh;
    go_to(0);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_MORE);
    memcpy(wire.bytes, third, sizeof third);
    wire.length = sizeof third;
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(a_replayed_second_message_is_refused) {
    uint8_t second[WIRE_SECOND];
    static const uint8_t fresh[LIMIT_KEY] = "another fresh secret of the init";
    go_to(1);
    memcpy(second, wire.bytes, sizeof second);
    wire_close(&wire);
    wire.self[0].ephemeral = fresh;
    go_to(0);
    memcpy(wire.bytes, second, sizeof second);
    wire.length = sizeof second;
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(message_three_before_one_is_refused) {
    uint8_t third[WIRE_THIRD];
    go_to(2);
    memcpy(third, wire.bytes, sizeof third);
    wire_close(&wire);
    go_to(0);
    memcpy(wire.bytes + WIRE_CLEAR, third, sizeof third);
    wire.length = WIRE_CLEAR + sizeof third;
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(a_message_sent_twice_is_refused) {
    go_to(0);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_MORE);
    memmove(wire.bytes, wire.bytes + WIRE_CLEAR, WIRE_FIRST - WIRE_CLEAR);
    wire.length = WIRE_THIRD; /* as many as are wanted next */
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(our_own_message_reflected_is_refused) {
    go_to(0);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_REFUSED);
    wire_close(&wire);
    go_to(0);
    memmove(wire.bytes, wire.bytes + WIRE_CLEAR, WIRE_FIRST - WIRE_CLEAR);
    wire.length = WIRE_FIRST - WIRE_CLEAR;
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(a_key_of_low_order_is_never_answered) {
    go_to(0);
    memcpy(wire.bytes + WIRE_CLEAR + 2, wire_low_order[_i], LIMIT_KEY);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_REFUSED);
    wire_take(&wire, 1);
    ck_assert_uint_eq(wire.length, 0);
}
END_TEST

START_TEST(an_answer_of_low_order_is_refused) {
    go_to(1);
    memcpy(wire.bytes + 2, wire_low_order[_i], LIMIT_KEY);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(another_protocol_is_refused) {
    go_to(0);
    memcpy(wire.bytes, "GET / HTTP/1.1\r\n", 16);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_REFUSED);
    wire_take(&wire, 1);
    ck_assert_uint_eq(wire.length, 0);
    ck_assert_ptr_null(handshake_conflict(wire.end[1]));
}
END_TEST

START_TEST(unknown_purposes_are_refused) {
    static const uint8_t purposes[] = {0, HANDSHAKE_PAIR + 1, 255};
    for (size_t i = 0; i < sizeof purposes; i++) {
        go_to(0);
        wire.bytes[8] = purposes[i];
        ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_REFUSED);
        wire_close(&wire);
    }
}
END_TEST

START_TEST(an_unknown_version_is_answered_by_ours) {
    static const uint8_t answer[9] = {'F', 'X', 'N', 'O', 'D', 'E', 0, 1, 1};
    go_to(0);
    wire.bytes[7] = (uint8_t)(_i == 0 ? 0 : 200);
    wire.bytes[8] = 77; /* what a purpose means is for that version to say */
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_VERSION);
    const struct handshake_conflict *conflict = handshake_conflict(wire.end[1]);
    ck_assert(conflict->opening);
    ck_assert_uint_eq(conflict->ours.lowest, 1);
    ck_assert_uint_eq(conflict->ours.highest, 1);
    ck_assert_uint_eq(conflict->theirs.lowest, _i == 0 ? 0 : 200);
    ck_assert_uint_eq(conflict->theirs.highest, _i == 0 ? 0 : 200);
    wire_take(&wire, 1);
    ck_assert_uint_eq(wire.length, sizeof answer);
    ck_assert_mem_eq(wire.bytes, answer, sizeof answer);
    ck_assert_int_eq(handshake_feed(wire.end[1], answer, sizeof answer), HANDSHAKE_VERSION);
}
END_TEST

/* What the initiator makes of nine clear bytes with that range. */
static int give_answer(uint8_t lowest, uint8_t highest) {
    const uint8_t answer[9] = {'F', 'X', 'N', 'O', 'D', 'E', 0, lowest, highest};
    go_to(0);
    memcpy(wire.bytes, answer, sizeof answer);
    wire.length = sizeof answer;
    return wire_give(&wire, 0);
}

START_TEST(the_initiator_learns_the_versions_of_its_peer) {
    ck_assert_int_eq(give_answer(2, 4), HANDSHAKE_VERSION);
    const struct handshake_conflict *conflict = handshake_conflict(wire.end[0]);
    ck_assert(conflict->opening);
    ck_assert_uint_eq(conflict->ours.highest, 1);
    ck_assert_uint_eq(conflict->theirs.lowest, 2);
    ck_assert_uint_eq(conflict->theirs.highest, 4);
    ck_assert_uint_eq(handshake_wants(wire.end[0]), 0);
    ck_assert_ptr_null(handshake_peer(wire.end[0]));
}
END_TEST

START_TEST(an_answer_that_contradicts_itself_is_refused) {
    ck_assert_int_eq(give_answer(1, 1), HANDSHAKE_REFUSED);
    wire_close(&wire);
    ck_assert_int_eq(give_answer(0, 3), HANDSHAKE_REFUSED);
    wire_close(&wire);
    ck_assert_int_eq(give_answer(4, 2), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(an_answer_that_only_starts_like_one_is_refused) {
    go_to(0);
    memcpy(wire.bytes, "FXNODER\2\3", 9);
    wire.length = 9;
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(no_protocol_in_common_ends_before_we_tell_who_we_are) {
    struct handshake_range older = {1, 2};
    struct handshake_range newer = {3, 5};
    wire.self[0].protocol = _i == 0 ? older : newer;
    wire.self[1].protocol = _i == 0 ? newer : older;
    go_to(1);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_VERSION);
    const struct handshake_conflict *conflict = handshake_conflict(wire.end[0]);
    ck_assert(!conflict->opening);
    ck_assert_mem_eq(&conflict->ours, &wire.self[0].protocol, sizeof conflict->ours);
    ck_assert_mem_eq(&conflict->theirs, &wire.self[1].protocol, sizeof conflict->theirs);
    wire_take(&wire, 0);
    ck_assert_uint_eq(wire.length, 0);
}
END_TEST

START_TEST(the_wrong_key_ends_before_we_tell_who_we_are) {
    uint8_t other[LIMIT_KEY];
    crypto_scalarmult_base(other, wire_ephemeral[0]);
    wire.call.expected = other;
    go_to(1);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_WRONG_KEY);
    wire_take(&wire, 0);
    ck_assert_uint_eq(wire.length, 0);
    ck_assert_int_lt(handshake_proceed(wire.end[0]), 0);
    ck_assert_int_eq(handshake_feed(wire.end[0], wire.bytes, 1), HANDSHAKE_WRONG_KEY);
}
END_TEST

START_TEST(dialling_ourselves_is_noticed) {
    wire.self[1].secret = wire_secret[0];
    go_to(1);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_SELF);
}
END_TEST

/* Answers message 2, which is in wire.bytes, by hand: with that key and that payload. */
static int answer_by_hand(const uint8_t *secret, const uint8_t payload[88]) {
    static const uint8_t clear[WIRE_CLEAR] = {'F', 'X', 'N', 'O', 'D', 'E', 0, 1, 1, 0xab, 0xcd};
    struct noise *noise = wire_noise(NOISE_INITIATOR, secret, wire_ephemeral[0], clear);
    uint8_t plain[16];
    wire_open(&wire);
    memcpy(wire.bytes, clear, WIRE_CLEAR);
    wire.length = WIRE_CLEAR + wire_put(noise, NULL, 0, wire.bytes + WIRE_CLEAR);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_MORE);
    wire_take(&wire, 1);
    ck_assert_int_eq(noise_read(noise, wire.bytes + 2, WIRE_SECOND - 2, plain), 0);
    wire.length = wire_put(noise, payload, 88, wire.bytes);
    noise_free(noise);
    return wire_give(&wire, 1);
}

START_TEST(a_caller_with_our_own_key_is_noticed) {
    const uint8_t payload[88] = {1};
    ck_assert_int_eq(answer_by_hand(wire_secret[1], payload), HANDSHAKE_SELF);
    ck_assert_ptr_null(handshake_result(wire.end[1]));
}
END_TEST

START_TEST(a_version_that_was_not_offered_is_a_conflict) {
    const uint8_t payload[88] = {9};
    ck_assert_int_eq(answer_by_hand(wire_secret[0], payload), HANDSHAKE_VERSION);
    ck_assert_uint_eq(handshake_conflict(wire.end[1])->theirs.highest, 9);
    ck_assert(!handshake_conflict(wire.end[1])->opening);
}
END_TEST

/* For later features: flags (set in answer_by_hand), reserved bytes, and a session that a control
 * connection has no use for. */
START_TEST(reserved_bytes_are_ignored) {
    uint8_t payload[88];
    memset(payload, 0xff, sizeof payload);
    payload[0] = 1;
    ck_assert_int_eq(answer_by_hand(wire_secret[0], payload), HANDSHAKE_DONE);
    const struct handshake_result *result = handshake_result(wire.end[1]);
    ck_assert_uint_eq(result->features, 6);
    ck_assert_uint_eq(result->name_length, LIMIT_NAME);
    ck_assert_mem_eq(result->session, result->hash, LIMIT_SESSION_ID);
}
END_TEST

static void add_bytes(Suite *suite) {
    TCase *tests = tcase_create("bytes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, damage_at_any_byte_is_refused, 0, 3);
    tcase_add_loop_test(tests, truncated_at_any_byte_is_unfinished, 0, 3);
    tcase_add_loop_test(tests, any_other_length_is_refused, 0, 3);
    tcase_add_test(tests, a_replayed_opening_stops_at_message_three);
    tcase_add_test(tests, a_replayed_second_message_is_refused);
    tcase_add_test(tests, message_three_before_one_is_refused);
    tcase_add_test(tests, a_message_sent_twice_is_refused);
    tcase_add_test(tests, our_own_message_reflected_is_refused);
    tcase_add_test(tests, another_protocol_is_refused);
    tcase_add_test(tests, unknown_purposes_are_refused);
    suite_add_tcase(suite, tests);
}

static void add_versions(Suite *suite) {
    TCase *tests = tcase_create("versions");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, an_unknown_version_is_answered_by_ours, 0, 2);
    tcase_add_test(tests, the_initiator_learns_the_versions_of_its_peer);
    tcase_add_test(tests, an_answer_that_contradicts_itself_is_refused);
    tcase_add_test(tests, an_answer_that_only_starts_like_one_is_refused);
    tcase_add_loop_test(tests, no_protocol_in_common_ends_before_we_tell_who_we_are, 0, 2);
    tcase_add_test(tests, a_version_that_was_not_offered_is_a_conflict);
    tcase_add_test(tests, reserved_bytes_are_ignored);
    suite_add_tcase(suite, tests);
}

static void add_keys(Suite *suite) {
    TCase *tests = tcase_create("keys");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_key_of_low_order_is_never_answered, 0, WIRE_LOW_ORDER);
    tcase_add_loop_test(tests, an_answer_of_low_order_is_refused, 0, WIRE_LOW_ORDER);
    tcase_add_test(tests, the_wrong_key_ends_before_we_tell_who_we_are);
    tcase_add_test(tests, dialling_ourselves_is_noticed);
    tcase_add_test(tests, a_caller_with_our_own_key_is_noticed);
    suite_add_tcase(suite, tests);
}

Suite *suite_hostile(void) {
    Suite *suite = suite_create("hostile openings");
    add_bytes(suite);
    add_versions(suite);
    add_keys(suite);
    return suite;
}
