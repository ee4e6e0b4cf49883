#include "proto/stream.h"
#include "tunnel.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define BODY 40 /* of the frames below, unless a test says otherwise */
#define RECORD (BODY + STREAM_HEADROOM + STREAM_TAILROOM)

static const uint8_t key[STREAM_KEY] = "the key of one direction of one";
static const uint8_t other_key[STREAM_KEY] = "the key of the other direction.";

static uint8_t header[STREAM_HEADER];
static struct stream_sealer *sealer;
static struct stream_opener *opener;
static crypto_secretstream_xchacha20poly1305_state plain_state; /* libsodium itself, as a peer */
static uint8_t record[STREAM_RECORD(STREAM_BODY_MAX)];

static void set_up(void) {
    ck_assert_int_eq(stream_sealer_new(&sealer, key, header), 0);
    ck_assert_int_eq(stream_opener_new(&opener, key, header), 0);
}

static void tear_down(void) {
    stream_sealer_free(sealer);
    stream_opener_free(opener);
    opener = NULL;
}

static void use_header(const uint8_t *used) {
    stream_opener_free(opener);
    ck_assert_int_eq(stream_opener_new(&opener, key, used), 0);
}

/* An opener that listens to libsodium instead of to `sealer`. */
static void use_plain_peer(void) {
    crypto_secretstream_xchacha20poly1305_init_push(&plain_state, header, key);
    use_header(header);
}

/* Seals a frame of `length` bytes, all of them `fill`, into `at`. */
static void seal(uint8_t *at, enum stream_type type, uint8_t fill, size_t length) {
    memset(at + STREAM_HEADROOM, fill, length);
    ck_assert_int_eq(stream_seal(sealer, type, at, length), 0);
}

/* Opens the record at `at`, prefix and all. */
static int open_record(uint8_t *at, struct stream_frame *frame) {
    size_t length = 0;
    int result = stream_open_length(opener, at, &length);
    return result != 0 ? result : stream_open(opener, at + STREAM_PREFIX, length, frame);
}

START_TEST(frames_arrive_as_they_were) {
    static const size_t lengths[] = {0, 1, 63, 64, 65, 4096, STREAM_BODY_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        enum stream_type type = i % 2 == 0 ? STREAM_CONTROL : STREAM_DATA;
        struct stream_frame frame = {0};
        seal(record, type, (uint8_t)i, lengths[i]);
        ck_assert_int_eq(open_record(record, &frame), 0);
        ck_assert_int_eq(frame.type, type);
        ck_assert_uint_eq(frame.length, lengths[i]);
        ck_assert_ptr_eq(frame.body, record + STREAM_HEADROOM);
        for (size_t at = 0; at < frame.length; at++) {
            ck_assert_uint_eq(frame.body[at], i);
        }
    }
}
END_TEST

/* Sealing in place gives what libsodium makes of separate buffers: another program can read it. */
START_TEST(libsodium_reads_what_we_write) {
    static uint8_t plain[LIMIT_FRAME];
    unsigned char tag = 0xff;
    unsigned long long length = 0;
    ck_assert_int_eq(crypto_secretstream_xchacha20poly1305_init_pull(&plain_state, header, key), 0);
    for (size_t body = 0; body <= STREAM_BODY_MAX; body = 3 * body + 1) {
        seal(record, STREAM_DATA, 'd', body);
        size_t sealed = STREAM_RECORD(body) - STREAM_PREFIX;
        ck_assert_uint_eq(record[1], sealed >> 16);
        ck_assert_uint_eq(record[2], sealed >> 8 & 0xff);
        ck_assert_uint_eq(record[3], sealed & 0xff);
        ck_assert_int_eq(crypto_secretstream_xchacha20poly1305_pull(&plain_state, plain, &length,
                                                                    &tag, record + STREAM_PREFIX,
                                                                    sealed, NULL, 0),
                         0);
        ck_assert_uint_eq(length, body + 1);
        ck_assert_uint_eq(plain[0], STREAM_DATA);
        ck_assert_uint_eq(plain[body], body == 0 ? STREAM_DATA : 'd');
        ck_assert_uint_eq(tag, MESSAGE);
    }
}
END_TEST

