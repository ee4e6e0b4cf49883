/* Sparse files between two sessions. */
#include "lab.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096u
#define MIB (1u << 20)
#define SIZE (64ull * MIB + 12345) /* ends in a chunk that is less than one */

static struct lab lab;

static void set_up(void) {
    lab_open(&lab);
    lab.lanes = 2;
}

static void tear_down(void) {
    lab_close(&lab);
}

static void put(int fd, uint64_t offset, size_t length) {
    static char data[MIB];

    memset(data, 'x', sizeof data);
    ck_assert_uint_le(length, sizeof data);
    ck_assert_int_eq(pwrite(fd, data, length, (off_t)offset), (ssize_t)length);
}

/* A file with data at its beginning, all over one chunk, and in every other block of another.
 * *data: bytes that are no holes. */
static void make_sparse(const char *name, uint64_t *data) {
    int fd = open(lab_path(lab.source, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)SIZE), 0);
    put(fd, 0, BLOCK);
    put(fd, 30 * MIB, MIB);
    for (uint64_t at = 45 * MIB; at < 46 * MIB; at += 2 * BLOCK)
        put(fd, at, BLOCK);
    ck_assert_int_eq(fsync(fd), 0);
    close(fd);
    *data = BLOCK + MIB + MIB / 2;
}

static void expect_complete(void) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert(lab.placed && lab.delivered && lab.finished);
    ck_assert_uint_eq(lab.failed, 0);
}

/* Where data and holes change places in the two files. */
static void compare_holes(const char *name) {
    int a = open(lab_path(lab.source, name), O_RDONLY | O_CLOEXEC);
    int b = open(lab_path(lab.destination, name), O_RDONLY | O_CLOEXEC);
    int whence = SEEK_DATA;
    off_t at = 0;

    ck_assert_int_ge(a, 0);
    ck_assert_int_ge(b, 0);
    while (at >= 0) {
        off_t next = lseek(a, at, whence);

        ck_assert_int_eq(lseek(b, at, whence), next);
        whence = whence == SEEK_DATA ? SEEK_HOLE : SEEK_DATA;
        at = next;
    }
    close(a);
    close(b);
}

static void expect_same(const char *name) {
    tree_compare(lab_path(lab.source, name), lab_path(lab.destination, name));
    compare_holes(name);
}

START_TEST(holes_arrive_as_holes) {
    uint64_t data = 0;

    lab.lanes = (uint32_t)_i + 1;
    make_sparse("image", &data);
    lab_add(&lab, "image");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    expect_same("image");
    ck_assert_uint_eq(lab.sender.moved, data);
    ck_assert_uint_eq(lab.receiver.moved, data);
    ck_assert_uint_eq(lab.sender.done, SIZE);
    ck_assert_uint_eq(lab.receiver.done, SIZE);
}
END_TEST

/* Nothing is reserved for what is expected to be a hole, nor kept of what was reserved; the file
 * system's own tables of where a file lies count as its blocks. */
#define TABLES (64 * 1024 / 512)
START_TEST(no_room_is_kept_for_holes) {
    struct stat st;
    int fd = -1;

    tree_file(lab.source, "dense", 20 * MIB, 1, 0644);
    fd = open(lab_path(lab.source, "dense"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * MIB + BLOCK,
                               _i == 0 ? MIB / 2 : 4 * MIB),
                     0);
    ck_assert_int_eq(fsync(fd), 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    close(fd);
    lab_add(&lab, "dense");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    expect_same("dense");
    blkcnt_t wanted = st.st_blocks;
    ck_assert_int_eq(stat(lab_path(lab.destination, "dense"), &st), 0);
    ck_assert_int_le(labs(st.st_blocks - wanted), TABLES);
}
END_TEST

static const char *const points[] = {"batch-written", "batch-synced", "extents-committed",
                                     "extents-committed:2"};

/* The receiver is killed on the way; what is staged beyond what it had recorded may be anything, so
 * here it is made to be bytes where holes belong. */
START_TEST(holes_are_resumed) {
    uint64_t data = 0;
    int fd = -1;

    lab.batch_bytes = MIB;
    make_sparse("image", &data);
    lab_add(&lab, "image");
    lab_scan(&lab);
    lab.crash = points[_i];
    lab_transfer(&lab);
    lab.crash = NULL;
    ck_assert_msg(lab.receiver.killed, "the receiver did not pass %s", points[_i]);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(LOST));
    fd = open(lab_path(lab.destination, ".fxnode/7/tree/image"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    for (uint64_t unit = 0; unit < SIZE / MIB; unit += 5)
        if (!rangeset_contains(&lab.extents, unit, 1))
            put(fd, unit * MIB + 3 * BLOCK, 2 * BLOCK);
    close(fd);
    lab_transfer(&lab);
    expect_complete();
    expect_same("image");
}
END_TEST

/* What is recorded as durable is looked at again: bytes in a hole are not what was sent. */
START_TEST(damaged_holes_are_sent_again) {
    uint64_t data = 0;
    uint64_t unit = 0;
    int fd = -1;

    lab.batch_bytes = MIB;
    make_sparse("image", &data);
    lab_add(&lab, "image");
    lab_scan(&lab);
    lab.crash = "extents-committed:2";
    lab_transfer(&lab);
    lab.crash = NULL;
    ck_assert(lab.receiver.killed);
    while (unit == 0 || unit == 30 || unit == 45 || !rangeset_contains(&lab.extents, unit, 1))
        ck_assert_uint_lt(++unit, SIZE / MIB);
    fd = open(lab_path(lab.destination, ".fxnode/7/tree/image"), O_WRONLY | O_CLOEXEC);
    put(fd, unit * MIB + 3 * BLOCK, 1);
    close(fd);
    lab_transfer(&lab);
    expect_complete();
    expect_same("image");
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("session-holes");
    TCase *tests = tcase_create("holes");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, holes_arrive_as_holes, 0, 3);
    tcase_add_loop_test(tests, no_room_is_kept_for_holes, 0, 2);
    tcase_add_loop_test(tests, holes_are_resumed, 0, 4);
    tcase_add_test(tests, damaged_holes_are_sent_again);
    suite_add_tcase(s, tests);
    return s;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    int failed = 0;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
