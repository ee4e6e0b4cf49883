#include "base/limits.h"
#include "files/hash.h"
#include "files/hashes.h"
#include "files/items.h"
#include "files/stamps.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* XXH3-128 of nothing, seed 0: 99aa06d3014798d86001c324468d497f, in canonical order. */
START_TEST(test_hash_of_nothing) {
    static const uint8_t expected[LIMIT_CHUNK_HASH] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47,
                                                       0x98, 0xd8, 0x60, 0x01, 0xc3, 0x24,
                                                       0x46, 0x8d, 0x49, 0x7f};
    uint8_t found[LIMIT_CHUNK_HASH];
    hash_buffer(found, "", 0);
    ck_assert_mem_eq(found, expected, sizeof(found));
}
END_TEST

START_TEST(test_pieces_hash_as_the_whole) {
    static uint8_t data[100000];
    uint8_t whole[LIMIT_CHUNK_HASH];
    uint8_t pieces[LIMIT_CHUNK_HASH];
    struct hash *hash = NULL;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31 >> 3);
    hash_buffer(whole, data, sizeof(data));
    ck_assert_int_eq(hash_new(&hash), 0);
    hash_add(hash, "rubbish", 7);
    hash_reset(hash);
    hash_add(hash, data, 1);
    hash_add(hash, data + 1, 70000);
    hash_add(hash, data + 70001, sizeof(data) - 70001);
    hash_end(hash, pieces);
    ck_assert_mem_eq(whole, pieces, sizeof(whole));
    data[50000] ^= 1;
    hash_buffer(whole, data, sizeof(data));
    ck_assert_mem_ne(whole, pieces, sizeof(whole));
    hash_free(hash);
}
END_TEST

/* XXH3-128 of bytes that count from 0 to 250 again and again, as xxHash's code without vectors
 * computes it: of lengths that take each way through the algorithm. */
static const struct {
    size_t length;
    uint8_t hash[LIMIT_CHUNK_HASH];
} vectors[] = {
    {1,
     {0xa6, 0xcd, 0x5e, 0x93, 0x92, 0x00, 0x0f, 0x6a, 0xc4, 0x4b, 0xdf, 0xf4, 0x07, 0x4e, 0xec,
      0xdb}},
    {9,
     {0x16, 0xc7, 0x69, 0xd8, 0x3e, 0x4a, 0xeb, 0xce, 0x90, 0x79, 0x31, 0x97, 0x9d, 0xca, 0x37,
      0x46}},
    {100,
     {0xda, 0x95, 0xef, 0x16, 0xfd, 0x95, 0x66, 0xf3, 0x29, 0xb2, 0x0b, 0xa5, 0xf0, 0x3e, 0xc0,
      0x1e}},
    {200,
     {0xcb, 0x03, 0x95, 0x31, 0x06, 0x43, 0xba, 0x0e, 0xdd, 0x97, 0xe9, 0xaf, 0x36, 0x09, 0xd9,
      0xf5}},
    {4096,
     {0xe1, 0x2c, 0xd7, 0x21, 0x44, 0x99, 0x0f, 0xe5, 0x71, 0x35, 0xff, 0xa5, 0x04, 0xf1, 0xbc,
      0x71}},
    {1048576,
     {0x53, 0x73, 0x8d, 0x98, 0x09, 0x8c, 0xab, 0xba, 0x6e, 0x0d, 0x7a, 0xc3, 0x6b, 0x8c, 0x10,
      0xff}},
};

static void fill(uint8_t *data, size_t length) {
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)(i % 251);
}

START_TEST(test_hash_vectors) {
    static uint8_t data[LIMIT_CHUNK];
    uint8_t found[LIMIT_CHUNK_HASH];
    fill(data, sizeof(data));
    hash_buffer(found, data, vectors[_i].length);
    ck_assert_mem_eq(found, vectors[_i].hash, sizeof(found));
}
END_TEST

static uint32_t next_random(uint32_t *seed) {
    return *seed = *seed * 1664525u + 1013904223u;
}