/* What libsodium writes, with that tag, opened by us. */
static int open_plain(const void *plain, size_t length, unsigned char tag) {
    uint8_t sealed[64 + STREAM_OVERHEAD];
    struct stream_frame frame = {0};
    crypto_secretstream_xchacha20poly1305_push(&plain_state, sealed, NULL, plain, length, NULL, 0,
                                               tag);
    return stream_open(opener, sealed, length + STREAM_OVERHEAD, &frame);
}

START_TEST(we_read_what_libsodium_writes) {
    use_plain_peer();
    ck_assert_int_eq(open_plain("\1control", 8, MESSAGE), 0);
    ck_assert_int_eq(open_plain("\2", 1, MESSAGE), 0);
    ck_assert_int_eq(open_plain("", 0, crypto_secretstream_xchacha20poly1305_TAG_FINAL),
                     STREAM_FINAL);
}
END_TEST

START_TEST(other_tags_are_refused) {
    static const unsigned char tags[] = {crypto_secretstream_xchacha20poly1305_TAG_PUSH,
                                         crypto_secretstream_xchacha20poly1305_TAG_REKEY, 0x80};
    use_plain_peer();
    ck_assert_int_eq(open_plain("\1x", 2, tags[_i]), STREAM_REFUSED);
    ck_assert_int_eq(open_plain("\1x", 2, MESSAGE), STREAM_REFUSED);
}
END_TEST

/* Also where the byte in the place of its type, the first of the authenticator, looks like one. */
START_TEST(an_empty_message_is_refused) {
    uint8_t sealed[STREAM_OVERHEAD] = {0};
    struct stream_frame frame = {0};
    while (sealed[1] != STREAM_CONTROL) {
        use_plain_peer();
        crypto_secretstream_xchacha20poly1305_push(&plain_state, sealed, NULL, NULL, 0, NULL, 0,
                                                   MESSAGE);
    }
    ck_assert_int_eq(stream_open(opener, sealed, sizeof sealed, &frame), STREAM_REFUSED);
}
END_TEST

START_TEST(unknown_types_are_refused) {
    static const uint8_t types[] = {0, 4, 255};
    use_plain_peer();
    ck_assert_int_eq(open_plain(&types[_i], 1, MESSAGE), STREAM_REFUSED);
}
END_TEST

START_TEST(final_ends_a_stream) {
    struct stream_frame frame = {0};
    ck_assert_int_eq(stream_seal_final(sealer, record), 0);
    ck_assert_int_eq(open_record(record, &frame), STREAM_FINAL);
    ck_assert_int_eq(stream_seal_final(sealer, record), -EPIPE);
    ck_assert_int_eq(stream_seal(sealer, STREAM_DATA, record, 1), -EPIPE);
}
END_TEST

START_TEST(final_holds_nothing) {
    use_plain_peer();
    ck_assert_int_eq(open_plain("\1", 1, crypto_secretstream_xchacha20poly1305_TAG_FINAL),
                     STREAM_REFUSED);
}
END_TEST

START_TEST(a_record_after_final_is_refused) {
    size_t length = 0;
    use_plain_peer();
    ck_assert_int_eq(open_plain("", 0, crypto_secretstream_xchacha20poly1305_TAG_FINAL),
                     STREAM_FINAL);
    ck_assert_int_eq(stream_open_length(opener, (const uint8_t[4]){0, 0, 0, 18}, &length),
                     STREAM_REFUSED);
    ck_assert_int_eq(open_plain("\1x", 2, MESSAGE), STREAM_REFUSED);
}
END_TEST

START_TEST(lengths_have_limits) {
    static const struct {
        uint8_t prefix[STREAM_PREFIX];
        int result;
    } cases[] = {
        {{0, 0, 0, 0}, STREAM_REFUSED},
        {{0, 0, 0, 16}, STREAM_REFUSED},
        {{0, 0, 0, 17}, 0},
        {{0, 0, 0, 18}, 0},
        {{0, 0x10, 0, 17}, 0},
        {{0, 0x10, 0, 18}, STREAM_REFUSED},
        {{1, 0, 0, 17}, STREAM_REFUSED},
        {{0x80, 0, 0, 17}, STREAM_REFUSED},
        {{255, 255, 255, 255}, STREAM_REFUSED},
    };
    size_t length = 0;
    ck_assert_int_eq(stream_open_length(opener, cases[_i].prefix, &length), cases[_i].result);
    if (cases[_i].result != 0) {
        ck_assert_int_eq(stream_open_length(opener, cases[2].prefix, &length), STREAM_REFUSED);
    }
}
END_TEST

