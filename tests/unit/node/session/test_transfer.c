#include "lab.h"
#include "tree.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static struct lab lab;

static void set_up(void) {
    lab_open(&lab);
}

static void tear_down(void) {
    lab_close(&lab);
}

/* Both sides say that all went well, and nothing but the result is left. */
static void expect_complete(void) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert(lab.placed && lab.delivered && lab.finished);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
}

static void expect_same(const char *name) {
    tree_compare(lab_path(lab.source, name), lab_path(lab.destination, name));
}

START_TEST(everything_arrives) {
    lab.lanes = (uint32_t)_i + 1;
    lab.ask_first = _i == 1;
    tree_of_everything(lab.source, "tree");
    tree_file(lab.source, "single", 5000, 42, 0644);
    lab_add(&lab, "tree");
    lab_add(&lab, "single");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    expect_same("tree");
    expect_same("single");
    ck_assert_uint_eq(lab.failed, 0);
    ck_assert_uint_eq(lab.sender.moved, lab.bytes);
    ck_assert_uint_eq(lab.sender.done, lab.bytes);
    ck_assert_uint_eq(lab.receiver.done, lab.bytes);
}
END_TEST

START_TEST(many_small_files_arrive) {
    lab.lanes = 2;
    tree_of_many(lab.source, "many", 3000);
    lab_add(&lab, "many");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    expect_same("many");
}
END_TEST

START_TEST(a_large_file_takes_many_batches) {
    lab.lanes = 2;
    lab.batch_bytes = 2 << 20;
    tree_file(lab.source, "large", 24 << 20, 3, 0600);
    lab_add(&lab, "large");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    expect_same("large");
    ck_assert_uint_ge(lab.commits, 10);
}
END_TEST

START_TEST(an_existing_name_is_kept) {
    tree_file(lab.source, "note.txt", 10, 1, 0644);
    ck_assert_int_eq(mkdir(lab.destination, 0755), 0);
    tree_file(lab.destination, "note.txt", 20, 2, 0644);
    lab_add(&lab, "note.txt");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    tree_compare(lab_path(lab.source, "note.txt"), lab_path(lab.destination, "note (2).txt"));
    ck_assert_str_eq(lab.names[0].name, "note (2).txt");
}
END_TEST

START_TEST(a_refusal_is_told) {
    static const struct {
        lab_answer answer;
        lab_outcome outcome;
    } cases[] = {{LAB_ADMIT(REFUSE), LAB_ENDED(REFUSED)}, {LAB_ADMIT(BUSY), LAB_ENDED(BUSY)}};

    tree_file(lab.source, "file", 10, 1, 0644);
    lab_add(&lab, "file");
    lab_scan(&lab);
    lab.answer = cases[_i].answer;
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, cases[_i].outcome);
    ck_assert_ptr_null(strchr(lab.sender.text, '\x1b'));
    ck_assert_int_eq(tree_count(lab.destination), 0);
}
END_TEST

/* Delivered before: said again, and nothing is written. */
START_TEST(a_delivery_happens_once) {
    tree_file(lab.source, "file", 10, 1, 0644);
    lab_add(&lab, "file");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    lab.delivered = lab.finished = false;
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    ck_assert(lab.delivered && lab.finished);
    ck_assert_uint_eq(lab.sender.moved, 0);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, "file (2)")), -1);
}
END_TEST

/* As CLEAN does, and while the receiver's session still runs. */
static void clean_up(void) {
    const char *area = lab_path(lab.destination, ".fxnode");
    int fd = open(area, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0); /* never granted while the session holds it */
    ck_assert_int_eq(rmdir(lab_path(area, "1")), 0);
    ck_assert_int_eq(rmdir(area), 0);
    close(fd);
}

