#include "proto/secretstream.h"
#include "proto/secretstream_check.h"
#include "proto/stream.h"
#include "tunnel.h"

#ifdef FXNODE_LIBCRYPTO
#include "proto/secretstream_libcrypto.h"
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OVERHEAD crypto_secretstream_xchacha20poly1305_ABYTES
#define REKEY crypto_secretstream_xchacha20poly1305_TAG_REKEY
#define BODY 100

static const uint8_t key[STREAM_KEY + 1] = "known answers, key of 32 bytes..";
static const uint8_t header[STREAM_HEADER + 1] = "known answers, header...";

/* What there is in this build. */
static const struct secretstream *all[2];
static int count;

static void find_all(void) {
    count = 0;
    all[count++] = secretstream_reference();
#ifdef FXNODE_LIBCRYPTO
    struct fail why;
    ck_assert_int_eq(secretstream_libcrypto_load(&all[count++], &why), 0);
#endif
}

static void use_reference(void) {
    secretstream_use(secretstream_reference());
}

/* Computed by tests/peer/primitives.py, which shares no code with either library: BLAKE2b-128 of
 * what is sealed, one message after the other. Byte i of a message is 7 i + its length. */
static const struct answer {
    uint8_t tag;
    size_t length;
    bool wraps;
    const char *hash;
} answers[] = {
    {0, 0, false, "1a32595a92667b11947e39f0ff2d8309"},
    {0, 1, false, "24592268d2ce1892deb9037071558285"},
    {0, 16, false, "ea859197a19a525719f58ff9a7a5ce67"},
    {1, 63, false, "71bd3b44f4a4d67a173467389885d642"},
    {2, 64, false, "135e50c835734418a0fe80380ee5aa2f"},
    {0, 65, false, "a7a757d0028fb25a4efb5ebdd956608e"},
    {0, 200, true, "a70775c9870402b5478b0752ec203460"},
    {0, 1500, false, "27b997066ac6ba5554a214ab818fd61d"},
    {0, 70001, false, "adb0f7b79167222484502a5f4dc688c8"},
    {3, 0, false, "9189b5dc0a504833891cd81a57b16e1b"},
};

static void check_answer(const uint8_t *sealed, const struct answer *answer) {
    uint8_t hash[16];
    char text[sizeof hash * 2 + 1];
    crypto_generichash(hash, sizeof hash, sealed, answer->length + OVERHEAD, NULL, 0);
    ck_assert_str_eq(sodium_bin2hex(text, sizeof text, hash, sizeof hash), answer->hash);
}

START_TEST(known_answers) {
    static uint8_t sealed[70001 + OVERHEAD];
    for (int which = 0; which < count; which++) {
        secretstream_state state;
        void *context = NULL;
        ck_assert_int_eq(all[which]->open(&context), 0);
        crypto_secretstream_xchacha20poly1305_init_pull(&state, header, key);
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
            size_t length = answers[i].length;
            struct secretstream_message message = {sealed, sealed + 1, length, answers[i].tag};
            for (size_t at = 0; at < length; at++) {
                sealed[1 + at] = (uint8_t)(at * 7 + length);
            }
            if (answers[i].wraps) {
                memset(state.nonce, 0xff, 4);
            }
            ck_assert_int_eq(all[which]->push(context, &state, &message), 0);
            check_answer(sealed, &answers[i]);
        }
        all[which]->close(context);
    }
}
END_TEST

START_TEST(what_is_right_passes_the_check) {
    for (int which = 0; which < count; which++) {
        ck_assert(secretstream_check(all[which]));
    }
}
END_TEST

/* libsodium with one thing wrong. */
static enum fault {
    NOTHING,
    NO_MEMORY,
    SEAL_FAILS,
    OPEN_FAILS,
    NO_REKEY,
    NO_REKEY_WHEN_DUE,
    STATE_STANDS,
    OTHER_PADDING,
    LONG_ONES_DIFFER,
    NOT_IN_PLACE,
    OTHER_TAG,
    BAD_PLAINTEXT,
    TAKES_ANYTHING,
    IGNORES_LAST_BIT,
    WRITES_WHAT_IT_REFUSES,
    FAULTS
} fault;

static int broken_open(void **context) {
    *context = NULL;
    return fault == NO_MEMORY ? -ENOMEM : 0;
}

static void broken_close(void *context) {
    ck_assert_ptr_null(context);
}

