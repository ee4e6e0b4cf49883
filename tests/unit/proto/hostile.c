/* Openings that must come to nothing: each way of it is its own test. */
#include "tunnel.h"

#include <sodium.h>
#include <string.h>

static struct tunnel tunnel;

static void set_up(void) {
    tunnel_prepare(&tunnel);
}

static void tear_down(void) {
    tunnel_close(&tunnel);
}

static const size_t lengths[3] = {TUNNEL_FIRST, TUNNEL_SECOND, TUNNEL_THIRD};

/* Opens both ends and goes on until the message of that number (0 to 2) is in tunnel.bytes. */
static void go_to(unsigned number) {
    tunnel_open(&tunnel);
    tunnel_take(&tunnel, 0);
    if (number > 0) {
        ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_MORE);
        tunnel_take(&tunnel, 1);
    }
    if (number > 1) {
        ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_DECIDE);
        ck_assert_int_eq(handshake_proceed(tunnel.end[0]), HANDSHAKE_DONE);
        tunnel_take(&tunnel, 0);
    }
    ck_assert_uint_eq(tunnel.length, lengths[number]);
}

/* The outcome of the message in tunnel.bytes and of all that it sets off. A clear part or a first
 * message that was changed is not always seen by the responder, but always by the initiator. */
static int outcome_of(unsigned number) {
    int outcome = tunnel_give(&tunnel, number == 1 ? 0 : 1);
    if (number == 0 && outcome == HANDSHAKE_MORE) {
        tunnel_take(&tunnel, 1);
        outcome = tunnel_give(&tunnel, 0);
        ck_assert_ptr_null(handshake_peer(tunnel.end[0]));
    }
    return outcome;
}

