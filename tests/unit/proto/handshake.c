#include "tunnel.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static struct tunnel tunnel;

static void set_up(void) {
    tunnel_prepare(&tunnel);
}

static void tear_down(void) {
    tunnel_close(&tunnel);
}

/* Takes both ends, open already, to the end of an opening that must work. */
static void pass_all(void) {
    tunnel_take(&tunnel, 0);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_MORE);
    tunnel_take(&tunnel, 1);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_DECIDE);
    ck_assert_int_eq(handshake_proceed(tunnel.end[0]), HANDSHAKE_DONE);
    tunnel_take(&tunnel, 0);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_DONE);
}

START_TEST(both_ends_agree) {
    tunnel_open(&tunnel);
    pass_all();
    const struct handshake_result *initiator = handshake_result(tunnel.end[0]);
    const struct handshake_result *responder = handshake_result(tunnel.end[1]);
    uint8_t key[LIMIT_KEY];
    ck_assert_mem_eq(initiator->hash, responder->hash, HANDSHAKE_HASH);
    ck_assert_mem_eq(initiator->send_key, responder->receive_key, LIMIT_KEY);
    ck_assert_mem_eq(initiator->receive_key, responder->send_key, LIMIT_KEY);
    ck_assert_mem_ne(initiator->send_key, initiator->receive_key, LIMIT_KEY);
    crypto_scalarmult_base(key, tunnel_secret[1]);
    ck_assert_mem_eq(initiator->peer, key, LIMIT_KEY);
    crypto_scalarmult_base(key, tunnel_secret[0]);
    ck_assert_mem_eq(responder->peer, key, LIMIT_KEY);
    ck_assert_mem_eq(handshake_peer(tunnel.end[1]), key, LIMIT_KEY);
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
    ck_assert_uint_eq(handshake_wants(tunnel.end[0]), 0);
    ck_assert_uint_eq(handshake_wants(tunnel.end[1]), 0);
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
    static const uint8_t clear[TUNNEL_CLEAR] = {'F', 'X', 'N', 'O', 'D', 'E', 0, 1, 2, 0, 0};
    static const uint8_t abilities[16] = {1, 3, 0, 0, 0, 0, 0, 6};
    uint8_t choice[88] = {2,   0,   0,   0,   0,   0,   0,   5,   'S', 'E', 'S', 'S', 'I', 'O', 'N',
                          'S', 'E', 'S', 'S', 'I', 'O', 'N', '0', '1', 'a', 'l', 'p', 'h', 'a'};
    struct noise *ends[2] = {
        tunnel_noise(NOISE_INITIATOR, tunnel_secret[0], tunnel_ephemeral[0], clear),
        tunnel_noise(NOISE_RESPONDER, tunnel_secret[1], tunnel_ephemeral[1], clear),
    };
    uint8_t bytes[256];
    uint8_t plain[256];
    uint8_t split[2][LIMIT_KEY];
    tunnel.call.purpose = HANDSHAKE_LANE;
    tunnel.call.session = (const uint8_t *)"SESSIONSESSION01";
    tunnel.self[0].protocol = (struct handshake_range){1, 2};
    tunnel.self[1].protocol = (struct handshake_range){1, 3};
    tunnel_open(&tunnel);

    tunnel_take(&tunnel, 0);
    memcpy(bytes, clear, TUNNEL_CLEAR);
    ck_assert_uint_eq(tunnel_put(ends[0], NULL, 0, bytes + TUNNEL_CLEAR),
                      TUNNEL_FIRST - TUNNEL_CLEAR);
    ck_assert_uint_eq(tunnel.length, TUNNEL_FIRST);
    ck_assert_mem_eq(tunnel.bytes, bytes, TUNNEL_FIRST);
    ck_assert_int_eq(noise_read(ends[1], bytes + TUNNEL_CLEAR + 2, 32, plain), 0);
    ck_assert_int_eq(tunnel_give(&tunnel, 1), HANDSHAKE_MORE);

    tunnel_take(&tunnel, 1);
    ck_assert_uint_eq(tunnel_put(ends[1], abilities, sizeof abilities, bytes), TUNNEL_SECOND);
    ck_assert_uint_eq(tunnel.length, TUNNEL_SECOND);
    ck_assert_mem_eq(tunnel.bytes, bytes, TUNNEL_SECOND);
    ck_assert_int_eq(noise_read(ends[0], bytes + 2, TUNNEL_SECOND - 2, plain), 0);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_DECIDE);

    ck_assert_int_eq(handshake_proceed(tunnel.end[0]), HANDSHAKE_DONE);
    tunnel_take(&tunnel, 0);
    ck_assert_uint_eq(tunnel_put(ends[0], choice, sizeof choice, bytes), TUNNEL_THIRD);
    ck_assert_uint_eq(tunnel.length, TUNNEL_THIRD);
    ck_assert_mem_eq(tunnel.bytes, bytes, TUNNEL_THIRD);

    ck_assert_int_eq(noise_split(ends[0], split[0], split[1]), 0);
    const struct handshake_result *result = handshake_result(tunnel.end[0]);
    ck_assert_mem_eq(result->hash, noise_hash(ends[0]), HANDSHAKE_HASH);
    check_key(result->send_key, split[0], 0, result->hash);
    check_key(result->receive_key, split[1], 1, result->hash);
    noise_free(ends[0]);
    noise_free(ends[1]);
}
END_TEST