START_TEST(oversized_or_odd_frames_are_not_sealed) {
    uint8_t before[RECORD];
    struct stream_frame frame = {0};
    memset(record, 'r', RECORD);
    memcpy(before, record, RECORD);
    ck_assert_int_eq(stream_seal(sealer, STREAM_DATA, record, STREAM_BODY_MAX + 1), -EMSGSIZE);
    ck_assert_int_eq(stream_seal(sealer, STREAM_DATA, record, SIZE_MAX), -EMSGSIZE);
    ck_assert_int_eq(stream_seal(sealer, (enum stream_type)0, record, BODY), -EINVAL);
    ck_assert_int_eq(stream_seal(sealer, (enum stream_type)4, record, BODY), -EINVAL);
    ck_assert_mem_eq(record, before, RECORD);
    seal(record, STREAM_CONTROL, 'c', BODY); /* and the stream is none the worse */
    ck_assert_int_eq(open_record(record, &frame), 0);
}
END_TEST

START_TEST(oversized_input_is_refused_before_it_is_read) {
    struct stream_frame frame = {0};
    int result = stream_open(opener, record, _i == 0 ? SIZE_MAX : STREAM_OVERHEAD - 1, &frame);
    ck_assert_int_eq(result, STREAM_REFUSED);
}
END_TEST

/* Sealed by a peer that has the key, one byte longer than is allowed. */
START_TEST(an_oversized_record_is_refused) {
    static uint8_t plain[LIMIT_FRAME + 1] = {STREAM_DATA};
    static uint8_t sealed[sizeof plain + STREAM_OVERHEAD];
    struct stream_frame frame = {0};
    use_plain_peer();
    crypto_secretstream_xchacha20poly1305_push(&plain_state, sealed, NULL, plain, sizeof plain,
                                               NULL, 0, MESSAGE);
    ck_assert_int_eq(stream_open(opener, sealed, sizeof sealed, &frame), STREAM_REFUSED);
}
END_TEST

START_TEST(damage_at_any_byte_is_refused_for_good) {
    uint8_t next[RECORD];
    for (size_t at = STREAM_PREFIX; at < RECORD; at++) {
        struct stream_frame frame = {0};
        tear_down();
        set_up();
        seal(record, STREAM_DATA, 'a', BODY);
        seal(next, STREAM_DATA, 'b', BODY);
        record[at] ^= 1;
        ck_assert_int_eq(open_record(record, &frame), STREAM_REFUSED);
        ck_assert_ptr_null(frame.body);
        record[at] ^= 1;
        ck_assert_int_eq(open_record(next, &frame), STREAM_REFUSED);
    }
}
END_TEST

START_TEST(a_damaged_header_is_noticed_at_the_first_record) {
    for (size_t at = 0; at < STREAM_HEADER; at++) {
        struct stream_frame frame = {0};
        uint8_t damaged[STREAM_HEADER];
        memcpy(damaged, header, sizeof damaged);
        damaged[at] ^= 1;
        use_header(damaged);
        seal(record, STREAM_DATA, 'a', BODY);
        ck_assert_int_eq(open_record(record, &frame), STREAM_REFUSED);
        tear_down();
        set_up();
    }
}
END_TEST

START_TEST(a_shortened_record_is_refused) {
    for (size_t length = 0; length < RECORD - STREAM_PREFIX; length++) {
        struct stream_frame frame = {0};
        tear_down();
        set_up();
        seal(record, STREAM_DATA, 'a', BODY);
        ck_assert_int_eq(stream_open(opener, record + STREAM_PREFIX, length, &frame),
                         STREAM_REFUSED);
    }
}
END_TEST

START_TEST(a_replayed_record_is_refused) {
    uint8_t copy[RECORD];
    struct stream_frame frame = {0};
    seal(record, STREAM_DATA, 'a', BODY);
    memcpy(copy, record, sizeof copy);
    ck_assert_int_eq(open_record(record, &frame), 0);
    ck_assert_int_eq(open_record(copy, &frame), STREAM_REFUSED);
}
END_TEST