/* A length of 1 to most: small ones as often as large ones. */
static size_t random_length(uint32_t *seed, size_t most) {
    size_t length = 1 + (next_random(seed) >> 4) % (2u << (next_random(seed) >> 8) % 20);
    return length < most ? length : most;
}

/* Whatever the processor's own way is, and however the content comes in pieces. */
START_TEST(test_any_split_hashes_as_the_reference) {
    static uint8_t data[LIMIT_CHUNK];
    uint32_t seed = (uint32_t)_i;
    struct hash *hash = NULL;
    ck_assert_int_eq(hash_new(&hash), 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(next_random(&seed) >> 24);
    for (int round = 0; round < 50; round++) {
        size_t start = next_random(&seed) >> 26;
        size_t length = random_length(&seed, sizeof(data) - start);
        XXH128_canonical_t expected;
        uint8_t found[LIMIT_CHUNK_HASH];
        XXH128_canonicalFromHash(&expected, XXH3_128bits(data + start, length));
        hash_buffer(found, data + start, length);
        ck_assert_mem_eq(found, expected.digest, sizeof(found));
        hash_reset(hash);
        for (size_t at = 0, piece; at < length; at += piece) {
            piece = random_length(&seed, length - at);
            hash_add(hash, data + start + at, piece);
        }
        hash_end(hash, found);
        ck_assert_mem_eq(found, expected.digest, sizeof(found));
    }
    hash_free(hash);
}
END_TEST

START_TEST(test_zeros_hash_as_zeros) {
    static const uint32_t lengths[] = {0, 1, 5000, LIMIT_CHUNK - 1, LIMIT_CHUNK};
    static uint8_t zeros[LIMIT_CHUNK];
    uint8_t expected[LIMIT_CHUNK_HASH];
    uint8_t found[LIMIT_CHUNK_HASH];
    struct hash *hash = NULL;
    ck_assert_int_eq(hash_new(&hash), 0);
    hash_buffer(expected, zeros, lengths[_i]);
    for (int again = 0; again < 2; again++) {
        memset(found, 1, sizeof(found));
        hash_zeros(found, lengths[_i]);
        ck_assert_mem_eq(found, expected, sizeof(found));
    }
    hash_add_zeros(hash, lengths[_i]);
    hash_end(hash, found);
    ck_assert_mem_eq(found, expected, sizeof(found));
    hash_free(hash);
}
END_TEST

START_TEST(test_hashes_are_kept) {
    struct hashes *hashes = NULL;
    uint8_t set[LIMIT_CHUNK_HASH];
    uint8_t got[4 * LIMIT_CHUNK_HASH];
    memset(set, 7, sizeof(set));
    ck_assert_int_eq(hashes_open(&hashes, AT_FDCWD, "hashes"), 0);
    ck_assert_int_eq(hashes_set(hashes, 2, set), 0);
    ck_assert_int_eq(hashes_sync(hashes), 0);
    hashes_close(hashes);
    ck_assert_int_eq(hashes_open(&hashes, AT_FDCWD, "hashes"), 0);
    memset(got, 1, sizeof(got));
    ck_assert_int_eq(hashes_get(hashes, 0, 4, got), 0);
    ck_assert(!hashes_is_known(got));
    ck_assert(!hashes_is_known(got + 16));
    ck_assert_mem_eq(got + 32, set, sizeof(set));
    ck_assert(hashes_is_known(got + 32));
    ck_assert(!hashes_is_known(got + 48));
    ck_assert_int_eq(hashes_get(hashes, 1u << 30, 1, got), 0);
    ck_assert(!hashes_is_known(got));
    hashes_close(hashes);
}
END_TEST

START_TEST(test_a_torn_hash_is_unknown) {
    struct hashes *hashes = NULL;
    uint8_t got[2 * LIMIT_CHUNK_HASH];
    room_write("hashes", "0123456789abcdefTORN", 20);
    ck_assert_int_eq(hashes_open(&hashes, AT_FDCWD, "hashes"), 0);
    ck_assert_int_eq(hashes_get(hashes, 0, 2, got), 0);
    ck_assert(hashes_is_known(got));
    ck_assert(!hashes_is_known(got + LIMIT_CHUNK_HASH));
    hashes_close(hashes);
}
END_TEST

START_TEST(test_hashes_follow_no_link) {
    struct hashes *hashes = NULL;
    room_text("elsewhere", "kept");
    room_link("elsewhere", "hashes");
    ck_assert_int_eq(hashes_open(&hashes, AT_FDCWD, "hashes"), -ELOOP);
    ck_assert(room_says("elsewhere", "kept"));
}
END_TEST

static struct stamp stamp_number(uint64_t number) {
    return (struct stamp){.device = number << 40,
                          .inode = number,
                          .ctime_s = -(int64_t)number,
                          .ctime_ns = (uint32_t)number,
                          .holes_mib = (uint32_t)number / 3,
                          .fresh = number % 2 == 1,
                          .partial = number % 3 == 1};
}

START_TEST(test_stamps_come_back) {
    struct stamps *stamps = NULL;
    struct stamp got;
    int fd = open("stat", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(stamps_new(&stamps, fd), 0);
    for (uint64_t i = 0; i < 1500; i++) {
        struct stamp stamp = stamp_number(i);
        ck_assert_int_eq(stamps_add(stamps, &stamp), 0);
    }
    ck_assert_int_eq(stamps_flush(stamps), 0);
    ck_assert_int_eq(room_stat("stat").st_size, 1500 * STAMP_SIZE);
    stamps_free(stamps);
    ck_assert_int_eq(stamps_new(&stamps, fd), 0);
    static const uint64_t asked[] = {0, 1, 511, 512, 1499, 3, 1000};
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        struct stamp wanted = stamp_number(asked[i]);
        ck_assert_int_eq(stamps_get(stamps, asked[i], &got), 0);
        ck_assert_uint_eq(got.device, wanted.device);
        ck_assert_uint_eq(got.inode, wanted.inode);
        ck_assert_int_eq(got.ctime_s, wanted.ctime_s);
        ck_assert_uint_eq(got.ctime_ns, wanted.ctime_ns);
        ck_assert_uint_eq(got.holes_mib, wanted.holes_mib);
        ck_assert_int_eq(got.fresh, wanted.fresh);
        ck_assert_int_eq(got.partial, wanted.partial);
    }
    ck_assert_int_eq(stamps_get(stamps, 1500, &got), -EBADMSG);
    stamps_free(stamps);
    close(fd);
}
END_TEST

START_TEST(test_stamps_know_what_is_fresh) {
    struct stat st = {.st_ctim.tv_sec = 1000};
    ck_assert(stamps_is_fresh(&st, 1000));
    ck_assert(stamps_is_fresh(&st, 1003)); /* the steps of some file systems */
    ck_assert(stamps_is_fresh(&st, 1045)); /* pages that were not written back */
    ck_assert(stamps_is_fresh(&st, 900));  /* while it was looked for, or the clock was set */
    ck_assert(!stamps_is_fresh(&st, 2000));
}
END_TEST

static uint32_t holes_in(mode_t mode, uint64_t size, uint64_t blocks) {
    struct stat st = {.st_mode = mode, .st_size = (off_t)size, .st_blocks = (blkcnt_t)blocks};
    return stamps_of(&st).holes_mib;
}

START_TEST(test_stamps_count_holes) {
    const uint64_t mib = 1u << 20;
    struct stamps *stamps = NULL;
    struct stamp stamp = {.holes_mib = UINT32_MAX};
    uint64_t bytes = 0;
    ck_assert_uint_eq(holes_in(S_IFREG, 10 * mib, 20 * 1024), 0);
    ck_assert_uint_eq(holes_in(S_IFREG, 10 * mib, 99 * 1024), 0); /* more than it needs */
    ck_assert_uint_eq(holes_in(S_IFREG, 10 * mib, 1), 9);
    ck_assert_uint_eq(holes_in(S_IFREG, 10 * mib, 0), 10);
    ck_assert_uint_eq(holes_in(S_IFREG, INT64_MAX, 0), UINT32_MAX);
    ck_assert_uint_eq(holes_in(S_IFDIR, 10 * mib, 0), 0);
    int fd = open("stat", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(stamps_new(&stamps, fd), 0);
    for (int i = 0; i < 600; i++) {
        ck_assert_int_eq(stamps_add(stamps, &stamp), 0);
        stamp.holes_mib = 2;
    }
    ck_assert_int_eq(stamps_holes(stamps, 600, &bytes), 0);
    ck_assert_uint_eq(bytes, (UINT32_MAX + 599 * 2ull) * mib);
    ck_assert_int_eq(stamps_holes(stamps, 601, &bytes), -EBADMSG);
    stamps_free(stamps);
    close(fd);
}
END_TEST

START_TEST(test_items_are_sorted_by_name) {
    static const char *const paths[] = {"/z/b", "/a/c//", "/y/a"};
    struct items *items = NULL;
    ck_assert_int_eq(items_new(&items, paths, 3, &room_fail), 0);
    ck_assert_uint_eq(items_count(items), 3);
    ck_assert_str_eq(items_get(items, 0).path, "/y/a");
    ck_assert_str_eq(items_get(items, 2).path, "/a/c");
    ck_assert_str_eq(items_find(items, "b/whatever", 10).path, "/z/b");
    ck_assert_str_eq(items_find(items, "c", 1).path, "/a/c");
    ck_assert_ptr_null(items_find(items, "bb", 2).name);
    ck_assert_ptr_null(items_find(items, "d/c", 3).name);
    items_free(items);
}
END_TEST

static const char *const NAMELESS[] = {"/", "//", "/.", "/..", "relative", ""};

START_TEST(test_items_without_a_name) {
    struct items *items = NULL;
    ck_assert_int_lt(items_new(&items, &NAMELESS[_i], 1, &room_fail), 0);
    ck_assert_ptr_null(items);
    ck_assert_uint_gt(strlen(room_fail.text), 0);
}
END_TEST

START_TEST(test_dots_are_resolved) {
    struct items *items = NULL;
    room_directory("d");
    room_directory("d/e");
    const char *path = room_path("d/e/..");
    ck_assert_int_eq(items_new(&items, &path, 1, &room_fail), 0);
    ck_assert_str_eq(items_get(items, 0).name, "d");
    items_free(items);
    path = room_path("missing/.");
    ck_assert_int_lt(items_new(&items, &path, 1, &room_fail), 0);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "missing"));
}
END_TEST

