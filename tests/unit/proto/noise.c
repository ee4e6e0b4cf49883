#include "tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t clear[TUNNEL_CLEAR] = "a prologue";

static struct noise *ends[2];
static uint8_t message[NOISE_MESSAGE + 1];
static uint8_t plain[NOISE_MESSAGE + 1];

static void set_up(void) {
    ends[0] = tunnel_noise(NOISE_INITIATOR, tunnel_secret[0], tunnel_ephemeral[0], clear);
    ends[1] = tunnel_noise(NOISE_RESPONDER, tunnel_secret[1], tunnel_ephemeral[1], clear);
}

static void tear_down(void) {
    noise_free(ends[0]);
    noise_free(ends[1]);
}

/* Passes messages from number `first` up to, not including, `end`, each with an empty payload. */
static void pass(unsigned first, unsigned end) {
    for (unsigned i = first; i < end; i++) {
        size_t length = noise_overhead(ends[i % 2]);
        ck_assert_int_eq(noise_write(ends[i % 2], NULL, 0, message), 0);
        ck_assert_int_eq(noise_read(ends[1 - i % 2], message, length, plain), 0);
    }
}

START_TEST(both_sides_agree) {
    uint8_t keys[2][2][NOISE_KEY];
    pass(0, 3);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert(noise_finished(ends[i]));
        ck_assert_mem_eq(noise_peer(ends[i]), noise_self(ends[1 - i]), NOISE_KEY);
        ck_assert_int_eq(noise_split(ends[i], keys[i][0], keys[i][1]), 0);
    }
    ck_assert_mem_eq(noise_hash(ends[0]), noise_hash(ends[1]), NOISE_HASH);
    ck_assert_mem_eq(keys[0], keys[1], sizeof keys[0]);
    ck_assert_mem_ne(keys[0][0], keys[0][1], NOISE_KEY);
}
END_TEST

START_TEST(overheads_are_those_of_the_pattern) {
    static const size_t expected[] = {32, 96, 64, 0};
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(noise_overhead(ends[0]), expected[i]);
        ck_assert_uint_eq(noise_overhead(ends[1]), expected[i]);
        pass(i, i < 3 ? i + 1 : i);
    }
}
END_TEST

START_TEST(the_peer_is_known_once_it_has_proven_its_key) {
    ck_assert_ptr_null(noise_peer(ends[0]));
    pass(0, 2);
    ck_assert_mem_eq(noise_peer(ends[0]), noise_self(ends[1]), NOISE_KEY);
    ck_assert_ptr_null(noise_peer(ends[1]));
    ck_assert(!noise_finished(ends[0]));
    pass(2, 3);
    ck_assert_mem_eq(noise_peer(ends[1]), noise_self(ends[0]), NOISE_KEY);
}
END_TEST

START_TEST(payloads_arrive_up_to_the_cap) {
    static uint8_t payload[NOISE_MESSAGE];
    memset(payload, 'x', sizeof payload);
    for (unsigned i = 0; i < 3; i++) {
        size_t room = NOISE_MESSAGE - noise_overhead(ends[0]);
        ck_assert_int_eq(noise_write(ends[i % 2], payload, room + 1, message), -EMSGSIZE);
        ck_assert_int_eq(noise_write(ends[i % 2], payload, room, message), 0);
        ck_assert_int_eq(noise_read(ends[1 - i % 2], message, NOISE_MESSAGE, plain), 0);
        ck_assert_mem_eq(plain, payload, room);
    }
}
END_TEST

START_TEST(nobody_writes_or_reads_out_of_turn) {
    uint8_t keys[2][NOISE_KEY];
    ck_assert_int_eq(noise_write(ends[1], NULL, 0, message), -EINVAL);
    ck_assert_int_eq(noise_read(ends[0], message, 32, plain), -EINVAL);
    ck_assert_int_eq(noise_split(ends[0], keys[0], keys[1]), -EINVAL);
    pass(0, 3);
    ck_assert_int_eq(noise_write(ends[1], NULL, 0, message), -EINVAL);
    ck_assert_int_eq(noise_write(ends[0], NULL, 0, message), -EINVAL);
    ck_assert_int_eq(noise_read(ends[0], message, 32, plain), -EINVAL);
}
END_TEST

START_TEST(too_short_is_refused_for_good) {
    unsigned number = (unsigned)_i;
    struct noise *reader = ends[1 - number % 2];
    pass(0, number);
    size_t length = noise_overhead(reader);
    ck_assert_int_eq(noise_write(ends[number % 2], NULL, 0, message), 0);
    ck_assert_int_eq(noise_read(reader, message, length - 1, plain), NOISE_REFUSED);
    ck_assert_int_eq(noise_read(reader, message, length, plain), NOISE_REFUSED);
    ck_assert_int_eq(noise_write(reader, NULL, 0, message), NOISE_REFUSED);
    ck_assert(!noise_finished(reader));
}
END_TEST

START_TEST(too_long_is_refused) {
    ck_assert_int_eq(noise_read(ends[1], message, sizeof message, plain), NOISE_REFUSED);
}
END_TEST

START_TEST(another_prologue_is_noticed) {
    static const uint8_t other[TUNNEL_CLEAR] = "b prologue";
    noise_free(ends[1]);
    ends[1] = tunnel_noise(NOISE_RESPONDER, tunnel_secret[1], tunnel_ephemeral[1], other);
    pass(0, 1);
    ck_assert_int_eq(noise_write(ends[1], NULL, 0, message), 0);
    ck_assert_int_eq(noise_read(ends[0], message, 96, plain), NOISE_REFUSED);
    ck_assert_ptr_null(noise_peer(ends[0]));
}
END_TEST

START_TEST(low_order_first_message_is_never_answered) {
    ck_assert_int_eq(noise_read(ends[1], tunnel_low_order[_i], NOISE_KEY, plain), 0);
    ck_assert_int_eq(noise_write(ends[1], NULL, 0, message), NOISE_REFUSED);
    ck_assert_int_eq(noise_read(ends[1], message, 64, plain), NOISE_REFUSED);
    ck_assert_uint_eq(noise_overhead(ends[1]), 0);
}
END_TEST

START_TEST(low_order_second_message_is_refused) {
    pass(0, 1);
    ck_assert_int_eq(noise_write(ends[1], NULL, 0, message), 0);
    memcpy(message, tunnel_low_order[_i], NOISE_KEY);
    ck_assert_int_eq(noise_read(ends[0], message, 96, plain), NOISE_REFUSED);
}
END_TEST

Suite *suite_noise(void) {
    Suite *suite = suite_create("noise");
    TCase *tests = tcase_create("XX");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, both_sides_agree);
    tcase_add_test(tests, overheads_are_those_of_the_pattern);
    tcase_add_test(tests, the_peer_is_known_once_it_has_proven_its_key);
    tcase_add_test(tests, payloads_arrive_up_to_the_cap);
    tcase_add_test(tests, nobody_writes_or_reads_out_of_turn);
    tcase_add_loop_test(tests, too_short_is_refused_for_good, 0, 3);
    tcase_add_test(tests, too_long_is_refused);
    tcase_add_test(tests, another_prologue_is_noticed);
    tcase_add_loop_test(tests, low_order_first_message_is_never_answered, 0, TUNNEL_LOW_ORDER);
    tcase_add_loop_test(tests, low_order_second_message_is_refused, 0, TUNNEL_LOW_ORDER);
    suite_add_tcase(suite, tests);
    return suite;
}