START_TEST(a_lane_names_its_session) {
    static const uint8_t session[LIMIT_SESSION_ID] = "the session it i";
    tunnel.call.purpose = HANDSHAKE_LANE;
    tunnel.call.session = session;
    tunnel_open(&tunnel);
    pass_all();
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(handshake_result(tunnel.end[i])->purpose, HANDSHAKE_LANE);
        ck_assert_mem_eq(handshake_result(tunnel.end[i])->session, session, sizeof session);
    }
}
END_TEST

START_TEST(the_purpose_is_known_to_the_keys) {
    uint8_t control[LIMIT_KEY];
    tunnel_open(&tunnel);
    pass_all();
    memcpy(control, handshake_result(tunnel.end[0])->send_key, sizeof control);
    tunnel_close(&tunnel);
    tunnel.call.purpose = HANDSHAKE_PAIR;
    tunnel_open(&tunnel);
    pass_all();
    ck_assert_int_eq(handshake_result(tunnel.end[1])->purpose, HANDSHAKE_PAIR);
    ck_assert_mem_ne(handshake_result(tunnel.end[0])->send_key, control, sizeof control);
}
END_TEST

START_TEST(the_highest_common_version_is_chosen) {
    tunnel.self[0].protocol = (struct handshake_range){1, 4};
    tunnel.self[1].protocol = (struct handshake_range){2, 3};
    tunnel_open(&tunnel);
    pass_all();
    ck_assert_uint_eq(handshake_result(tunnel.end[0])->version, 3);
    ck_assert_uint_eq(handshake_result(tunnel.end[1])->version, 3);
}
END_TEST

START_TEST(the_caller_sees_the_key_before_it_tells_its_own) {
    const uint8_t *bytes = NULL;
    uint8_t key[LIMIT_KEY];
    crypto_scalarmult_base(key, tunnel_secret[1]);
    tunnel.call.expected = key;
    tunnel_open(&tunnel);
    ck_assert_ptr_null(handshake_peer(tunnel.end[0]));
    tunnel_take(&tunnel, 0);
    tunnel_give(&tunnel, 1);
    tunnel_take(&tunnel, 1);
    ck_assert_int_eq(tunnel_give(&tunnel, 0), HANDSHAKE_DECIDE);
    ck_assert_mem_eq(handshake_peer(tunnel.end[0]), key, LIMIT_KEY);
    ck_assert_uint_eq(handshake_output(tunnel.end[0], &bytes), 0);
    ck_assert_uint_eq(handshake_wants(tunnel.end[0]), 0);
    ck_assert_ptr_null(handshake_result(tunnel.end[0]));
    ck_assert_ptr_null(handshake_peer(tunnel.end[1]));
}
END_TEST

START_TEST(names_of_any_length_arrive) {
    static const char name[LIMIT_NAME + 1] =
        "\xff and sixty-three more bytes, which fill all there is for a nam.";
    tunnel.call.name = name;
    tunnel.call.name_length = (size_t)_i;
    tunnel_open(&tunnel);
    pass_all();
    ck_assert_uint_eq(handshake_result(tunnel.end[1])->name_length, (size_t)_i);
    ck_assert_int_eq(memcmp(handshake_result(tunnel.end[1])->name, name, (size_t)_i), 0);
}
END_TEST

START_TEST(a_name_ends_at_its_first_zero) {
    tunnel.call.name = "al\0pha";
    tunnel.call.name_length = 6;
    tunnel_open(&tunnel);
    pass_all();
    ck_assert_uint_eq(handshake_result(tunnel.end[1])->name_length, 2);
}
END_TEST

START_TEST(calls_that_make_no_sense_are_our_fault) {
    struct handshake *handshake = NULL;
    const struct handshake_call calls[] = {
        {.purpose = 0},
        {.purpose = HANDSHAKE_PAIR + 1},
        {.purpose = HANDSHAKE_LANE},
        {.purpose = HANDSHAKE_CONTROL, .session = tunnel_secret[0]},
        {.purpose = HANDSHAKE_CONTROL, .name = tunnel.bytes, .name_length = LIMIT_NAME + 1},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        ck_assert_int_eq(handshake_new_initiator(&handshake, &tunnel.self[0], &calls[i]), -EINVAL);
    }
    tunnel.self[1].protocol = (struct handshake_range){2, 1};
    ck_assert_int_eq(handshake_new_responder(&handshake, &tunnel.self[1]), -EINVAL);
    ck_assert_ptr_null(handshake);
}
END_TEST

START_TEST(output_that_was_not_taken_is_dropped) {
    static const uint8_t length[2] = {0, TUNNEL_SECOND - 2};
    tunnel_open(&tunnel);
    ck_assert_int_eq(handshake_feed(tunnel.end[0], length, sizeof length), HANDSHAKE_MORE);
    tunnel_take(&tunnel, 0);
    ck_assert_uint_eq(tunnel.length, 0);
}
END_TEST

START_TEST(misuse_changes_nothing) {
    tunnel_open(&tunnel);
    ck_assert_int_eq(handshake_proceed(tunnel.end[0]), -EINVAL);
    ck_assert_int_eq(handshake_proceed(tunnel.end[1]), -EINVAL);
    ck_assert_int_eq(handshake_feed(tunnel.end[1], tunnel.bytes, TUNNEL_CLEAR - 1), -EINVAL);
    ck_assert_int_eq(handshake_feed(tunnel.end[1], tunnel.bytes, TUNNEL_CLEAR + 1), -EINVAL);
    ck_assert_int_eq(handshake_feed(tunnel.end[1], tunnel.bytes, 0), -EINVAL);
    pass_all();
    ck_assert_int_eq(handshake_proceed(tunnel.end[0]), -EINVAL);
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