START_TEST(damage_at_any_byte_is_refused) {
    unsigned number = (unsigned)_i;
    for (size_t at = 0; at < lengths[number]; at++) {
        for (unsigned bit = 0; bit < 8; bit += 7) { /* X25519 ignores the top bit of a key */
            go_to(number);
            tunnel.bytes[at] ^= (uint8_t)(1u << bit);
            bool version = number == 0 && at == 7;
            ck_assert_int_eq(outcome_of(number), version ? HANDSHAKE_VERSION : HANDSHAKE_REFUSED);
            tunnel_close(&tunnel);
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
        tunnel.length = cut;
        ck_assert_int_eq(tunnel_give(&tunnel, reader), HANDSHAKE_MORE);
        ck_assert_uint_gt(handshake_wants(tunnel.end[reader]), 0);
        ck_assert_ptr_null(handshake_result(tunnel.end[reader]));
        tunnel_close(&tunnel);
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
        memcpy(tunnel.bytes + (number == 0 ? TUNNEL_CLEAR : 0), said[i], 2);
        ck_assert_int_eq(tunnel_give(&tunnel, number == 1 ? 0 : 1), HANDSHAKE_REFUSED);
        tunnel_close(&tunnel);
    }
}
END_TEST

START_TEST(a_replayed_opening_stops_at_message_three) {
    uint8_t third[TUNNEL_THIRD];
    static const uint8_t fresh[LIMIT_KEY] = "another fresh secret of the resp";
    go_to(2);
    memcpy(third, tunnel.bytes, sizeof third);
    tunnel_close(&tunnel);
    tunnel.self[1].ephemeral = fresh;
    go_to(0);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_MORE);
    memcpy(tunnel.bytes, third, sizeof third);
    tunnel.length = sizeof third;
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(a_replayed_second_message_is_refused) {
    uint8_t second[TUNNEL_SECOND];
    static const uint8_t fresh[LIMIT_KEY] = "another fresh secret of the init";
    go_to(1);
    memcpy(second, tunnel.bytes, sizeof second);
    tunnel_close(&tunnel);
    tunnel.self[0].ephemeral = fresh;
    go_to(0);
    memcpy(tunnel.bytes, second, sizeof second);
    tunnel.length = sizeof second;
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(message_three_before_one_is_refused) {
    uint8_t third[TUNNEL_THIRD];
    go_to(2);
    memcpy(third, tunnel.bytes, sizeof third);
    tunnel_close(&tunnel);
    go_to(0);
    memcpy(tunnel.bytes + TUNNEL_CLEAR, third, sizeof third);
    tunnel.length = TUNNEL_CLEAR + sizeof third;
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(a_message_sent_twice_is_refused) {
    go_to(0);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_MORE);
    memmove(tunnel.bytes, tunnel.bytes + TUNNEL_CLEAR, TUNNEL_FIRST - TUNNEL_CLEAR);
    tunnel.length = TUNNEL_THIRD; /* as many as are wanted next */
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(our_own_message_reflected_is_refused) {
    go_to(0);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_REFUSED);
    tunnel_close(&tunnel);
    go_to(0);
    memmove(tunnel.bytes, tunnel.bytes + TUNNEL_CLEAR, TUNNEL_FIRST - TUNNEL_CLEAR);
    tunnel.length = TUNNEL_FIRST - TUNNEL_CLEAR;
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(a_key_of_low_order_is_never_answered) {
    go_to(0);
    memcpy(tunnel.bytes + TUNNEL_CLEAR + 2, tunnel_low_order[_i], LIMIT_KEY);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_REFUSED);
    tunnel_take(&tunnel, 1);
    ck_assert_uint_eq(tunnel.length, 0);
}
END_TEST

START_TEST(an_answer_of_low_order_is_refused) {
    go_to(1);
    memcpy(tunnel.bytes + 2, tunnel_low_order[_i], LIMIT_KEY);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(another_protocol_is_refused) {
    go_to(0);
    memcpy(tunnel.bytes, "GET / HTTP/1.1\r\n", 16);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_REFUSED);
    tunnel_take(&tunnel, 1);
    ck_assert_uint_eq(tunnel.length, 0);
    ck_assert_ptr_null(handshake_conflict(tunnel.end[1]));
}
END_TEST

START_TEST(unknown_purposes_are_refused) {
    static const uint8_t purposes[] = {0, HANDSHAKE_PAIR + 1, 255};
    for (size_t i = 0; i < sizeof purposes; i++) {
        go_to(0);
        tunnel.bytes[8] = purposes[i];
        ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_REFUSED);
        tunnel_close(&tunnel);
    }
}
END_TEST

START_TEST(an_unknown_version_is_answered_by_ours) {
    static const uint8_t answer[9] = {'F', 'X', 'N', 'O', 'D', 'E', 0, 1, 1};
    go_to(0);
    tunnel.bytes[7] = (uint8_t)(_i == 0 ? 0 : 200);
    tunnel.bytes[8] = 77; /* what a purpose means is for that version to say */
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_VERSION);
    const struct handshake_conflict *conflict = handshake_conflict(tunnel.end[1]);
    ck_assert(conflict->opening);
    ck_assert_uint_eq(conflict->ours.lowest, 1);
    ck_assert_uint_eq(conflict->ours.highest, 1);
    ck_assert_uint_eq(conflict->theirs.lowest, _i == 0 ? 0 : 200);
    ck_assert_uint_eq(conflict->theirs.highest, _i == 0 ? 0 : 200);
    tunnel_take(&tunnel, 1);
    ck_assert_uint_eq(tunnel.length, sizeof answer);
    ck_assert_mem_eq(tunnel.bytes, answer, sizeof answer);
    ck_assert_int_eq(handshake_feed(tunnel.end[1], answer, sizeof answer), HANDSHAKE_VERSION);
}
END_TEST

/* What the initiator makes of nine clear bytes with that range. */
static int give_answer(uint8_t lowest, uint8_t highest) {
    const uint8_t answer[9] = {'F', 'X', 'N', 'O', 'D', 'E', 0, lowest, highest};
    go_to(0);
    memcpy(tunnel.bytes, answer, sizeof answer);
    tunnel.length = sizeof answer;
    return tunnel_give(&tunnel, 0);
}

START_TEST(the_initiator_learns_the_versions_of_its_peer) {
    ck_assert_int_eq(give_answer(2, 4), HANDSHAKE_VERSION);
    const struct handshake_conflict *conflict = handshake_conflict(tunnel.end[0]);
    ck_assert(conflict->opening);
    ck_assert_uint_eq(conflict->ours.highest, 1);
    ck_assert_uint_eq(conflict->theirs.lowest, 2);
    ck_assert_uint_eq(conflict->theirs.highest, 4);
    ck_assert_uint_eq(handshake_wants(tunnel.end[0]), 0);
    ck_assert_ptr_null(handshake_peer(tunnel.end[0]));
}
END_TEST

