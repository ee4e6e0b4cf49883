#include "wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static struct wire wire;

static void set_up(void) {
    wire_prepare(&wire);
}

static void tear_down(void) {
    wire_close(&wire);
}

/* Takes both ends, open already, to the end of an opening that must work. */
static void pass_all(void) {
    wire_take(&wire, 0);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_MORE);
    wire_take(&wire, 1);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_DECIDE);
    ck_assert_int_eq(handshake_proceed(wire.end[0]), HANDSHAKE_DONE);
    wire_take(&wire, 0);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_DONE);
}

START_TEST(both_ends_agree) {
    wire_open(&wire);
    pass_all();
    const struct handshake_result *initiator = handshake_result(wire.end[0]);
    const struct handshake_result *responder = handshake_result(wire.end[1]);
    uint8_t key[LIMIT_KEY];
    ck_assert_mem_eq(initiator->hash, responder->hash, HANDSHAKE_HASH);
    ck_assert_mem_eq(initiator->send_key, responder->receive_key, LIMIT_KEY);
    ck_assert_mem_eq(initiator->receive_key, responder->send_key, LIMIT_KEY);
    ck_assert_mem_ne(initiator->send_key, initiator->receive_key, LIMIT_KEY);
    crypto_scalarmult_base(key, wire_secret[1]);
    ck_assert_mem_eq(initiator->peer, key, LIMIT_KEY);
    crypto_scalarmult_base(key, wire_secret[0]);
    ck_assert_mem_eq(responder->peer, key, LIMIT_KEY);
    ck_assert_mem_eq(handshake_peer(wire.end[1]), key, LIMIT_KEY);
    ck_assert_int_eq(responder->purpose, HANDSHAKE_CONTROL);
    ck_assert_uint_eq(responder->version, 1);
    ck_assert_uint_eq(initiator->version, 1);
    ck_assert_uint_eq(initiator->features, 4);
    ck_assert_uint_eq(responder->features, 4);
    ck_assert_mem_eq(initiator->session, initiator->hash, LIMIT_SESSION_ID);
    ck_assert_mem_eq(responder->session, initiator->hash, LIMIT_SESSION_ID);
    ck_assert_uint_eq(responder->name_length, 5);
    ck_assert_mem_eq(responder->name, "alpha", 5);
    ck_assert_uint_eq(initiator->name_length, 0);
    ck_assert_uint_eq(initiator->name[0], 0);
    ck_assert_uint_eq(handshake_wants(wire.end[0]), 0);
    ck_assert_uint_eq(handshake_wants(wire.end[1]), 0);
}
END_TEST

/* BLAKE2b-256(key, label || purpose || direction || hash), as the header has it. */
static void check_key(const uint8_t *derived, const uint8_t *split, uint8_t direction,
                      const uint8_t *hash) {
    uint8_t input[16 + 2 + HANDSHAKE_HASH] = "fxnode stream v1";
    uint8_t key[LIMIT_KEY];
    input[16] = HANDSHAKE_LANE;
    input[17] = direction;
    memcpy(input + 18, hash, HANDSHAKE_HASH);
    crypto_generichash_blake2b(key, sizeof key, input, sizeof input, split, LIMIT_KEY);
    ck_assert_mem_eq(derived, key, LIMIT_KEY);
}

