/* Pairing by a code: two honest ends, and every way of it that must come to nothing. */
#include "proto/pairing.h"

#include "party.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES 4

static const size_t lengths[MESSAGES] = {78, 142, 86, 86};

static struct party_line line;
static struct pairing *end[2];
static uint8_t message[PAIRING_INPUT_MAX];
static size_t length;

static void start(const char *initiator_code, const char *responder_code) {
    end[0] = party_new(&line, 0, initiator_code);
    end[1] = party_new(&line, 1, responder_code);
}

static void stop(void) {
    pairing_free(end[0]);
    pairing_free(end[1]);
    end[0] = NULL;
    end[1] = NULL;
}

static void set_up(void) {
    party_connect(&line, party_key[0], party_key[1]);
}

static void take(struct pairing *from) {
    length = party_take(from, message);
}

static int give(struct pairing *to) {
    return pairing_feed(to, message, length);
}

/* Goes on until the message of that number (0 to 3) is in `message`. */
static void go_to(unsigned number) {
    take(end[0]);
    for (unsigned i = 0; i < number; i++) {
        int outcome = give(end[1 - i % 2]);
        ck_assert_int_eq(outcome, i == 2 ? PAIRING_PROVEN : PAIRING_MORE);
        if (i == 2) {
            ck_assert_int_eq(pairing_confirm(end[1]), 0);
        }
        take(end[1 - i % 2]);
    }
    ck_assert_uint_eq(length, lengths[number]);
}

START_TEST(the_right_code_proves_both) {
    size_t name_length = 99;
    start(PARTY_CODE, PARTY_CODE);
    ck_assert_ptr_null(pairing_name(end[0], &name_length));
    go_to(3);
    ck_assert_uint_eq(pairing_wants(end[1]), 0);
    ck_assert_int_eq(give(end[0]), PAIRING_PROVEN);
    ck_assert_uint_eq(pairing_wants(end[0]), 0);
    ck_assert_mem_eq(pairing_name(end[0], &name_length), PARTY_NAME, strlen(PARTY_NAME));
    ck_assert_uint_eq(name_length, strlen(PARTY_NAME));
}
END_TEST

/* A name has its whole field where it needs it. */
START_TEST(the_longest_name_arrives) {
    char name[LIMIT_NAME];
    size_t name_length = 0;
    end[0] = party_new(&line, 0, PARTY_CODE);
    struct pairing_setup setup = party_setup(&line, 1, PARTY_CODE);
    memset(name, 'n', sizeof name);
    setup.name = name;
    setup.name_length = sizeof name;
    ck_assert_int_eq(pairing_new(&end[1], &setup), 0);
    go_to(2);
    ck_assert_mem_eq(pairing_name(end[0], &name_length), name, sizeof name);
    ck_assert_uint_eq(name_length, sizeof name);
}
END_TEST

START_TEST(a_wrong_code_proves_neither) {
    start("12345679", PARTY_CODE);
    go_to(2);
    ck_assert_int_eq(give(end[1]), PAIRING_WRONG);
    ck_assert_int_eq(give(end[1]), PAIRING_WRONG);
    ck_assert_int_eq(pairing_confirm(end[1]), -EINVAL);
    take(end[1]);
    ck_assert_uint_eq(length, lengths[3]);
    ck_assert_int_eq(give(end[0]), PAIRING_WRONG);
    ck_assert_int_eq(give(end[0]), PAIRING_WRONG);
}
END_TEST

/* What a responder answers to a wrong Ta is 64 zero bytes, and nothing of the right Tb. */
START_TEST(the_answer_to_a_wrong_proof_tells_nothing) {
    static const uint8_t zeros[PARTY_TAG];
    struct party peer;
    uint8_t body[PARTY_BODY];
    party_join(&peer, &line, 0);
    end[1] = party_new(&line, 1, PARTY_CODE);
    ck_assert_int_eq(party_say(&peer, end[1], party_point, PARTY_POINT), PAIRING_MORE);
    ck_assert_uint_eq(party_hear(&peer, end[1], body), PARTY_POINT + LIMIT_NAME);
    memset(body, 7, sizeof body);
    ck_assert_int_eq(party_say(&peer, end[1], body, PARTY_TAG), PAIRING_WRONG);
    ck_assert_uint_eq(party_hear(&peer, end[1], body), PARTY_TAG);
    ck_assert_mem_eq(body, zeros, PARTY_TAG);
    party_leave(&peer);
}
END_TEST