/* Who is only told so does not keep the area of somebody else's staging from being removed. */
START_TEST(a_delivery_that_is_repeated_holds_nothing) {
    tree_file(lab.source, "file", 10, 1, 0644);
    lab_add(&lab, "file");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_int_eq(mkdir(lab_path(lab.destination, ".fxnode"), 0700), 0);
    ck_assert_int_eq(mkdir(lab_path(lab.destination, ".fxnode/1"), 0700), 0);
    lab.at_delivery = clean_up;
    lab_transfer(&lab);
    expect_complete();
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
}
END_TEST

/* The sender hears that it should come back and why, but no path of the receiver's machine. */
START_TEST(a_destination_that_cannot_be_opened_is_told) {
    tree_file(lab.source, "small", 100, 1, 0644);
    lab_add(&lab, "small");
    lab_scan(&lab);
    tree_remove(lab.destination);
    tree_file(lab.root, "destination", 1, 1, 0644);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(BUSY));
    ck_assert_ptr_nonnull(strstr(lab.sender.text, "cannot write"));
    ck_assert_ptr_null(strstr(lab.sender.text, lab.root));
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(FAILED));
    ck_assert_ptr_nonnull(strstr(lab.receiver.text, lab.destination));
    unlink(lab.destination);
    lab_transfer(&lab);
    expect_complete();
    expect_same("small");
}
END_TEST

START_TEST(changed_files_fail_by_name) {
    struct stat st;

    tree_of_many(lab.source, "tree", 20);
    lab_add(&lab, "tree");
    lab_scan(&lab);
    tree_file(lab.source, "tree/d1/file-00001", 500, 9, 0644);
    ck_assert_int_eq(unlink(lab_path(lab.source, "tree/d2/file-00002")), 0);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_eq(lab.failed, 2);
    ck_assert_uint_eq(lab.delivered_failed, 2);
    ck_assert_uint_eq(lab.sender.failed_notes, 2);
    ck_assert_uint_eq(lab.receiver.failed_notes, 2);
    ck_assert_int_ne(lstat(lab_path(lab.destination, "tree/d1/file-00001"), &st), 0);
    ck_assert_int_ne(lstat(lab_path(lab.destination, "tree/d2/file-00002"), &st), 0);
    expect_same("tree/d1/file-00008");
    expect_same("tree/d3");
}
END_TEST

static void shorten(void) {
    ck_assert_int_eq(truncate(lab_path(lab.source, "file"), 700000), 0);
}

