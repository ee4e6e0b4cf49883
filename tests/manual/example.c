#include "example.h"

#include "base/id.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 16384
#define LINE 32 /* bytes shown in a line */

/* What the code makes, as text: a name, then its value in indented lines. */
static char text[ROOM];
static size_t used;

static void add_line(const char *indent, const char *value, size_t length) {
    int n = snprintf(text + used, sizeof text - used, "%s%.*s\n", indent, (int)length, value);
    ck_assert_int_gt(n, 0);
    ck_assert_uint_lt((size_t)n, sizeof text - used);
    used += (size_t)n;
}

void example_show(const char *name, const void *bytes, size_t length) {
    char hex[2 * LINE + 1];
    const uint8_t *at = bytes;
    add_line("", name, strlen(name));
    for (size_t done = 0; done < length; done += LINE) {
        size_t part = length - done < LINE ? length - done : LINE;
        sodium_bin2hex(hex, sizeof hex, at + done, part);
        add_line("    ", hex, 2 * part);
    }
}

/* The only randomness that the code under test takes by itself is the header of a stream. */
static const char *random_name(void) {
    return "a fixed sequence";
}

static uint32_t random_word(void) {
    return 0;
}

static void random_bytes(void *const out, const size_t length) {
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)out)[i] = (uint8_t)(0x80 + i);
}

static randombytes_implementation fixed = {
    .implementation_name = random_name, .random = random_word, .buf = random_bytes};

/* Opening */

void example_count_up(uint8_t *out, size_t length, uint8_t first) {
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(first + i);
}

/* Takes what one side wants to send, shows it and gives it to the other, in the pieces it wants. */
static int hand_over(struct handshake *from, struct handshake *to, const char *const *names) {
    const uint8_t *bytes = NULL;
    size_t length = handshake_output(from, &bytes);
    int outcome = HANDSHAKE_MORE;
    while (length > 0) {
        size_t wants = handshake_wants(to);
        ck_assert_uint_gt(wants, 0);
        ck_assert_uint_le(wants, length);
        outcome = handshake_feed(to, bytes, wants);
        if (*names != NULL) {
            /* The reader of message 2 wants its length first; they are shown together. */
            bool prefix = wants == 2;
            example_show(*names++, bytes, prefix ? length : wants);
        }
        bytes += wants;
        length -= wants;
    }
    return outcome;
}

static void shake(struct handshake *initiator, struct handshake *responder) {
    static const char *const first[] = {"clear", "message-1", NULL};
    static const char *const second[] = {"message-2", NULL};
    static const char *const third[] = {"message-3", NULL};
    ck_assert_int_eq(hand_over(initiator, responder, first), HANDSHAKE_MORE);
    ck_assert_int_eq(hand_over(responder, initiator, second), HANDSHAKE_DECIDE);
    ck_assert_int_eq(handshake_proceed(initiator), HANDSHAKE_DONE);
    ck_assert_int_eq(hand_over(initiator, responder, third), HANDSHAKE_DONE);
}

static void show_identity(const char *role, const uint8_t secret[LIMIT_KEY]) {
    uint8_t public[LIMIT_KEY];
    char id[ID_TEXT_ROOM];
    char name[32];
    snprintf(name, sizeof name, "%s-secret", role);
    example_show(name, secret, LIMIT_KEY);
    crypto_scalarmult_base(public, secret);
    snprintf(name, sizeof name, "%s-public", role);
    example_show(name, public, LIMIT_KEY);
    snprintf(name, sizeof name, "%s-id", role);
    id_format(id, public);
    add_line("", name, strlen(name));
    add_line("    ", id, ID_TEXT);
}

static struct handshake_self self_of(const uint8_t *secret, const uint8_t *ephemeral) {
    return (struct handshake_self){secret, ephemeral, {1, 1}, 0};
}

static void show_result(const struct handshake_result *result) {
    example_show("handshake-hash", result->hash, HANDSHAKE_HASH);
    example_show("session-id", result->session, LIMIT_SESSION_ID);
    example_show("key-forth", result->send_key, LIMIT_KEY);
    example_show("key-back", result->receive_key, LIMIT_KEY);
}

void example_open(enum handshake_purpose purpose, struct handshake **initiator,
                  struct handshake **responder) {
    uint8_t keys[4][LIMIT_KEY]; /* secret and ephemeral of the initiator, then of the responder */
    for (uint8_t i = 0; i < 4; i++)
        example_count_up(keys[i], LIMIT_KEY, (uint8_t)(i * LIMIT_KEY));
    struct handshake_self caller = self_of(keys[0], keys[1]);
    struct handshake_self called = self_of(keys[2], keys[3]);
    struct handshake_call call = {.purpose = purpose, .name = "attic", .name_length = 5};
    show_identity("initiator", keys[0]);
    example_show("initiator-ephemeral", keys[1], LIMIT_KEY);
    show_identity("responder", keys[2]);
    example_show("responder-ephemeral", keys[3], LIMIT_KEY);
    ck_assert_int_eq(handshake_new_initiator(initiator, &caller, &call), 0);
    ck_assert_int_eq(handshake_new_responder(responder, &called), 0);
    shake(*initiator, *responder);
    const struct handshake_result *result = handshake_result(*initiator);
    const struct handshake_result *other = handshake_result(*responder);
    show_result(result);
    ck_assert_mem_eq(result->send_key, other->receive_key, LIMIT_KEY);
    ck_assert_mem_eq(result->receive_key, other->send_key, LIMIT_KEY);
}

/* Comparing */

static const char *path;
static void (*make)(void);

/* The file without its leading comment; for free(). */
static char *load_expected(void) {
    FILE *file = fopen(path, "re");
    char *expected = calloc(1, ROOM);
    char line[256];
    size_t length = 0;
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(expected);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#')
            continue;
        ck_assert_uint_lt(length + strlen(line), ROOM);
        length += strlen(strcpy(expected + length, line));
    }
    fclose(file);
    return expected;
}

START_TEST(example_is_what_the_code_does) {
    char *expected = load_expected();
    make();
    bool same = strcmp(expected, text) == 0;
    if (!same) {
        fputs(text, stdout);
        fflush(stdout); /* a failed test ends its process without that */
    }
    free(expected);
    ck_assert_msg(same, "%s is not what the code makes (above)", path);
}
END_TEST

int example_main(const char *file, void (*maker)(void)) {
    if (randombytes_set_implementation(&fixed) != 0 || sodium_init() < 0)
        return 1;
    path = file;
    make = maker;
    Suite *suite = suite_create("example");
    TCase *tcase = tcase_create("manual");
    tcase_add_test(tcase, example_is_what_the_code_does);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