/* Zeros are an answer; any other that is not Tb says the same. */
START_TEST(a_wrong_answer_proves_nothing) {
    struct party peer;
    uint8_t body[PARTY_BODY];
    party_join(&peer, &line, 1);
    end[0] = party_new(&line, 0, PARTY_CODE);
    party_hear(&peer, end[0], body);
    memset(body, _i == 0 ? 0 : 0xa5, PARTY_TAG);
    ck_assert_int_eq(party_answer(&peer, end[0], party_point), PAIRING_MORE);
    ck_assert_int_eq(party_say(&peer, end[0], body, PARTY_TAG), PAIRING_WRONG);
    party_leave(&peer);
}
END_TEST

/* Up to Ta, and where Ta is right, no end has said WRONG: nothing was counted. The initiator has no
 * outcome before Tb, also where the responder is convinced. */
START_TEST(a_run_that_stops_has_no_outcome) {
    unsigned number = (unsigned)_i;
    start(PARTY_CODE, PARTY_CODE);
    go_to(number);
    ck_assert_uint_eq(pairing_wants(end[0]), number < 2 ? lengths[1] : lengths[3]);
    ck_assert_uint_eq(pairing_wants(end[1]), number == 0   ? lengths[0]
                                             : number == 3 ? 0
                                                           : lengths[2]);
}
END_TEST

/* Passes on what two honest ends say, each to a middle that has opened both connections. */
static void relay(struct party_line *left, struct party_line *right) {
    struct party to_initiator;
    struct party to_responder;
    uint8_t body[PARTY_BODY];
    end[0] = party_new(left, 0, PARTY_CODE);
    end[1] = party_new(right, 1, PARTY_CODE);
    party_join(&to_initiator, left, 1);
    party_join(&to_responder, right, 0);
    party_hear(&to_initiator, end[0], body);
    ck_assert_int_eq(party_say(&to_responder, end[1], body, PARTY_POINT), PAIRING_MORE);
    party_hear(&to_responder, end[1], body);
    ck_assert_int_eq(party_say(&to_initiator, end[0], body, PARTY_POINT + LIMIT_NAME),
                     PAIRING_MORE);
    party_hear(&to_initiator, end[0], body);
    ck_assert_int_eq(party_say(&to_responder, end[1], body, PARTY_TAG), PAIRING_WRONG);
    party_hear(&to_responder, end[1], body);
    ck_assert_int_eq(party_say(&to_initiator, end[0], body, PARTY_TAG), PAIRING_WRONG);
    party_leave(&to_initiator);
    party_leave(&to_responder);
    stop();
}

START_TEST(a_middle_fails_with_the_right_code_at_both_ends) {
    struct party_line left;
    struct party_line right;
    party_connect(&left, party_key[0], party_key[2]);
    party_connect(&right, party_key[2], party_key[1]);
    relay(&left, &right);
}
END_TEST

/* Each of the two things that bind a pairing to its connection is enough alone. */
START_TEST(the_hash_alone_binds) {
    struct party_line left;
    struct party_line right;
    party_connect(&left, party_key[0], party_key[1]);
    party_connect(&right, party_key[0], party_key[1]);
    right.end[1].hash[HANDSHAKE_HASH - 1] ^= 1;
    relay(&left, &right);
}
END_TEST

START_TEST(the_keys_alone_bind) {
    struct party_line left;
    struct party_line right;
    party_connect(&left, party_key[0], party_key[2]);
    party_connect(&right, party_key[2], party_key[1]);
    memcpy(right.end[1].hash, left.end[0].hash, HANDSHAKE_HASH);
    relay(&left, &right);
}
END_TEST

