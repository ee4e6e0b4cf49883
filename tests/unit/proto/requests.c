/* What commands ask of a node about peers and pairing, and what of that sessions are told. */
#include "proto/local.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct msg_arena *arena;
static struct fail why;
static uint8_t buffer[LIMIT_PACKET];

static void set_up(void) {
    ck_assert_int_eq(msg_arena_new(&arena, LIMIT_ARENA), 0);
}

static void tear_down(void) {
    msg_arena_free(arena);
}

static int decode_request(const Fxnode__Control__Request *request) {
    const Fxnode__Control__Request *decoded = NULL;
    int length = msg_encode(&request->base, buffer, sizeof buffer);
    ck_assert_int_gt(length, 0);
    return local_decode_request(arena, buffer, (size_t)length, &decoded, &why);
}

static const struct {
    const char *code;
    int result;
} codes[] = {
    {"01234567", 0},           {"", MSG_INVALID},
    {"0123456", MSG_INVALID},  {"012345678", MSG_INVALID},
    {"0123 567", MSG_INVALID}, {"0123456a", MSG_INVALID},
};

START_TEST(codes_are_eight_digits) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__PairCode body = FXNODE__CONTROL__PAIR_CODE__INIT;
    body.code = (char *)codes[_i].code;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_PAIR_CODE;
    request.pair_code = &body;
    ck_assert_int_eq(decode_request(&request), codes[_i].result);
}
END_TEST

START_TEST(a_code_can_be_wiped) {
    const Fxnode__Control__Request *decoded = NULL;
    static const uint8_t packet[] = {0x62, 10, 0x0a, 8, '0', '1', '2', '3', '4', '5', '6', '7'};
    ck_assert_int_eq(local_decode_request(arena, packet, sizeof packet, &decoded, &why), 0);
    const char *code = decoded->pair_code->code;
    ck_assert_str_eq(code, "01234567");
    msg_arena_wipe(arena);
    ck_assert_mem_eq(code, "\0\0\0\0\0\0\0\0", 8); /* the arena keeps a small block */
}
END_TEST

START_TEST(settings_of_a_peer_are_checked) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Configure body = FXNODE__CONTROL__CONFIGURE__INIT;
    char text[LOCAL_TEXT_MAX + 2];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_CONFIGURE;
    request.configure = &body;
    body.accept = FXNODE__CONTROL__ACCEPT__ACCEPT_OFF;
    body.limit = body.day_limit = LIMIT_FILE_SIZE;
    ck_assert_int_eq(decode_request(&request), 0);
    body.accept++;
    ck_assert_int_eq(decode_request(&request), MSG_INVALID);
    body.accept = (Fxnode__Control__Accept)-1;
    ck_assert_int_eq(decode_request(&request), MSG_INVALID);
    body.accept = FXNODE__CONTROL__ACCEPT__DEFAULT_ACCEPT;
    body.limit++;
    ck_assert_int_eq(decode_request(&request), MSG_INVALID);
    body.limit = 0;
    body.day_limit++;
    ck_assert_int_eq(decode_request(&request), MSG_INVALID);
    body.day_limit = 0;
    body.alias = text;
    ck_assert_int_eq(decode_request(&request), MSG_INVALID);
}
END_TEST

START_TEST(imports_carry_whole_keys) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Import body = FXNODE__CONTROL__IMPORT__INIT;
    Fxnode__Control__Imported peer = FXNODE__CONTROL__IMPORTED__INIT;
    Fxnode__Control__Imported *peers[] = {&peer};
    uint8_t key[LIMIT_KEY + 1] = {0};
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_IMPORT;
    request.import = &body;
    ck_assert_int_eq(decode_request(&request), MSG_INVALID); /* nobody */
    body.n_peers = 1;
    body.peers = peers;
    peer.name = (char *)"attic";
    for (size_t length = 0; length <= sizeof key; length++) {
        peer.key = (ProtobufCBinaryData){length, key};
        ck_assert_int_eq(decode_request(&request), length == LIMIT_KEY ? 0 : MSG_INVALID);
    }
}
END_TEST

static int decode_scan(Fxnode__Helper__Job *job) {
    const Fxnode__Helper__ToSession *decoded = NULL;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    job->kind = FXNODE__HELPER__JOB__KIND__SCAN;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_JOB;
    message.job = job;
    int length = msg_encode(&message.base, buffer, sizeof buffer);
    ck_assert_int_gt(length, 0);
    return local_decode_to_session(arena, buffer, (size_t)length, &decoded, &why);
}

/* What a command asks for and what a session is told are checked alike. */
static int decode_patterns(ProtobufCBinaryData *patterns, size_t count) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Send send = FXNODE__CONTROL__SEND__INIT;
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_SEND;
    request.send = &send;
    send.peer = (char *)"attic";
    send.exclude = job.exclude = patterns;
    send.n_exclude = job.n_exclude = count;
    int result = decode_request(&request);
    ck_assert_int_eq(decode_scan(&job), result);
    return result;
}

START_TEST(patterns_are_checked) {
    static uint8_t text[LIMIT_PATTERN + 1];
    ProtobufCBinaryData patterns[LIMIT_PATTERNS + 1];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i <= LIMIT_PATTERNS; i++)
        patterns[i] = (ProtobufCBinaryData){LIMIT_PATTERN_BYTES / LIMIT_PATTERNS, text};
    ck_assert_int_eq(decode_patterns(patterns, 0), 0);
    ck_assert_int_eq(decode_patterns(patterns, LIMIT_PATTERNS), 0);
    ck_assert_int_eq(decode_patterns(patterns, LIMIT_PATTERNS + 1), MSG_INVALID);
    patterns[0].len++;
    ck_assert_int_eq(decode_patterns(patterns, LIMIT_PATTERNS), MSG_INVALID);
    patterns[0].len = LIMIT_PATTERN;
    ck_assert_int_eq(decode_patterns(patterns, 1), 0);
    patterns[0].len = LIMIT_PATTERN + 1;
    ck_assert_int_eq(decode_patterns(patterns, 1), MSG_INVALID);
    patterns[0].len = 0;
    ck_assert_int_eq(decode_patterns(patterns, 1), MSG_INVALID);
    patterns[0] = (ProtobufCBinaryData){3, (uint8_t *)"a[b"};
    ck_assert_int_eq(decode_patterns(patterns, 1), MSG_INVALID);
    patterns[0] = (ProtobufCBinaryData){3, (uint8_t *)"a\0b"};
    ck_assert_int_eq(decode_patterns(patterns, 1), MSG_INVALID);
    patterns[0] = (ProtobufCBinaryData){3, (uint8_t *)"\xff/*"};
    ck_assert_int_eq(decode_patterns(patterns, 1), 0);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("requests");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, codes_are_eight_digits, 0, sizeof codes / sizeof *codes);
    tcase_add_test(tests, a_code_can_be_wiped);
    tcase_add_test(tests, settings_of_a_peer_are_checked);
    tcase_add_test(tests, imports_carry_whole_keys);
    tcase_add_test(tests, patterns_are_checked);
    Suite *suite = suite_create("proto-requests");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