/* The same opening, put together here from Noise and the layout in the header. */
START_TEST(the_bytes_are_those_of_the_header) {
    static const uint8_t clear[WIRE_CLEAR] = {'F', 'X', 'N', 'O', 'D', 'E', 0, 1, 2, 0, 0};
    static const uint8_t abilities[16] = {1, 3, 0, 0, 0, 0, 0, 6};
    uint8_t choice[88] = {2,   0,   0,   0,   0,   0,   0,   5,   'S', 'E', 'S', 'S', 'I', 'O', 'N',
                          'S', 'E', 'S', 'S', 'I', 'O', 'N', '0', '1', 'a', 'l', 'p', 'h', 'a'};
    struct noise *ends[2] = {
        wire_noise(NOISE_INITIATOR, wire_secret[0], wire_ephemeral[0], clear),
        wire_noise(NOISE_RESPONDER, wire_secret[1], wire_ephemeral[1], clear),
    };
    uint8_t bytes[256];
    uint8_t plain[256];
    uint8_t split[2][LIMIT_KEY];
    wire.call.purpose = HANDSHAKE_LANE;
    wire.call.session = (const uint8_t *)"SESSIONSESSION01";
    wire.self[0].protocol = (struct handshake_range){1, 2};
    wire.self[1].protocol = (struct handshake_range){1, 3};
    wire_open(&wire);

    wire_take(&wire, 0);
    memcpy(bytes, clear, WIRE_CLEAR);
    ck_assert_uint_eq(wire_put(ends[0], NULL, 0, bytes + WIRE_CLEAR), WIRE_FIRST - WIRE_CLEAR);
    ck_assert_uint_eq(wire.length, WIRE_FIRST);
    ck_assert_mem_eq(wire.bytes, bytes, WIRE_FIRST);
    ck_assert_int_eq(noise_read(ends[1], bytes + WIRE_CLEAR + 2, 32, plain), 0);
    ck_assert_int_eq(wire_give(&wire, 1), HANDSHAKE_MORE);

    wire_take(&wire, 1);
    ck_assert_uint_eq(wire_put(ends[1], abilities, sizeof abilities, bytes), WIRE_SECOND);
    ck_assert_uint_eq(wire.length, WIRE_SECOND);
    ck_assert_mem_eq(wire.bytes, bytes, WIRE_SECOND);
    ck_assert_int_eq(noise_read(ends[0], bytes + 2, WIRE_SECOND - 2, plain), 0);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_DECIDE);

    ck_assert_int_eq(handshake_proceed(wire.end[0]), HANDSHAKE_DONE);
    wire_take(&wire, 0);
    ck_assert_uint_eq(wire_put(ends[0], choice, sizeof choice, bytes), WIRE_THIRD);
    ck_assert_uint_eq(wire.length, WIRE_THIRD);
    ck_assert_mem_eq(wire.bytes, bytes, WIRE_THIRD);

    ck_assert_int_eq(noise_split(ends[0], split[0], split[1]), 0);
    const struct handshake_result *result = handshake_result(wire.end[0]);
    ck_assert_mem_eq(result->hash, noise_hash(ends[0]), HANDSHAKE_HASH);
    check_key(result->send_key, split[0], 0, result->hash);
    check_key(result->receive_key, split[1], 1, result->hash);
    noise_free(ends[0]);
    noise_free(ends[1]);
}
END_TEST

START_TEST(a_lane_names_its_session) {
    static const uint8_t session[LIMIT_SESSION_ID] = "the session it i";
    wire.call.purpose = HANDSHAKE_LANE;
    wire.call.session = session;
    wire_open(&wire);
    pass_all();
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(handshake_result(wire.end[i])->purpose, HANDSHAKE_LANE);
        ck_assert_mem_eq(handshake_result(wire.end[i])->session, session, sizeof session);
    }
}
END_TEST

START_TEST(the_purpose_is_known_to_the_keys) {
    uint8_t control[LIMIT_KEY];
    wire_open(&wire);
    pass_all();
    memcpy(control, handshake_result(wire.end[0])->send_key, sizeof control);
    wire_close(&wire);
    wire.call.purpose = HANDSHAKE_PAIR;
    wire_open(&wire);
    pass_all();
    ck_assert_int_eq(handshake_result(wire.end[1])->purpose, HANDSHAKE_PAIR);
    ck_assert_mem_ne(handshake_result(wire.end[0])->send_key, control, sizeof control);
}
END_TEST

START_TEST(the_highest_common_version_is_chosen) {
    wire.self[0].protocol = (struct handshake_range){1, 4};
    wire.self[1].protocol = (struct handshake_range){2, 3};
    wire_open(&wire);
    pass_all();
    ck_assert_uint_eq(handshake_result(wire.end[0])->version, 3);
    ck_assert_uint_eq(handshake_result(wire.end[1])->version, 3);
}
END_TEST

START_TEST(the_caller_sees_the_key_before_it_tells_its_own) {
    const uint8_t *bytes = NULL;
    uint8_t key[LIMIT_KEY];
    crypto_scalarmult_base(key, wire_secret[1]);
    wire.call.expected = key;
    wire_open(&wire);
    ck_assert_ptr_null(handshake_peer(wire.end[0]));
    wire_take(&wire, 0);
    wire_give(&wire, 1);
    wire_take(&wire, 1);
    ck_assert_int_eq(wire_give(&wire, 0), HANDSHAKE_DECIDE);
    ck_assert_mem_eq(handshake_peer(wire.end[0]), key, LIMIT_KEY);
    ck_assert_uint_eq(handshake_output(wire.end[0], &bytes), 0);
    ck_assert_uint_eq(handshake_wants(wire.end[0]), 0);
    ck_assert_ptr_null(handshake_result(wire.end[0]));
    ck_assert_ptr_null(handshake_peer(wire.end[1]));
}
END_TEST