/* Other bytes all over the same file, and with `hidden` the time that it had. */
static void rewrite(bool hidden) {
    static const char other[1 << 20];
    struct stat st;
    int fd = open(lab_path(lab.source, "file"), O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(pwrite(fd, other, sizeof other, 0), sizeof other);
    close(fd);
    if (hidden)
        ck_assert_int_eq(utimensat(AT_FDCWD, lab_path(lab.source, "file"),
                                   (struct timespec[]){st.st_mtim, st.st_mtim}, 0),
                         0);
}

static void rewrite_openly(void) {
    rewrite(false);
}

static void rewrite_secretly(void) {
    rewrite(true);
}

static void (*const changes[])(void) = {shorten, rewrite_openly, rewrite_secretly};

/* While the first pieces of a chunk have been sent and the last ones not even read: its entry
 * fails, and what comes behind it on the same lane does not. */
START_TEST(a_file_that_changes_within_a_chunk_fails) {
    struct stat st;

    lab.lanes = 1;
    lab.happens_after = 100000;
    lab.happens = changes[_i];
    tree_file(lab.source, "file", 1 << 20, 1, 0644);
    tree_file(lab.source, "later", 3 << 19, 3, 0644);
    lab_add(&lab, "file");
    lab_add(&lab, "later");
    lab_scan(&lab);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_eq(lab.failed, 1);
    ck_assert_uint_eq(lab.delivered_failed, 1);
    ck_assert_uint_eq(lab.sender.failed_notes, 1);
    ck_assert_ptr_nonnull(strstr(lab.sender.told, "file"));
    ck_assert_uint_gt(lab.sender.moved, 3 << 19);
    ck_assert_int_ne(lstat(lab_path(lab.destination, "file"), &st), 0);
    expect_same("later");
}
END_TEST

/* Only its mode and so its change time differ: what was sent is compared once more. */
START_TEST(a_touched_file_is_read_again) {
    tree_file(lab.source, "file", 3 << 20, 1, 0644);
    lab_add(&lab, "file");
    lab_scan(&lab);
    ck_assert_int_eq(chmod(lab_path(lab.source, "file"), 0600), 0);
    ck_assert_int_eq(chmod(lab_path(lab.source, "file"), 0644), 0);
    lab_transfer(&lab);
    expect_complete();
    expect_same("file");
    ck_assert_uint_eq(lab.failed, 0);
}
END_TEST

/* A file with names in two directories and at the top. */
static void make_names(void) {
    tree_directory(lab.source, "tree", 0755);
    tree_directory(lab.source, "tree/sub", 0755);
    tree_file(lab.source, "tree/file", 70000, 3, 0640);
    ck_assert_int_eq(link(lab_path(lab.source, "tree/file"), lab_path(lab.source, "tree/sub/name")),
                     0);
    ck_assert_int_eq(link(lab_path(lab.source, "tree/file"), lab_path(lab.source, "alone")), 0);
    lab_add(&lab, "tree");
    lab_add(&lab, "alone");
    lab_scan(&lab);
}

START_TEST(names_of_one_file_arrive_as_that) {
    struct stat st[2];

    make_names();
    ck_assert_uint_eq(lab.bytes, 70000);
    lab_transfer(&lab);
    expect_complete();
    expect_same("tree/file");
    ck_assert_int_eq(stat(lab_path(lab.destination, "alone"), &st[0]), 0);
    ck_assert_int_eq(stat(lab_path(lab.destination, "tree/sub/name"), &st[1]), 0);
    ck_assert_uint_eq(st[0].st_nlink, 3);
    ck_assert_uint_eq(st[0].st_ino, st[1].st_ino);
}
END_TEST

/* Where it changes; but a name that has gone fails alone. */
START_TEST(a_file_fails_under_all_its_names) {
    make_names();
    if (_i == 0)
        ck_assert_int_eq(truncate(lab_path(lab.source, "tree/file"), 500), 0);
    else
        ck_assert_int_eq(unlink(lab_path(lab.source, "tree/sub/name")), 0);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_eq(lab.delivered_failed, _i == 0 ? 3 : 1);
    ck_assert_uint_eq(lab.sender.failed_notes, _i == 0 ? 3 : 1);
    ck_assert_uint_eq(lab.receiver.failed_notes, _i == 0 ? 3 : 1);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, "tree")), _i == 0 ? 1 : 2);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, "tree/sub")), 0);
}
END_TEST

START_TEST(a_peer_may_be_too_old_for_hard_links) {
    lab.features = 0;
    make_names();
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(FAILED));
    ck_assert_ptr_nonnull(strstr(lab.sender.text, "too old"));
    ck_assert(!lab.placed);
    ck_assert_int_eq(tree_count(lab.destination), 0);
}
END_TEST

START_TEST(a_peer_may_be_too_old_for_attributes) {
    lab.features = 0;
    tree_file(lab.source, "file", 100, 1, 0644);
    if (setxattr(lab_path(lab.source, "file"), "user.x", "y", 1, 0) < 0) {
        ck_assert_int_eq(errno, ENOTSUP);
        printf("SKIPPED: no extended attributes in %s\n", lab.source);
        return;
    }
    lab_add(&lab, "file");
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.sender.notes, 1);
    ck_assert_uint_eq(lab.sender.failed_notes, 0);
    ck_assert_ptr_nonnull(strstr(lab.sender.note, "extended attributes are not kept"));
}
END_TEST

/* Whatever file system it is that things arrive in. */
static void forbid_attributes(int error) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsetxattr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* They have none, refuse this one, have no room for it. */
static const int lacking[] = {ENOTSUP, EPERM, ENOSPC};