START_TEST(an_answer_that_contradicts_itself_is_refused) {
    ck_assert_int_eq(give_answer(1, 1), HANDSHAKE_REFUSED);
    tunnel_close(&tunnel);
    ck_assert_int_eq(give_answer(0, 3), HANDSHAKE_REFUSED);
    tunnel_close(&tunnel);
    ck_assert_int_eq(give_answer(4, 2), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(an_answer_that_only_starts_like_one_is_refused) {
    go_to(0);
    memcpy(tunnel.bytes, "FXNODER\2\3", 9);
    tunnel.length = 9;
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_REFUSED);
}
END_TEST

START_TEST(no_protocol_in_common_ends_before_we_tell_who_we_are) {
    struct handshake_range older = {1, 2};
    struct handshake_range newer = {3, 5};
    tunnel.self[0].protocol = _i == 0 ? older : newer;
    tunnel.self[1].protocol = _i == 0 ? newer : older;
    go_to(1);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_VERSION);
    const struct handshake_conflict *conflict = handshake_conflict(tunnel.end[0]);
    ck_assert(!conflict->opening);
    ck_assert_mem_eq(&conflict->ours, &tunnel.self[0].protocol, sizeof conflict->ours);
    ck_assert_mem_eq(&conflict->theirs, &tunnel.self[1].protocol, sizeof conflict->theirs);
    tunnel_take(&tunnel, 0);
    ck_assert_uint_eq(tunnel.length, 0);
}
END_TEST

START_TEST(the_wrong_key_ends_before_we_tell_who_we_are) {
    uint8_t other[LIMIT_KEY];
    crypto_scalarmult_base(other, tunnel_ephemeral[0]);
    tunnel.call.expected = other;
    go_to(1);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_WRONG_KEY);
    tunnel_take(&tunnel, 0);
    ck_assert_uint_eq(tunnel.length, 0);
    ck_assert_int_lt(handshake_proceed(tunnel.end[0]), 0);
    ck_assert_int_eq(handshake_feed(tunnel.end[0], tunnel.bytes, 1), HANDSHAKE_WRONG_KEY);
}
END_TEST

START_TEST(dialling_ourselves_is_noticed) {
    tunnel.self[1].secret = tunnel_secret[0];
    go_to(1);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_SELF);
}
END_TEST

/* Answers message 2, which is in tunnel.bytes, by hand: with that key and that payload. */
static int answer_by_hand(const uint8_t *secret, const uint8_t payload[88]) {
    static const uint8_t clear[TUNNEL_CLEAR] = {'F', 'X', 'N', 'O', 'D', 'E', 0, 1, 1, 0xab, 0xcd};
    struct noise *noise = tunnel_noise(NOISE_INITIATOR, secret, tunnel_ephemeral[0], clear);
    uint8_t plain[16];
    tunnel_open(&tunnel);
    memcpy(tunnel.bytes, clear, TUNNEL_CLEAR);
    tunnel.length = TUNNEL_CLEAR + tunnel_put(noise, NULL, 0, tunnel.bytes + TUNNEL_CLEAR);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_MORE);
    tunnel_take(&tunnel, 1);
    ck_assert_int_eq(noise_read(noise, tunnel.bytes + 2, TUNNEL_SECOND - 2, plain), 0);
    tunnel.length = tunnel_put(noise, payload, 88, tunnel.bytes);
    noise_free(noise);
    return tunnel_give(&tunnel, 1);
}

START_TEST(a_caller_with_our_own_key_is_noticed) {
    const uint8_t payload[88] = {1};
    ck_assert_int_eq(answer_by_hand(tunnel_secret[1], payload), HANDSHAKE_SELF);
    ck_assert_ptr_null(handshake_result(tunnel.end[1]));
}
END_TEST

START_TEST(a_version_that_was_not_offered_is_a_conflict) {
    const uint8_t payload[88] = {9};
    ck_assert_int_eq(answer_by_hand(tunnel_secret[0], payload), HANDSHAKE_VERSION);
    ck_assert_uint_eq(handshake_conflict(tunnel.end[1])->theirs.highest, 9);
    ck_assert(!handshake_conflict(tunnel.end[1])->opening);
}
END_TEST

/* For later features: flags (set in answer_by_hand), reserved bytes, and a session that a control
 * connection has no use for. */
START_TEST(reserved_bytes_are_ignored) {
    uint8_t payload[88];
    memset(payload, 0xff, sizeof payload);
    payload[0] = 1;
    ck_assert_int_eq(answer_by_hand(tunnel_secret[0], payload), HANDSHAKE_DONE);
    const struct handshake_result *result = handshake_result(tunnel.end[1]);
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
    tcase_add_loop_test(tests, a_key_of_low_order_is_never_answered, 0, TUNNEL_LOW_ORDER);
    tcase_add_loop_test(tests, an_answer_of_low_order_is_refused, 0, TUNNEL_LOW_ORDER);
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