/* The same two keys at both ends, but each takes the other role's for its own. */
START_TEST(the_order_of_the_keys_binds) {
    struct party_line left;
    struct party_line right;
    party_connect(&left, party_key[0], party_key[1]);
    party_connect(&right, party_key[1], party_key[0]);
    memcpy(right.end[1].hash, left.end[0].hash, HANDSHAKE_HASH);
    relay(&left, &right);
}
END_TEST

/* The bodies of a run that succeeded, said again by somebody who has the keys of the connection. */
START_TEST(a_replayed_run_proves_nothing) {
    unsigned honest = (unsigned)_i;
    struct party old[2];
    struct party peer;
    uint8_t body[MESSAGES][PARTY_BODY];
    uint8_t heard[PARTY_BODY];
    party_join(&old[0], &line, 0); /* reads what the responder says */
    party_join(&old[1], &line, 1);
    start(PARTY_CODE, PARTY_CODE);
    for (unsigned i = 0; i < MESSAGES; i++) {
        take(end[i % 2]);
        int outcome = give(end[1 - i % 2]);
        ck_assert_int_eq(outcome, i < 2 ? PAIRING_MORE : PAIRING_PROVEN);
        party_open(&old[1 - i % 2], message, length, body[i]);
        if (i == 2) {
            ck_assert_int_eq(pairing_confirm(end[1]), 0);
        }
    }
    stop();
    party_join(&peer, &line, 1 - honest);
    end[0] = party_new(&line, honest, PARTY_CODE);
    if (honest == 0) {
        party_hear(&peer, end[0], heard);
        ck_assert_int_eq(party_say(&peer, end[0], body[1], PARTY_POINT + LIMIT_NAME), PAIRING_MORE);
        ck_assert_int_eq(party_say(&peer, end[0], body[3], PARTY_TAG), PAIRING_WRONG);
    } else {
        ck_assert_int_eq(party_say(&peer, end[0], body[0], PARTY_POINT), PAIRING_MORE);
        ck_assert_int_eq(party_say(&peer, end[0], body[2], PARTY_TAG), PAIRING_WRONG);
    }
    party_leave(&peer);
    party_leave(&old[0]);
    party_leave(&old[1]);
}
END_TEST

/* The sealed bytes of another connection are not even read. */
START_TEST(messages_of_another_connection_are_refused) {
    struct party_line other;
    struct pairing *elsewhere[2];
    party_connect(&other, party_key[0], party_key[1]);
    start(PARTY_CODE, PARTY_CODE);
    elsewhere[0] = party_new(&other, 0, PARTY_CODE);
    elsewhere[1] = party_new(&other, 1, PARTY_CODE);
    take(elsewhere[0]);
    ck_assert_int_eq(give(end[1]), PAIRING_REFUSED);
    ck_assert_int_eq(give(elsewhere[1]), PAIRING_MORE);
    take(elsewhere[1]);
    ck_assert_int_eq(give(end[0]), PAIRING_REFUSED);
    pairing_free(elsewhere[0]);
    pairing_free(elsewhere[1]);
}
END_TEST

/* Our own share back, also with the bit set that libsodium ignores: neither Ta nor a name comes of
 * it. */
START_TEST(a_reflected_share_is_refused) {
    struct party peer;
    uint8_t body[PARTY_BODY];
    size_t name_length = 0;
    party_join(&peer, &line, 1);
    end[0] = party_new(&line, 0, PARTY_CODE);
    party_hear(&peer, end[0], body);
    body[PARTY_POINT - 1] |= _i == 0 ? 0 : 0x80;
    ck_assert_int_eq(party_answer(&peer, end[0], body), PAIRING_REFUSED);
    ck_assert_uint_eq(party_take(end[0], message), 0);
    ck_assert_ptr_null(pairing_name(end[0], &name_length));
    party_leave(&peer);
}
END_TEST