START_TEST(reordered_or_missing_records_are_refused) {
    uint8_t first[RECORD];
    uint8_t second[RECORD];
    struct stream_frame frame = {0};
    seal(first, STREAM_DATA, 'a', BODY);
    seal(second, STREAM_DATA, 'b', BODY);
    ck_assert_int_eq(open_record(second, &frame), STREAM_REFUSED);
    ck_assert_int_eq(open_record(first, &frame), STREAM_REFUSED);
}
END_TEST

/* A record of another direction, lane or session has another key, or at least another header. */
START_TEST(a_record_of_another_stream_is_refused) {
    struct stream_sealer *other = NULL;
    struct stream_frame frame = {0};
    uint8_t other_header[STREAM_HEADER];
    ck_assert_int_eq(stream_sealer_new(&other, _i == 0 ? other_key : key, other_header), 0);
    ck_assert_int_eq(stream_seal(other, STREAM_DATA, record, BODY), 0);
    use_header(_i == 0 ? other_header : header);
    ck_assert_int_eq(open_record(record, &frame), STREAM_REFUSED);
    stream_sealer_free(other);
}
END_TEST

/* Reads a whole stream of `length` bytes; whether it came to a FINAL. */
static bool ends_well(uint8_t *bytes, size_t length) {
    struct stream_frame frame = {0};
    size_t sealed = 0;
    int result = 0;
    while (result == 0 && length >= STREAM_PREFIX) {
        result = stream_open_length(opener, bytes, &sealed);
        ck_assert_int_eq(result, 0);
        if (sealed > length - STREAM_PREFIX) {
            return false;
        }
        result = stream_open(opener, bytes + STREAM_PREFIX, sealed, &frame);
        bytes += STREAM_PREFIX + sealed;
        length -= STREAM_PREFIX + sealed;
    }
    return result == STREAM_FINAL;
}

START_TEST(a_stream_cut_anywhere_does_not_end_well) {
    const size_t whole = 2 * RECORD + STREAM_FINAL_RECORD;
    uint8_t bytes[2 * RECORD + STREAM_FINAL_RECORD];
    uint8_t copy[sizeof bytes];
    seal(bytes, STREAM_CONTROL, 'a', BODY);
    seal(bytes + RECORD, STREAM_DATA, 'b', BODY);
    ck_assert_int_eq(stream_seal_final(sealer, bytes + 2 * (size_t)RECORD), 0);
    for (size_t cut = 0; cut <= whole; cut++) {
        memcpy(copy, bytes, sizeof copy);
        use_header(header);
        ck_assert(ends_well(copy, cut) == (cut == whole));
    }
}
END_TEST

static void add_frames(Suite *suite) {
    TCase *tests = tcase_create("frames");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, frames_arrive_as_they_were);
    tcase_add_test(tests, libsodium_reads_what_we_write);
    tcase_add_test(tests, we_read_what_libsodium_writes);
    tcase_add_loop_test(tests, other_tags_are_refused, 0, 3);
    tcase_add_test(tests, an_empty_message_is_refused);
    tcase_add_loop_test(tests, unknown_types_are_refused, 0, 3);
    tcase_add_test(tests, final_ends_a_stream);
    tcase_add_test(tests, final_holds_nothing);
    tcase_add_test(tests, a_record_after_final_is_refused);
    tcase_add_loop_test(tests, lengths_have_limits, 0, 9);
    tcase_add_test(tests, oversized_or_odd_frames_are_not_sealed);
    tcase_add_loop_test(tests, oversized_input_is_refused_before_it_is_read, 0, 2);
    tcase_add_test(tests, an_oversized_record_is_refused);
    suite_add_tcase(suite, tests);
}

static void add_attacks(Suite *suite) {
    TCase *tests = tcase_create("attacks");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, damage_at_any_byte_is_refused_for_good);
    tcase_add_test(tests, a_damaged_header_is_noticed_at_the_first_record);
    tcase_add_test(tests, a_shortened_record_is_refused);
    tcase_add_test(tests, a_replayed_record_is_refused);
    tcase_add_test(tests, reordered_or_missing_records_are_refused);
    tcase_add_loop_test(tests, a_record_of_another_stream_is_refused, 0, 2);
    tcase_add_test(tests, a_stream_cut_anywhere_does_not_end_well);
    suite_add_tcase(suite, tests);
}

Suite *suite_stream(void) {
    Suite *suite = suite_create("stream");
    add_frames(suite);
    add_attacks(suite);
    return suite;
}
