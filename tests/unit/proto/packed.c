#include "proto/packed.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static struct packer *packer;
static struct unpacker *unpacker;
static uint8_t plain[STREAM_BODY_MAX];
static uint8_t body[STREAM_BODY_MAX + 64];

static void set_up(void) {
    ck_assert_int_eq(packer_new(&packer), 0);
    ck_assert_int_eq(unpacker_new(&unpacker), 0);
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i / 100 + i % 7);
}

static void tear_down(void) {
    packer_free(packer);
    unpacker_free(unpacker);
}

static int unpack(size_t length, struct stream_frame *data) {
    /* Of its own size, so that what reads beyond it is noticed. */
    uint8_t *exact = malloc(length > 0 ? length : 1);
    memcpy(exact, body, length);
    struct stream_frame packed = {.type = STREAM_PACKED, .body = exact, .length = length};
    int result = unpacker_unpack(unpacker, &packed, data);
    free(exact);
    return result;
}

static void put_length(size_t length) {
    for (unsigned i = 0; i < 4; i++)
        body[i] = (uint8_t)(length >> (24 - 8 * i));
}

/* A body that claims `claim` bytes and holds `count` frames of `length` bytes each. */
static size_t make(size_t claim, size_t length, unsigned count) {
    size_t used = 4;
    put_length(claim);
    for (unsigned i = 0; i < count; i++)
        used += ZSTD_compress(body + used, sizeof body - used, plain, length, 1);
    return used;
}