START_TEST(invalid_points_are_refused) {
    uint8_t point[PARTY_POINT];
    struct party peer;
    uint8_t body[PARTY_BODY];
    for (unsigned honest = 0; honest < 2; honest++) {
        party_invalid_point(point, (unsigned)_i);
        party_join(&peer, &line, 1 - honest);
        end[0] = party_new(&line, honest, PARTY_CODE);
        if (honest == 0) {
            party_hear(&peer, end[0], body);
            ck_assert_int_eq(party_answer(&peer, end[0], point), PAIRING_REFUSED);
        } else {
            ck_assert_int_eq(party_say(&peer, end[0], point, PARTY_POINT), PAIRING_REFUSED);
        }
        ck_assert_uint_eq(party_take(end[0], message), 0);
        party_leave(&peer);
        stop();
    }
}
END_TEST

START_TEST(every_flipped_bit_is_refused) {
    unsigned number = (unsigned)_i;
    for (size_t bit = 0; bit < 8 * lengths[number]; bit++) {
        start(PARTY_CODE, PARTY_CODE);
        go_to(number);
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(give(end[1 - number % 2]), PAIRING_REFUSED);
        ck_assert_uint_eq(pairing_wants(end[1 - number % 2]), 0);
        stop();
    }
}
END_TEST

/* The same by one who sits between and seals anew what it has changed; only the name is its to
 * choose, as it would be a peer's. */
