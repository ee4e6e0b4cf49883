/* A transfer that replaces another one: what it takes over, cut off at every step. */
#include "files/stamps.h"
#include "lab.h"
#include "node/common/inherited.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LARGE (12u << 20)
#define BATCH (2u << 20)
#define FILES 40u
#define OLD 7 /* number of the transfer that is replaced */

static struct lab lab;

/* The units of the large file come first: a part of it is there when everything is cut off. */
static void begin(unsigned commits) {
    lab_open(&lab);
    lab.batch_bytes = BATCH;
    lab.lanes = 2;
    tree_file(lab.source, "large", LARGE, 5, 0644);
    tree_of_many(lab.source, "tree", FILES);
    lab_add(&lab, "tree");
    lab_add(&lab, "large");
    lab_scan(&lab);
    lab.kill_receiver_at = commits;
    lab_transfer(&lab);
    lab.kill_receiver_at = 0;
    ck_assert(lab.receiver.killed);
    ck_assert_uint_gt(rangeset_total(&lab.extents), 0);
}

static void set_up(void) {
    begin(3);
}

static void tear_down(void) {
    lab_close(&lab);
}

/* One more file, so that the manifest is another one. */
static void add_file(void) {
    tree_file(lab_path(lab.source, "tree"), "new", 5000, 9, 0600);
}

static void expect_complete(void) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert(lab.placed && lab.delivered && lab.finished);
    ck_assert_uint_eq(lab.failed, 0);
    ck_assert_uint_eq(lab.replaced.number, 0);
    lab_clean(&lab, OLD);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
    tree_compare(lab_path(lab.source, "large"), lab_path(lab.destination, "large"));
    tree_compare(lab_path(lab.source, "tree"), lab_path(lab.destination, "tree"));
}

/* Units of 1 MiB of the large file, which come first, that are there when it is cut off. Lanes go
 * on at their own pace: what else is there may be small files only. */
static uint64_t large_units(void) {
    uint64_t held = 0;

    for (uint64_t unit = 0; unit < LARGE / LIMIT_CHUNK; unit++)
        held += rangeset_contains(&lab.extents, unit, 1) ? 1 : 0;
    return held;
}

START_TEST(what_is_equal_is_taken_over) {
    uint64_t held = large_units();

    ck_assert_uint_ge(held, 1);
    add_file();
    lab_replace(&lab);
    lab_transfer(&lab);
    expect_complete();
    /* Beside the rest of the large file it is small files only. */
    ck_assert_uint_lt(lab.sender.moved, LARGE - (held - 1) * LIMIT_CHUNK);
    ck_assert_ptr_nonnull(strstr(lab.sender.told, "MB from the transfer that this one replaces"));
}
END_TEST

START_TEST(what_is_different_is_not) {
    tree_file(lab.source, "large", LARGE - 1, 5, 0644);
    lab_replace(&lab);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_ge(lab.sender.moved, LARGE - 1);
}
END_TEST

/* Another content of the same size and time. */
static void rewrite_large(void) {
    char path[512];
    struct stat st;

    snprintf(path, sizeof path, "%s", lab_path(lab.source, "large"));
    ck_assert_int_eq(stat(path, &st), 0);
    tree_file(lab.source, "large", LARGE, 6, 0644);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, (struct timespec[]){st.st_atim, st.st_mtim}, 0), 0);
}

/* The sender has no hash that is of use, reads the file, and the receiver finds out. */
START_TEST(content_of_the_same_size_and_time_is_told_apart) {
    rewrite_large();
    add_file();
    lab_replace(&lab);
    lab_transfer(&lab);
    expect_complete();
}
END_TEST

/* What the transfer that is replaced has noted of the large file, its first one. */
static void note_old(const struct stamp *stamp) {
    int fd = open(lab_path(lab.work, INHERITED_STAT), O_RDWR | O_CLOEXEC);
    struct stamps *stamps = NULL;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(stamps_new(&stamps, fd), 0);
    ck_assert_int_eq(stamps_add(stamps, stamp), 0);
    ck_assert_int_eq(stamps_flush(stamps), 0);
    stamps_free(stamps);
    close(fd);
}

/* A file system whose clock goes on in steps: another content, and no time tells. Hashes of what
 * was fresh are not believed; those of what was not are, else all would be read again. */
START_TEST(what_was_fresh_is_read_again) {
    bool fresh = _i == 0;
    uint64_t held = large_units();
    struct stamp stamp;
    struct stat st;

    rewrite_large();
    add_file();
    lab_replace(&lab);
    ck_assert_int_eq(stat(lab_path(lab.source, "large"), &st), 0);
    stamp = stamps_of(&st);
    stamp.fresh = fresh;
    note_old(&stamp);
    lab_transfer(&lab);
    if (fresh) {
        expect_complete();
        ck_assert_uint_ge(lab.sender.moved, LARGE);
    } else {
        ck_assert_uint_lt(lab.sender.moved, LARGE - (held - 1) * LIMIT_CHUNK);
    }
}
END_TEST

static const char *const points[] = {"inherit-forgotten", "inherit-moved", "inherit-synced",
                                     "inherit-claimed", "manifest-synced"};

START_TEST(a_crash_loses_no_more_than_the_taking_over) {
    add_file();
    lab_replace(&lab);
    lab.crash = points[_i];
    lab_transfer(&lab);
    ck_assert(lab.receiver.killed);
    ck_assert_uint_eq(lab.replaced.number, OLD);
    lab.crash = NULL;
    lab_transfer(&lab);
    expect_complete();
}
END_TEST