START_TEST(both_sides_hear_of_attributes_that_are_lost) {
    tree_file(lab.source, "file", 100, 1, 0644);
    if (setxattr(lab_path(lab.source, "file"), "user.x", "y", 1, 0) < 0) {
        ck_assert_int_eq(errno, ENOTSUP);
        printf("SKIPPED: no extended attributes in %s\n", lab.source);
        return;
    }
    lab_add(&lab, "file");
    lab_scan(&lab);
    forbid_attributes(lacking[_i]);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.delivered_failed, 0);
    ck_assert_uint_eq(lab.receiver.notes, 1);
    ck_assert_uint_eq(lab.sender.notes, 1);
    ck_assert_uint_eq(lab.sender.failed_notes, 0);
    ck_assert_str_eq(lab.sender.note, "1 file or directory arrived without some of its extended "
                                      "attributes: the file system there does not take them");
}
END_TEST

START_TEST(everything_may_fail) {
    tree_file(lab.source, "file", 100, 1, 0644);
    lab_add(&lab, "file");
    lab_scan(&lab);
    ck_assert_int_eq(unlink(lab_path(lab.source, "file")), 0);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_eq(lab.delivered_failed, 1);
    ck_assert_int_eq(tree_count(lab.destination), 0);
}
END_TEST

START_TEST(a_missing_path_cannot_be_scanned) {
    lab_add(&lab, "nowhere");
    lab_try_scan(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(FAILED));
    ck_assert_ptr_nonnull(strstr(lab.sender.text, "nowhere"));
}
END_TEST

/* A rate of 4 MB/s for 2 MB after the first frame: neither side thinks the other dead. */
START_TEST(a_rate_is_kept_to) {
    struct timespec from;
    struct timespec to;
    double seconds = 0;

    tree_file(lab.source, "file", 2000000, 1, 0644);
    lab_add(&lab, "file");
    lab_scan(&lab);
    lab.rate = 4000000;
    clock_gettime(CLOCK_MONOTONIC, &from);
    lab_transfer(&lab);
    clock_gettime(CLOCK_MONOTONIC, &to);
    expect_complete();
    seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    ck_assert_double_ge(seconds, (2000000.0 - 270000.0) / 4000000.0 * 0.9);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("session-transfer");
    TCase *whole = tcase_create("whole");
    TCase *partial = tcase_create("partial");

    tcase_add_checked_fixture(whole, set_up, tear_down);
    tcase_set_timeout(whole, 60);
    tcase_add_loop_test(whole, everything_arrives, 0, 4);
    tcase_add_test(whole, many_small_files_arrive);
    tcase_add_test(whole, a_large_file_takes_many_batches);
    tcase_add_test(whole, an_existing_name_is_kept);
    tcase_add_loop_test(whole, a_refusal_is_told, 0, 2);
    tcase_add_test(whole, a_delivery_happens_once);
    tcase_add_test(whole, a_delivery_that_is_repeated_holds_nothing);
    tcase_add_test(whole, a_destination_that_cannot_be_opened_is_told);
    tcase_add_test(whole, a_rate_is_kept_to);
    suite_add_tcase(s, whole);
    tcase_add_checked_fixture(partial, set_up, tear_down);
    tcase_set_timeout(partial, 60);
    tcase_add_test(partial, changed_files_fail_by_name);
    tcase_add_loop_test(partial, a_file_that_changes_within_a_chunk_fails, 0,
                        sizeof changes / sizeof *changes);
    tcase_add_test(partial, a_touched_file_is_read_again);
    tcase_add_test(partial, names_of_one_file_arrive_as_that);
    tcase_add_loop_test(partial, a_file_fails_under_all_its_names, 0, 2);
    tcase_add_test(partial, a_peer_may_be_too_old_for_hard_links);
    tcase_add_test(partial, a_peer_may_be_too_old_for_attributes);
    tcase_add_loop_test(partial, both_sides_hear_of_attributes_that_are_lost, 0, 3);
    tcase_add_test(partial, everything_may_fail);
    tcase_add_test(partial, a_missing_path_cannot_be_scanned);
    suite_add_tcase(s, partial);
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