static int tamper(unsigned number, size_t bit) {
    struct party hearer;
    struct party sayer;
    uint8_t body[PARTY_BODY];
    int outcome = PAIRING_MORE;
    party_join(&hearer, &line, 1); /* the connection's keys are in the wrong hands */
    party_join(&sayer, &line, 0);
    start(PARTY_CODE, PARTY_CODE);
    for (unsigned i = 0; i < MESSAGES && outcome == PAIRING_MORE; i++) {
        struct party *from = i % 2 == 0 ? &hearer : &sayer;
        struct party *to = i % 2 == 0 ? &sayer : &hearer;
        size_t size = party_hear(from, end[i % 2], body);
        if (i == number) {
            body[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        outcome = party_say(to, end[1 - i % 2], body, size);
        if (i == 2 && outcome == PAIRING_PROVEN) {
            ck_assert_uint_ge(number, 3);
            outcome = pairing_confirm(end[1]);
        }
    }
    party_leave(&hearer);
    party_leave(&sayer);
    stop();
    return outcome;
}

START_TEST(what_is_changed_inside_the_channel_is_not_proven) {
    unsigned number = (unsigned)_i;
    size_t bits = 8 * (number < 2 ? PARTY_POINT : PARTY_TAG);
    for (size_t bit = 0; bit < bits; bit++) {
        int outcome = tamper(number, bit);
        ck_assert(outcome == PAIRING_WRONG || (outcome == PAIRING_REFUSED && number < 2));
    }
    ck_assert_int_eq(tamper(MESSAGES, 0), PAIRING_PROVEN); /* by one who changes nothing */
}
END_TEST

/* Nothing but the exact number is taken, and asking so does no harm. */
START_TEST(other_lengths_are_our_own_mistake) {
    uint8_t bytes[PAIRING_INPUT_MAX + 1] = {0};
    start(PARTY_CODE, PARTY_CODE);
    for (unsigned number = 0; number < MESSAGES; number++) {
        struct pairing *to = end[1 - number % 2];
        take(end[number % 2]);
        ck_assert_uint_eq(pairing_wants(to), length);
        for (size_t other = 0; other <= sizeof bytes; other++) {
            if (other != length) {
                ck_assert_int_eq(pairing_feed(to, bytes, other), -EINVAL);
            }
        }
        ck_assert_int_eq(give(to), number < 2 ? PAIRING_MORE : PAIRING_PROVEN);
        if (number == 2) {
            ck_assert_int_eq(pairing_confirm(to), 0);
        }
    }
    ck_assert_int_eq(give(end[0]), -EINVAL);
    ck_assert_int_eq(give(end[1]), -EINVAL);
}
END_TEST

START_TEST(frames_of_data_are_refused) {
    struct party peer;
    party_join(&peer, &line, 0);
    peer.type = STREAM_DATA;
    end[1] = party_new(&line, 1, PARTY_CODE);
    ck_assert_int_eq(party_say(&peer, end[1], party_point, PARTY_POINT), PAIRING_REFUSED);
    party_leave(&peer);
}
END_TEST

START_TEST(confirming_has_one_moment) {
    start(PARTY_CODE, PARTY_CODE);
    for (unsigned number = 0; number < 3; number++) {
        ck_assert_int_eq(pairing_confirm(end[0]), -EINVAL);
        ck_assert_int_eq(pairing_confirm(end[1]), -EINVAL);
        take(end[number % 2]);
        give(end[1 - number % 2]);
    }
    ck_assert_uint_eq(party_take(end[1], message), 0); /* Tb waits for the record to be durable */
    ck_assert_int_eq(pairing_confirm(end[1]), 0);
    ck_assert_int_eq(pairing_confirm(end[1]), -EINVAL);
    ck_assert_uint_eq(party_take(end[1], message), lengths[3]);
    ck_assert_uint_eq(party_take(end[1], message), 0);
}
END_TEST

START_TEST(a_setup_that_makes_no_sense) {
    struct pairing_setup setup = party_setup(&line, 1, PARTY_CODE);
    struct handshake_result opened = line.end[1];
    struct pairing *none = NULL;
    switch (_i) {
    case 0:
        opened.purpose = HANDSHAKE_CONTROL;
        break;
    case 1:
        setup.code = "1234567x";
        break;
    case 2:
        setup.code = "1234567";
        break;
    case 3:
        setup.name_length = LIMIT_NAME + 1;
        break;
    default: /* paired with itself */
        setup.own_key = opened.peer;
        break;
    }
    setup.opened = &opened;
    ck_assert_int_eq(pairing_new(&none, &setup), -EINVAL);
    ck_assert_ptr_null(none);
}
END_TEST

static Suite *suite(void) {
    Suite *suite = suite_create("pairing");
    TCase *tcase = tcase_create("pairing");
    tcase_add_checked_fixture(tcase, set_up, stop);
    tcase_add_test(tcase, the_right_code_proves_both);
    tcase_add_test(tcase, the_longest_name_arrives);
    tcase_add_test(tcase, a_wrong_code_proves_neither);
    tcase_add_test(tcase, the_answer_to_a_wrong_proof_tells_nothing);
    tcase_add_loop_test(tcase, a_wrong_answer_proves_nothing, 0, 2);
    tcase_add_loop_test(tcase, a_run_that_stops_has_no_outcome, 0, MESSAGES);
    tcase_add_test(tcase, a_middle_fails_with_the_right_code_at_both_ends);
    tcase_add_test(tcase, the_hash_alone_binds);
    tcase_add_test(tcase, the_keys_alone_bind);
    tcase_add_test(tcase, the_order_of_the_keys_binds);
    tcase_add_loop_test(tcase, a_replayed_run_proves_nothing, 0, 2);
    tcase_add_test(tcase, messages_of_another_connection_are_refused);
    tcase_add_loop_test(tcase, a_reflected_share_is_refused, 0, 2);
    tcase_add_loop_test(tcase, invalid_points_are_refused, 0, PARTY_INVALID_POINTS);
    tcase_add_loop_test(tcase, every_flipped_bit_is_refused, 0, MESSAGES);
    tcase_add_loop_test(tcase, what_is_changed_inside_the_channel_is_not_proven, 0, MESSAGES);
    tcase_add_test(tcase, other_lengths_are_our_own_mistake);
    tcase_add_test(tcase, frames_of_data_are_refused);
    tcase_add_test(tcase, confirming_has_one_moment);
    tcase_add_loop_test(tcase, a_setup_that_makes_no_sense, 0, 5);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void) {
    if (sodium_init() < 0) {
        return EXIT_FAILURE;
    }
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
