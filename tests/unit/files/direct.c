#include "files/direct.h"
#include "arrival.h"
#include "base/io.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE (256u << 10) /* of a chunk, as a record has it */
#define BLOCK 4096u
#define TAIL 1000u               /* of no block */
#define BIG ((32u << 20) + TAIL) /* bytes of a file that is written so */

static struct direct direct;
static uint8_t *piece; /* aligned for any file system */

static void make_piece(void) {
    ck_assert_int_eq(posix_memalign((void **)&piece, PIECE, PIECE), 0);
    for (size_t i = 0; i < PIECE; i++)
        piece[i] = (uint8_t)(i * 7 + i / 251);
}

static int make_file(void) {
    int fd = open("f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    make_piece();
    direct_ask(&direct, fd);
    return fd;
}

static bool can_be_direct(void) {
    if (direct.memory > 0)
        return true;
    fprintf(stderr, "nothing is written directly to the file system of this test\n");
    return false;
}

static bool is_direct(int fd) {
    bool is = (fcntl(fd, F_GETFL) & O_DIRECT) != 0;
    ck_assert(is == direct.on);
    return is;
}

static void put(int fd, size_t from, size_t length, uint64_t offset) {
    ck_assert_int_eq(direct_write(&direct, fd, piece + from, length, offset), 0);
}

START_TEST(test_what_is_aligned_is_direct) {
    int fd = make_file();
    put(fd, 0, PIECE, 0);
    if (can_be_direct())
        ck_assert(is_direct(fd));
    direct_off(&direct, fd);
    ck_assert(!is_direct(fd));
    close(fd);
    ck_assert(room_holds("f", piece, PIECE));
}
END_TEST

/* Memory, length, offset: each in turn is not as it should be; and nothing at all. */
START_TEST(test_what_is_not_aligned_is_not) {
    static const struct {
        size_t from, length;
        uint64_t offset;
    } odd[] = {{1, BLOCK, 2 * BLOCK}, {0, TAIL, 2 * BLOCK}, {0, BLOCK, 2 * BLOCK + 1}, {0, 0, 0}};
    static uint8_t expected[4 * BLOCK];
    int fd = make_file();
    bool able = can_be_direct();
    put(fd, 0, 2 * BLOCK, 0);
    put(fd, odd[_i].from, odd[_i].length, odd[_i].offset);
    ck_assert(!is_direct(fd));
    memcpy(expected, piece, 2 * BLOCK);
    memcpy(expected + odd[_i].offset, piece + odd[_i].from, odd[_i].length);
    size_t size = odd[_i].length == 0 ? 2 * BLOCK : (size_t)odd[_i].offset + odd[_i].length;
    ck_assert(room_holds("f", expected, size));
    put(fd, 0, BLOCK, 0);
    if (able)
        ck_assert(is_direct(fd));
    close(fd);
}
END_TEST

/* Where it takes less than it said, the bytes are written all the same, and it is left alone. */
START_TEST(test_a_refusal_is_no_failure) {
    int fd = make_file();
    bool able = can_be_direct();
    direct.memory = direct.offset = 1;
    put(fd, 1, TAIL, 0);
    close(fd);
    ck_assert(room_holds("f", piece + 1, TAIL));
    if (able) {
        ck_assert(!direct.on);
        ck_assert_uint_eq(direct.memory, 0);
    }
}
END_TEST

START_TEST(test_a_system_that_does_not_say) {
    room_forbid(SYS_statx, _i == 0 ? ENOSYS : EPERM);
    int fd = make_file();
    put(fd, 0, PIECE, 0);
    ck_assert(!is_direct(fd));
    close(fd);
    ck_assert(room_holds("f", piece, PIECE));
}
END_TEST

/* Flags that were not read are not written either: with O_APPEND, one of them, all goes to the end.
 */
START_TEST(test_flags_that_are_not_told_stay) {
    room_forbid_one(SYS_fcntl, F_GETFL, EPERM);
    int fd = make_file();
    put(fd, BLOCK, BLOCK, 0);
    put(fd, 0, BLOCK, 0);
    close(fd);
    ck_assert(room_holds("f", piece, BLOCK));
}
END_TEST

START_TEST(test_failures_are_told) {
    int fd = make_file();
    int reader = open("f", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(direct_write(&direct, reader, piece, PIECE, 0), -EBADF);
    close(reader);
    close(fd);
}
END_TEST

/* Pages of the staged file "big" that are in the page cache. */
static size_t cached_pages(void) {
    static unsigned char there[BIG / BLOCK + 1];
    int fd = open(ARRIVAL_TREE "big", O_RDONLY | O_CLOEXEC);
    void *map = mmap(NULL, BIG, PROT_READ, MAP_SHARED, fd, 0);
    size_t count = 0;
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(mincore(map, BIG, there), 0);
    for (size_t i = 0; i < sizeof(there); i++)
        count += there[i] & 1;
    munmap(map, BIG);
    close(fd);
    return count;
}

static void expect_at(uint64_t offset, const void *data, size_t length) {
    static uint8_t got[PIECE];
    int fd = open(ARRIVAL_TREE "big", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(io_pread_full(fd, got, length, offset), (ssize_t)length);
    ck_assert_mem_eq(got, data, length);
    close(fd);
}

/* A large file as lanes write it: pieces, a hole, the odd end; synced, then read again by the lane
 * that wrote it. */
START_TEST(test_large_files_stay_out_of_the_cache) {
    static uint8_t room[1 + LIMIT_CHUNK];
    static const uint8_t zeros[PIECE];
    struct entry entry = room_file("big", BIG);
    uint64_t end = BIG - TAIL;
    int fd = make_file();
    close(fd);
    bool able = can_be_direct();
    arrival_open(false);
    for (uint64_t at = 0; at < 8 * (uint64_t)PIECE; at += PIECE)
        ck_assert_int_eq(stage_writer_write(arrival_writer, &entry, at, piece, PIECE, &room_fail),
                         0);
    if (able)
        ck_assert_uint_eq(cached_pages(), 0);
    ck_assert_int_eq(stage_writer_write(arrival_writer, &entry, end, piece, TAIL, &room_fail), 0);
    ck_assert_int_eq(
        stage_writer_hole(arrival_writer, &entry, 2 * (uint64_t)PIECE, PIECE, &room_fail), 0);
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    expect_at(0, piece, PIECE);
    expect_at(2 * (uint64_t)PIECE, zeros, PIECE);
    expect_at(3 * (uint64_t)PIECE, piece, PIECE);
    expect_at(end, piece, TAIL);
    /* Read back into memory that is not aligned, right behind a piece that was written directly. */
    ck_assert_int_eq(
        stage_writer_write(arrival_writer, &entry, LIMIT_CHUNK, piece, PIECE, &room_fail), 0);
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 1, 1, room + 1, &room_fail),
                     STAGING_DIFFERS);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "is damaged"));
    arrival_close();
}
END_TEST