static const struct {
    Fxnode__Helper__Stop__Reason reason;
    lab_outcome other; /* what the sender takes it for */
} stops[] = {{LAB_STOP(PAUSE), LAB_ENDED(PAUSED)},
             {LAB_STOP(RETIRE), LAB_ENDED(LOST)},
             {LAB_STOP(REPLACED), LAB_ENDED(LOST)}};

#define STOPS (sizeof stops / sizeof *stops)

/* Also where the list of files is there from before, and nothing else runs beside it. */
START_TEST(a_stop_meanwhile_is_a_stop) {
    add_file();
    lab_replace(&lab);
    lab.crash = _i < (int)STOPS ? "manifest-synced" : NULL;
    if (lab.crash != NULL)
        lab_transfer(&lab);
    lab.crash = NULL;
    lab.stop_receiver_at = 1;
    lab.stop_reason = stops[_i % (int)STOPS].reason;
    lab_transfer(&lab);
    lab.stop_receiver_at = 0;
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(STOPPED), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert_msg(lab.sender.outcome == stops[_i % (int)STOPS].other, "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    lab_transfer(&lab);
    expect_complete();
}
END_TEST

static const char *const sender_points[] = {"offered", "accepted"};

START_TEST(the_sender_may_crash_as_well) {
    add_file();
    lab_replace(&lab);
    lab.sender_crash = sender_points[_i];
    lab_transfer(&lab);
    ck_assert(lab.sender.killed);
    lab.sender_crash = NULL;
    lab_transfer(&lab);
    expect_complete();
}
END_TEST

/* The whole tree was finished, with modes, attributes and links, and not yet placed. */
static void begin_finished(void) {
    char path[512];

    lab_open(&lab);
    tree_of_many(lab.source, "tree", FILES);
    tree_file(lab.source, "large", 1000, 5, 0400);
    snprintf(path, sizeof path, "%s", lab_path(lab.source, "large"));
    ck_assert_int_eq(link(path, lab_path(lab_path(lab.source, "tree"), "link")), 0);
    (void)setxattr(path, "user.gone", "1", 1, 0);
    lab_add(&lab, "tree");
    lab_add(&lab, "large");
    lab_scan(&lab);
    lab.crash = "placing-committed";
    lab_transfer(&lab);
    lab.crash = NULL;
    ck_assert(lab.receiver.killed && lab.placing);
    /* As where the crash came a moment before. */
    lab.placing = false;
    lab.name_count = 0;
}

START_TEST(a_finished_tree_is_taken_over_without_its_marks) {
    tear_down();
    begin_finished();
    (void)removexattr(lab_path(lab.source, "large"), "user.gone");
    ck_assert_int_eq(chmod(lab_path(lab.source, "large"), 0640), 0);
    lab_replace(&lab);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_lt(lab.sender.moved, 500);
    ck_assert_int_lt(listxattr(lab_path(lab.destination, "large"), NULL, 0), 1);
}
END_TEST

#define PIECES 66000u /* more than a sender lets a receiver hold */

/* What is held in too many pieces is sent again, rather than refused by the sender each time. */
START_TEST(what_lies_in_pieces_is_no_obstacle) {
    char path[512];

    tear_down();
    lab_open(&lab);
    tree_file(lab.source, "pieces", 1, 5, 0600);
    snprintf(path, sizeof path, "%s", lab_path(lab.source, "pieces"));
    ck_assert_int_eq(truncate(path, (off_t)PIECES * 2 * LIMIT_CHUNK), 0);
    tree_of_many(lab.source, "tree", 1);
    lab_add(&lab, "pieces");
    lab_add(&lab, "tree");
    lab_scan(&lab);
    lab.kill_receiver_at = 1;
    lab_transfer(&lab);
    lab.kill_receiver_at = 0;
    add_file();
    lab_replace(&lab);
    rangeset_clear(&lab.replaced.extents);
    for (uint64_t i = 0; i < PIECES; i++)
        ck_assert_int_eq(rangeset_add(&lab.replaced.extents, 2 * i, 1), 0);
    lab_transfer(&lab);
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert(lab.delivered);
}
END_TEST

/* Nothing of what is claimed is believed that is not there. */
START_TEST(an_old_staging_that_is_gone_is_no_loss) {
    char name[16];

    snprintf(name, sizeof name, ".fxnode/%d", OLD);
    tree_remove(lab_path(lab.destination, name));
    add_file();
    lab_replace(&lab);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_ge(lab.sender.moved, LARGE);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("session-inherit");
    TCase *tests = tcase_create("inherit");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_equal_is_taken_over);
    tcase_add_test(tests, what_is_different_is_not);
    tcase_add_test(tests, content_of_the_same_size_and_time_is_told_apart);
    tcase_add_loop_test(tests, what_was_fresh_is_read_again, 0, 2);
    tcase_add_loop_test(tests, a_crash_loses_no_more_than_the_taking_over, 0,
                        sizeof points / sizeof *points);
    tcase_add_loop_test(tests, a_stop_meanwhile_is_a_stop, 0, 2 * STOPS);
    tcase_add_loop_test(tests, the_sender_may_crash_as_well, 0, 2);
    tcase_add_test(tests, a_finished_tree_is_taken_over_without_its_marks);
    tcase_add_test(tests, what_lies_in_pieces_is_no_obstacle);
    tcase_add_test(tests, an_old_staging_that_is_gone_is_no_loss);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