static int broken_push(void *context, secretstream_state *state,
                       const struct secretstream_message *message) {
    const struct secretstream_message plain = *message;
    const secretstream_state before = *state;
    uint8_t *sealed = message->sealed;
    size_t length = message->length;
    bool apart = message->plain != sealed + 1;
    bool due = before.nonce[0] == 0xff && before.nonce[3] == 0xff;
    int r = secretstream_reference()->push(context, state, &plain);
    if ((fault == NO_REKEY && (message->tag & REKEY) != 0) || (fault == NO_REKEY_WHEN_DUE && due)) {
        memcpy(state->k, before.k, sizeof state->k);
    }
    if (fault == STATE_STANDS) {
        *state = before;
    }
    if (fault == OTHER_PADDING && length % 16 != 0 && length % 16 != 8) {
        sealed[1 + length] ^= 1;
    }
    if ((fault == LONG_ONES_DIFFER && length > 20000) ||
        (fault == NOT_IN_PLACE && !apart && length > 0)) {
        sealed[length] ^= 1;
    }
    return fault == SEAL_FAILS ? -EIO : r;
}

static int broken_pull(void *context, secretstream_state *state,
                       struct secretstream_message *message) {
    uint8_t *last = message->sealed + message->length + OVERHEAD - 1;
    size_t length = message->length;
    int r = secretstream_reference()->pull(context, state, message);
    if (r == SECRETSTREAM_REFUSED && fault == IGNORES_LAST_BIT) {
        *last ^= 0x80;
        r = secretstream_reference()->pull(context, state, message);
    }
    if (r == SECRETSTREAM_REFUSED && fault == WRITES_WHAT_IT_REFUSES && length > 0) {
        message->plain[length / 2] ^= 1;
    }
    if (r == 0 && fault == OTHER_TAG) {
        message->tag ^= 0x40;
    }
    if (r == 0 && fault == BAD_PLAINTEXT && length > 1000) {
        message->plain[1000] ^= 1;
    }
    return fault == OPEN_FAILS ? -EIO : fault == TAKES_ANYTHING ? 0 : r;
}

static const struct secretstream broken = {.name = "broken",
                                           .open = broken_open,
                                           .close = broken_close,
                                           .push = broken_push,
                                           .pull = broken_pull};

START_TEST(what_is_broken_does_not) {
    fault = (enum fault)_i;
    ck_assert(secretstream_check(&broken) == (fault == NOTHING));
}
END_TEST

/* Where the C library's malloc() takes its memory from; a sanitizer's does not. */
static bool heap_holds(const uint8_t *bytes, size_t length) {
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    char line[512];
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *next = NULL;
        unsigned long from = strtoul(line, &next, 16);
        unsigned long to = strtoul(next + 1, NULL, 16);
        if (strstr(line, "[heap]") != NULL) {
            found = found || memmem((void *)from, to - from, bytes, length) != NULL;
        }
    }
    fclose(maps);
    return found;
}

START_TEST(no_key_stays_in_ordinary_memory) {
    uint8_t *control = malloc(STREAM_KEY);
    uint8_t sealed[BODY + OVERHEAD];
    ck_assert_ptr_nonnull(control);
    randombytes_buf(control, STREAM_KEY);
    bool sees = heap_holds(control, STREAM_KEY);
    free(control);
    for (int which = 0; sees && which < count; which++) {
        secretstream_state state;
        secretstream_state before;
        uint8_t once[32]; /* the key of this message's mac */
        void *context = NULL;
        struct secretstream_message message = {sealed, sealed + 1, BODY, 0};
        crypto_secretstream_xchacha20poly1305_init_push(&state, sealed, key);
        before = state;
        crypto_stream_chacha20_ietf(once, sizeof once, state.nonce, state.k);
        memset(sealed, 's', sizeof sealed);
        ck_assert_int_eq(all[which]->open(&context), 0);
        ck_assert_int_eq(all[which]->push(context, &state, &message), 0);
        ck_assert(!heap_holds(before.k, sizeof before.k));
        ck_assert(!heap_holds(once + 16, sizeof once - 16)); /* the half that is used as it is */
        ck_assert_int_eq(all[which]->pull(context, &before, &message), 0);
        ck_assert(!heap_holds(before.k, sizeof before.k));
        all[which]->close(context);
    }
}
END_TEST