/* Zeros in the place of a hole, up to the odd end, right behind a piece that was written directly.
 */
START_TEST(test_holes_that_cannot_be_made_are_written) {
    static const uint8_t zeros[PIECE];
    struct entry entry = room_file("big", BIG);
    room_forbid(SYS_fallocate, EOPNOTSUPP);
    make_piece();
    arrival_open(false);
    ck_assert_int_eq(stage_writer_write(arrival_writer, &entry, 0, piece, PIECE, &room_fail), 0);
    ck_assert_int_eq(
        stage_writer_hole(arrival_writer, &entry, BIG - TAIL - BLOCK, BLOCK + TAIL, &room_fail), 0);
    expect_at(0, piece, PIECE);
    expect_at(BIG - TAIL - BLOCK, zeros, BLOCK + TAIL);
    arrival_close();
}
END_TEST

Suite *suite_direct(void) {
    Suite *suite = suite_create("direct");
    TCase *tc = room_case("direct");
    tcase_add_test(tc, test_what_is_aligned_is_direct);
    tcase_add_loop_test(tc, test_what_is_not_aligned_is_not, 0, 4);
    tcase_add_test(tc, test_a_refusal_is_no_failure);
    tcase_add_loop_test(tc, test_a_system_that_does_not_say, 0, 2);
    tcase_add_test(tc, test_flags_that_are_not_told_stay);
    tcase_add_test(tc, test_failures_are_told);
    tcase_add_test(tc, test_large_files_stay_out_of_the_cache);
    tcase_add_test(tc, test_holes_that_cannot_be_made_are_written);
    suite_add_tcase(suite, tc);
    return suite;
}