START_TEST(test_twins_are_refused) {
    static const char *const paths[] = {"/x/same", "/y/other", "/z/same"};
    struct items *items = NULL;
    ck_assert_int_lt(items_new(&items, paths, 3, &room_fail), 0);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "/x/same"));
    ck_assert_ptr_nonnull(strstr(room_fail.text, "/z/same"));
}
END_TEST

Suite *suite_records(void) {
    Suite *suite = suite_create("records");
    TCase *tc = room_case("records");
    tcase_add_test(tc, test_hash_of_nothing);
    tcase_add_test(tc, test_pieces_hash_as_the_whole);
    tcase_add_loop_test(tc, test_hash_vectors, 0, sizeof(vectors) / sizeof(*vectors));
    tcase_add_loop_test(tc, test_any_split_hashes_as_the_reference, 0, 4);
    tcase_add_loop_test(tc, test_zeros_hash_as_zeros, 0, 5);
    tcase_add_test(tc, test_hashes_are_kept);
    tcase_add_test(tc, test_a_torn_hash_is_unknown);
    tcase_add_test(tc, test_hashes_follow_no_link);
    tcase_add_test(tc, test_stamps_come_back);
    tcase_add_test(tc, test_stamps_know_what_is_fresh);
    tcase_add_test(tc, test_stamps_count_holes);
    tcase_add_test(tc, test_items_are_sorted_by_name);
    tcase_add_loop_test(tc, test_items_without_a_name, 0, sizeof(NAMELESS) / sizeof(*NAMELESS));
    tcase_add_test(tc, test_dots_are_resolved);
    tcase_add_test(tc, test_twins_are_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