START_TEST(what_is_packed_is_unpacked) {
    static const size_t lengths[] = {1, 2, 1000, 260 * 1024, STREAM_BODY_MAX};
    for (int level = PACKED_LEVEL_MIN; level <= PACKED_LEVEL_MAX; level++) {
        struct stream_frame data = {0};
        size_t length = lengths[_i];
        packer_set_level(packer, level);
        size_t packed = packer_pack(packer, plain, length, body, sizeof body);
        ck_assert_uint_gt(packed, 4);
        ck_assert(length < 1000 || packed < length / 4);
        ck_assert_int_eq(unpack(packed, &data), 0);
        ck_assert_int_eq(data.type, STREAM_DATA);
        ck_assert_uint_eq(data.length, length);
        ck_assert_mem_eq(data.body, plain, length);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_not_packed) {
    size_t packed = packer_pack(packer, plain, 10000, body, sizeof body);
    ck_assert_uint_gt(packed, 4);
    ck_assert_uint_lt(packed, 1000);
    body[packed - 1] = 0xa5;
    ck_assert_uint_eq(packer_pack(packer, plain, 10000, body, packed - 1), 0);
    ck_assert_uint_eq(body[packed - 1], 0xa5);
    for (size_t room = 0; room <= 4; room++)
        ck_assert_uint_eq(packer_pack(packer, plain, 10000, body, room), 0);
}
END_TEST

/* As others may write it (RFC 8878): nothing compressed in it, a window that is vast, a checksum
 * that is missing, a length that is not told. */
START_TEST(frames_by_hand_are_unpacked) {
    static const struct {
        const char *frame;
        size_t length;
        const char *content;
        size_t content_length;
    } frames[] = {
        {"\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
         "abc",
         12, "abc", 3}, /* raw block */
        {"\x28\xb5\x2f\xfd\x20\x05\x2b\x00\x00"
         "x",
         10, "xxxxx", 5}, /* one byte repeated */
        {"\x28\xb5\x2f\xfd\x00\xa8\x19\x00\x00"
         "abc",
         12, "abc", 3}, /* 2 GiB of window */
        {"\x28\xb5\x2f\xfd\x20\x03\x10\x00\x00"
         "ab\x09\x00\x00"
         "c",
         15, "abc", 3}, /* 2 blocks */
    };
    struct stream_frame data = {0};
    put_length(frames[_i].content_length);
    memcpy(body + 4, frames[_i].frame, frames[_i].length);
    ck_assert_int_eq(unpack(4 + frames[_i].length, &data), 0);
    ck_assert_uint_eq(data.length, frames[_i].content_length);
    ck_assert_mem_eq(data.body, frames[_i].content, data.length);
}
END_TEST

static const struct {
    const char *name;
    const char *frame; /* after a claim of 3 bytes */
    size_t length;
} hostile[] = {
    {"no magic",
     "\x00\x00\x00\x00\x20\x03\x19\x00\x00"
     "abc",
     12},
    {"format of old",
     "\x27\xb5\x2f\xfd\x20\x03\x19\x00\x00"
     "abc",
     12},
    {"oldest format",
     "\x25\xb5\x2f\xfd\x20\x03\x19\x00\x00"
     "abc",
     12},
    {"dictionary",
     "\x28\xb5\x2f\xfd\x21\x07\x03\x19\x00\x00"
     "abc",
     13},
    {"reserved bit",
     "\x28\xb5\x2f\xfd\x28\x03\x19\x00\x00"
     "abc",
     12},
    {"reserved block",
     "\x28\xb5\x2f\xfd\x20\x03\x1f\x00\x00"
     "abc",
     12},
    {"no last block",
     "\x28\xb5\x2f\xfd\x20\x03\x18\x00\x00"
     "abc",
     12},
    {"trailing byte",
     "\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
     "abcd",
     13},
    {"one byte less",
     "\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00"
     "ab",
     11},
    {"one byte more",
     "\x28\xb5\x2f\xfd\x20\x04\x21\x00\x00"
     "abcd",
     13},
    {"one more, not told",
     "\x28\xb5\x2f\xfd\x00\x00\x21\x00\x00"
     "abcd",
     13},
    {"wrong content size",
     "\x28\xb5\x2f\xfd\x20\x09\x19\x00\x00"
     "abc",
     12},
    {"wrong checksum",
     "\x28\xb5\x2f\xfd\x24\x03\x19\x00\x00"
     "abc\0\0\0\0",
     16},
    {"skippable alone",
     "\x50\x2a\x4d\x18\x03\x00\x00\x00"
     "abc",
     11},
    {"skippable first",
     "\x50\x2a\x4d\x18\x00\x00\x00\x00\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
     "abc",
     20},
    {"skippable last",
     "\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
     "abc\x50\x2a\x4d\x18\x00\x00\x00\x00",
     20},
    {"magic alone", "\x28\xb5\x2f\xfd", 4},
    {"nothing", "", 0},
};

START_TEST(what_is_no_packed_body_is_refused) {
    struct stream_frame data = {0};
    put_length(3);
    memcpy(body + 4, hostile[_i].frame, hostile[_i].length);
    ck_assert_msg(unpack(4 + hostile[_i].length, &data) == PACKED_REFUSED, "%s", hostile[_i].name);
    ck_assert_ptr_null(data.body);
}
END_TEST

START_TEST(lengths_that_lie_are_refused) {
    static const struct {
        size_t claim;
        size_t length;
        unsigned count;
    } lies[] = {
        {0, 1000, 1},
        {999, 1000, 1},
        {1001, 1000, 1},
        {2000, 1000, 1},
        {2000, 1000, 2},
        {1000, 1000, 2},
        {STREAM_BODY_MAX, 1000, 1},
        {1000, STREAM_BODY_MAX, 1},
        {UINT32_MAX, 1000, 1},
        {STREAM_BODY_MAX + 1, 1000, 1},
    };
    struct stream_frame data = {0};
    size_t used = make(lies[_i].claim, lies[_i].length, lies[_i].count);
    ck_assert_int_eq(unpack(used, &data), PACKED_REFUSED);
}
END_TEST

/* 64 MiB in some KiB: not a byte more than is allowed is unpacked of it. */
START_TEST(bombs_are_refused) {
    size_t size = 64u << 20;
    uint8_t *zeros = calloc(1, size);
    struct stream_frame data = {0};
    size_t used = 4 + ZSTD_compress(body + 4, sizeof body - 4, zeros, size, 1);
    free(zeros);
    ck_assert_uint_lt(used, 16384);
    put_length(STREAM_BODY_MAX);
    ck_assert_int_eq(unpack(used, &data), PACKED_REFUSED);
    put_length(size);
    ck_assert_int_eq(unpack(used, &data), PACKED_REFUSED);
}
END_TEST

START_TEST(what_is_cut_is_refused) {
    struct stream_frame data = {0};
    size_t used = make(1000, 1000, 1);
    for (size_t length = 0; length < used; length++)
        ck_assert_int_eq(unpack(length, &data), PACKED_REFUSED);
    ck_assert_int_eq(unpack(used, &data), 0); /* and the unpacker is none the worse */
    ck_assert_mem_eq(data.body, plain, 1000);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("packed");
    TCase *tests = tcase_create("packed");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, what_is_packed_is_unpacked, 0, 5);
    tcase_add_test(tests, what_does_not_fit_is_not_packed);
    tcase_add_loop_test(tests, frames_by_hand_are_unpacked, 0, 4);
    tcase_add_loop_test(tests, what_is_no_packed_body_is_refused, 0,
                        (int)(sizeof hostile / sizeof *hostile));
    tcase_add_loop_test(tests, lengths_that_lie_are_refused, 0, 10);
    tcase_add_test(tests, bombs_are_refused);
    tcase_add_test(tests, what_is_cut_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