/* One sealed by each, as stream.h has them, and opened by each. */
START_TEST(streams_use_what_was_chosen_when_they_began) {
    for (int from = 0; from < count; from++) {
        for (int to = 0; to < count; to++) {
            uint8_t begin[STREAM_HEADER];
            uint8_t record[STREAM_RECORD(BODY)] = {0};
            struct stream_sealer *sealer = NULL;
            struct stream_opener *opener = NULL;
            struct stream_frame frame = {0};
            secretstream_use(all[from]);
            ck_assert_int_eq(stream_sealer_new(&sealer, key, begin), 0);
            secretstream_use(all[to]);
            ck_assert_int_eq(stream_opener_new(&opener, key, begin), 0);
            secretstream_use(&broken);
            fault = SEAL_FAILS;
            for (size_t length = 0; length <= BODY; length++) {
                memset(record + STREAM_HEADROOM, 'b', length);
                ck_assert_int_eq(stream_seal(sealer, STREAM_DATA, record, length), 0);
                ck_assert_int_eq(stream_open(opener, record + STREAM_PREFIX,
                                             STREAM_RECORD(length) - STREAM_PREFIX, &frame),
                                 0);
                ck_assert_uint_eq(frame.length, length);
                ck_assert(length == 0 || frame.body[length - 1] == 'b');
            }
            ck_assert_int_eq(stream_seal_final(sealer, record), 0);
            ck_assert_int_eq(stream_open(opener, record + STREAM_PREFIX, STREAM_OVERHEAD, &frame),
                             STREAM_FINAL);
            stream_sealer_free(sealer);
            stream_opener_free(opener);
        }
    }
}
END_TEST

START_TEST(a_stream_ends_where_computing_fails) {
    uint8_t begin[STREAM_HEADER];
    uint8_t record[STREAM_RECORD(BODY)] = {0};
    struct stream_sealer *sealer = NULL;
    struct stream_opener *opener = NULL;
    struct stream_frame frame;
    secretstream_use(&broken);
    fault = NOTHING;
    ck_assert_int_eq(stream_sealer_new(&sealer, key, begin), 0);
    ck_assert_int_eq(stream_opener_new(&opener, key, begin), 0);
    ck_assert_int_eq(stream_seal(sealer, STREAM_DATA, record, BODY), 0);
    fault = OPEN_FAILS;
    ck_assert_int_eq(
        stream_open(opener, record + STREAM_PREFIX, BODY + 1 + STREAM_OVERHEAD, &frame), -EIO);
    fault = NOTHING;
    ck_assert_int_eq(
        stream_open(opener, record + STREAM_PREFIX, BODY + 1 + STREAM_OVERHEAD, &frame),
        STREAM_REFUSED);
    fault = SEAL_FAILS;
    ck_assert_int_eq(stream_seal(sealer, STREAM_DATA, record, BODY), -EIO);
    fault = NOTHING;
    ck_assert_int_eq(stream_seal(sealer, STREAM_DATA, record, BODY), -EPIPE);
    ck_assert_int_eq(stream_seal_final(sealer, record), -EPIPE);
    stream_sealer_free(sealer);
    stream_opener_free(opener);
}
END_TEST

START_TEST(a_stream_does_not_begin_without_memory) {
    uint8_t begin[STREAM_HEADER] = {0};
    struct stream_sealer *sealer = NULL;
    struct stream_opener *opener = NULL;
    secretstream_use(&broken);
    fault = NO_MEMORY;
    ck_assert_int_eq(stream_sealer_new(&sealer, key, begin), -ENOMEM);
    ck_assert_int_eq(stream_opener_new(&opener, key, begin), -ENOMEM);
    ck_assert_ptr_null(sealer);
    ck_assert_ptr_null(opener);
}
END_TEST

Suite *suite_secretstream(void) {
    Suite *suite = suite_create("secretstream");
    TCase *tests = tcase_create("secretstream");
    tcase_add_checked_fixture(tests, find_all, use_reference);
    tcase_add_test(tests, known_answers);
    tcase_add_test(tests, what_is_right_passes_the_check);
    tcase_add_loop_test(tests, what_is_broken_does_not, 0, FAULTS);
    tcase_add_test(tests, no_key_stays_in_ordinary_memory);
    tcase_add_test(tests, streams_use_what_was_chosen_when_they_began);
    tcase_add_test(tests, a_stream_ends_where_computing_fails);
    tcase_add_test(tests, a_stream_does_not_begin_without_memory);
    suite_add_tcase(suite, tests);
    return suite;
}