START_TEST(names_of_any_length_arrive) {
    static const char name[LIMIT_NAME + 1] =
        "\xff and sixty-three more bytes, which fill all there is for a nam.";
    wire.call.name = name;
    wire.call.name_length = (size_t)_i;
    wire_open(&wire);
    pass_all();
    ck_assert_uint_eq(handshake_result(wire.end[1])->name_length, (size_t)_i);
    ck_assert_int_eq(memcmp(handshake_result(wire.end[1])->name, name, (size_t)_i), 0);
}
END_TEST

START_TEST(a_name_ends_at_its_first_zero) {
    wire.call.name = "al\0pha";
    wire.call.name_length = 6;
    wire_open(&wire);
    pass_all();
    ck_assert_uint_eq(handshake_result(wire.end[1])->name_length, 2);
}
END_TEST

START_TEST(calls_that_make_no_sense_are_our_fault) {
    struct handshake *handshake = NULL;
    const struct handshake_call calls[] = {
        {.purpose = 0},
        {.purpose = HANDSHAKE_PAIR + 1},
        {.purpose = HANDSHAKE_LANE},
        {.purpose = HANDSHAKE_CONTROL, .session = wire_secret[0]},
        {.purpose = HANDSHAKE_CONTROL, .name = wire.bytes, .name_length = LIMIT_NAME + 1},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        ck_assert_int_eq(handshake_new_initiator(&handshake, &wire.self[0], &calls[i]), -EINVAL);
    }
    wire.self[1].protocol = (struct handshake_range){2, 1};
    ck_assert_int_eq(handshake_new_responder(&handshake, &wire.self[1]), -EINVAL);
    ck_assert_ptr_null(handshake);
}
END_TEST

START_TEST(output_that_was_not_taken_is_dropped) {
    static const uint8_t length[2] = {0, WIRE_SECOND - 2};
    wire_open(&wire);
    ck_assert_int_eq(handshake_feed(wire.end[0], length, sizeof length), HANDSHAKE_MORE);
    wire_take(&wire, 0);
    ck_assert_uint_eq(wire.length, 0);
}
END_TEST

START_TEST(misuse_changes_nothing) {
    wire_open(&wire);
    ck_assert_int_eq(handshake_proceed(wire.end[0]), -EINVAL);
    ck_assert_int_eq(handshake_proceed(wire.end[1]), -EINVAL);
    ck_assert_int_eq(handshake_feed(wire.end[1], wire.bytes, WIRE_CLEAR - 1), -EINVAL);
    ck_assert_int_eq(handshake_feed(wire.end[1], wire.bytes, WIRE_CLEAR + 1), -EINVAL);
    ck_assert_int_eq(handshake_feed(wire.end[1], wire.bytes, 0), -EINVAL);
    pass_all();
    ck_assert_int_eq(handshake_proceed(wire.end[0]), -EINVAL);
    handshake_free(NULL);
}
END_TEST

Suite *suite_handshake(void) {
    Suite *suite = suite_create("handshake");
    TCase *tests = tcase_create("agreement");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, both_ends_agree);
    tcase_add_test(tests, the_bytes_are_those_of_the_header);
    tcase_add_test(tests, a_lane_names_its_session);
    tcase_add_test(tests, the_purpose_is_known_to_the_keys);
    tcase_add_test(tests, the_highest_common_version_is_chosen);
    tcase_add_test(tests, the_caller_sees_the_key_before_it_tells_its_own);
    tcase_add_loop_test(tests, names_of_any_length_arrive, 0, LIMIT_NAME + 1);
    tcase_add_test(tests, a_name_ends_at_its_first_zero);
    tcase_add_test(tests, calls_that_make_no_sense_are_our_fault);
    tcase_add_test(tests, output_that_was_not_taken_is_dropped);
    tcase_add_test(tests, misuse_changes_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
