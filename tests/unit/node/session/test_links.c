/* Symbolic links that lead outside: left out or kept, as the receiver wants it by the time that the
 * content is complete, and never followed. */
#include "lab.h"
#include "proto/features.h"
#include "tree.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXISTS(how) FXNODE__HELPER__EXISTS__EXISTS_##how

static struct lab lab;
static char elsewhere[128]; /* where a link leads; nothing may ever change there */

/* Below "t"; the target NULL stands for `elsewhere`, "" for one of the greatest length. */
static const struct outside {
    const char *name;
    const char *target;
    const char *shown;
} outside[] = {
    {"absolute", "/etc/passwd", "t/absolute is left out"},
    {"long", "", "t/long is left out"},
    {"odd \xff\n", "/\xfe\n", "t/odd \\xff\\n is left out"},
    {"only/up", "../../u", "t/only/up is left out"},
    {"turn", "only/../file", "t/turn is left out"}, /* by another link it could climb out */
    {"x", NULL, "t/x is left out"},
};

#define OUTSIDE (sizeof outside / sizeof *outside)

static const char *in(const char *directory, const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/t/%s", directory, name);
    return path;
}

static void make_link(const char *target, const char *path) {
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1234, .tv_nsec = 56789}};

    ck_assert_msg(symlink(target, path) == 0, "%s", path);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_links(void) {
    char greatest[LIMIT_PATH + 1] = "";

    memset(greatest, '/', LIMIT_PATH);
    for (size_t i = 0; i < OUTSIDE; i++) {
        const char *target = outside[i].target;

        if (target == NULL)
            target = elsewhere;
        make_link(target[0] != '\0' ? target : greatest, in(lab.source, outside[i].name));
    }
}

static bool short_only; /* as on XFS: no link has a target of more than 1024 bytes */

int symlinkat(const char *target, int directory, const char *name) {
    if (short_only && strlen(target) > 1024) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return (int)syscall(SYS_symlinkat, target, directory, name);
}

static void set_up(void) {
    char tree[128];

    lab_open(&lab);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", lab.root);
    tree_directory(lab.root, "elsewhere", 0755);
    tree_file(elsewhere, "victim", 100, 1, 0640);
    tree_directory(lab.source, "t", 0755);
    tree_directory(lab.source, "t/only", 0755);
    snprintf(tree, sizeof tree, "%s/t", lab.source);
    tree_file(tree, "file", 3000, 2, 0644);
    make_link("only", in(lab.source, "inside"));
    make_links();
    tree_directory(lab.source, "t/only", 0755);
    tree_directory(lab.source, "t", 0755);
    lab_add(&lab, "t");
    lab_scan(&lab);
}

static void expect_elsewhere(void) {
    struct stat st;

    ck_assert_int_eq(tree_count(elsewhere), 1);
    ck_assert_int_eq(lstat(lab_path(elsewhere, "victim"), &st), 0);
    ck_assert_int_eq(st.st_size, 100);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    ck_assert_uint_eq(st.st_nlink, 1);
}

static void tear_down(void) {
    expect_elsewhere();
    lab_close(&lab);
}

static bool is_link(const char *path) {
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static bool is_there(const char *path) {
    struct stat st;

    return lstat(path, &st) == 0;
}

static void expect_complete_but(uint32_t failed) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "sender: %s", lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "receiver: %s", lab.receiver.text);
    ck_assert(lab.delivered);
    ck_assert_uint_eq(lab.failed, failed);
}

static void expect_complete(void) {
    expect_complete_but(0);
}

static void expect_left_out(void) {
    expect_complete();
    ck_assert_uint_eq(lab.delivered_failed, OUTSIDE);
    for (size_t i = 0; i < OUTSIDE; i++) {
        ck_assert(!is_there(in(lab.destination, outside[i].name)));
        ck_assert_msg(strstr(lab.sender.told, outside[i].shown) != NULL, "%s", lab.sender.told);
    }
    ck_assert_ptr_nonnull(strstr(lab.sender.told, "`links = all`"));
    ck_assert_uint_eq(lab.sender.failed_notes, 0);
    ck_assert(is_link(in(lab.destination, "inside")));
    ck_assert_int_eq(tree_count(in(lab.destination, "only")), 0);
    ck_assert_int_eq(tree_count(in(lab.destination, "")), 3);
}

static void expect_kept(void) {
    expect_complete();
    ck_assert_uint_eq(lab.delivered_failed, 0);
    ck_assert_msg(lab.sender.notes == 0, "%s", lab.sender.told);
    tree_compare(in(lab.source, ""), in(lab.destination, ""));
}

static void expect(bool kept) {
    if (kept)
        expect_kept();
    else
        expect_left_out();
}

START_TEST(left_out_or_kept) {
    lab.outside_links = _i != 0;
    lab_transfer(&lab);
    expect(lab.outside_links);
    ck_assert_int_eq(strstr(lab.receiver.told, "6 symbolic links lead outside") != NULL, _i == 0);
}
END_TEST

static void crash_at(const char *point) {
    lab.crash = point;
    lab_transfer(&lab);
    lab.crash = NULL;
    ck_assert_msg(lab.receiver.killed, "the receiver did not pass %s", point);
}

/* The first ones cut it off before it is settled what is placed; then the newer answer counts, also
 * for links that are staged. */
static const char *const points[] = {"accepted",          "extents-committed", "finished",
                                     "placing-committed", "renamed",           "done-committed"};

#define EARLY 3
#define POINTS (sizeof points / sizeof *points)

START_TEST(the_receiver_changes_its_mind) {
    bool early = _i / 2 < EARLY;

    lab.outside_links = _i % 2 != 0;
    crash_at(points[_i / 2]);
    ck_assert_int_eq(lab.placing, !early);
    lab.outside_links = !lab.outside_links;
    lab_transfer(&lab);
    expect(early ? lab.outside_links : !lab.outside_links);
}
END_TEST

/* What the file system does not take is one failure, by its name, also where the receiver is
 * interrupted. */
START_TEST(one_that_cannot_be_made) {
    lab.outside_links = true;
    short_only = true;
    if (_i > 0)
        crash_at(points[EARLY - 2 + _i]); /* from "finished" on */
    lab_transfer(&lab);
    expect_complete_but(1);
    ck_assert_uint_eq(lab.delivered_failed, 1);
    ck_assert(!is_there(in(lab.destination, "long")));
    ck_assert(is_link(in(lab.destination, "absolute")));
    ck_assert(is_link(in(lab.destination, "x")));
    if (_i == 0)
        ck_assert_msg(strstr(lab.receiver.told, "t/long, a symbolic link, cannot be made in") !=
                          NULL,
                      "%s", lab.receiver.told);
}
END_TEST

START_TEST(the_receiver_places_without_the_peer) {
    lab.outside_links = _i != 0;
    crash_at("placing-committed");
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    lab_transfer(&lab);
    expect(lab.outside_links);
}
END_TEST

START_TEST(the_sender_comes_back) {
    lab.outside_links = _i != 0;
    lab.kill_sender_at = 1;
    lab_transfer(&lab);
    ck_assert(lab.sender.killed);
    lab.kill_sender_at = 0;
    lab_transfer(&lab);
    expect(lab.outside_links);
}
END_TEST

START_TEST(a_peer_may_be_too_old) {
    lab.features = FEATURES & ~FEATURE_OUTSIDE;
    lab.outside_links = true;
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(FAILED));
    ck_assert_ptr_nonnull(
        strstr(lab.sender.text, "lead outside, and the peer's fxnode is too old"));
    ck_assert_int_eq(tree_count(lab.destination), 0);
}
END_TEST

/* A link that is kept has to be what was offered; one that is left out may become what it likes. */
START_TEST(links_that_go_meanwhile) {
    char gone[512];

    lab.outside_links = _i != 0;
    snprintf(gone, sizeof gone, "%s", in(lab.source, "long"));
    lab.removed = gone;
    lab_transfer(&lab);
    if (_i == 0) {
        expect_left_out();
        return;
    }
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_eq(lab.delivered_failed, 1);
    ck_assert_uint_eq(lab.sender.failed_notes, 1);
    ck_assert_uint_eq(lab.failed, 1);
    ck_assert(!is_there(in(lab.destination, "long")));
    ck_assert(is_link(in(lab.destination, "absolute")));
}
END_TEST

/* What is sent next is another transfer. */
static void begin_again(void) {
    rangeset_clear(&lab.extents);
    lab.name_count = 0;
    lab.placing = lab.placed = lab.delivered = lab.finished = false;
    lab.failed = lab.delivered_failed = 0;
    tree_remove(lab.work);
    ck_assert_int_eq(mkdir(lab.work, 0700), 0);
}

START_TEST(many_are_counted) {
    char name[32];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "more-%02u", i);
        make_link("/", in(lab.source, name));
    }
    begin_again();
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.delivered_failed, OUTSIDE + 40);
    ck_assert_uint_eq(lab.sender.notes, 32 + 2);
    ck_assert_ptr_nonnull(strstr(lab.sender.told, "14 more of them are left out"));
}
END_TEST

static const Fxnode__Helper__Exists policies[] = {EXISTS(RENAME), EXISTS(SKIP), EXISTS(OVERWRITE)};

/* A tree with a link, and then one of the same name with a directory or a file in its place: what
 * is behind the link is neither gone into, nor replaced, nor taken for what is there already. */
START_TEST(what_comes_later_does_not_go_through) {
    bool directory = _i % 2 == 0;
    bool merges = policies[_i / 2] != EXISTS(RENAME);
    char tree[128];

    lab.outside_links = true;
    lab_transfer(&lab);
    expect_kept();
    begin_again();
    ck_assert_int_eq(unlink(in(lab.source, "x")), 0);
    snprintf(tree, sizeof tree, "%s/t", lab.source);
    if (directory) {
        tree_directory(tree, "x", 0755);
        tree_file(tree, "x/evil", 50, 3, 0644);
        tree_file(tree, "x/victim", 100, 1, 0600); /* the same size and time */
        tree_directory(tree, "x", 0777);
    } else {
        tree_file(tree, "x", 100, 1, 0600);
    }
    lab_scan(&lab);
    lab.exists = policies[_i / 2];
    lab_transfer(&lab);
    expect_complete();
    expect_elsewhere();
    ck_assert(is_link(in(lab.destination, "x")));
    tree_compare(in(lab.source, "x"),
                 merges ? in(lab.destination, "x (2)") : lab_path(lab.destination, "t (2)/x"));
}
END_TEST

/* The same link is there already: it stays, with its time. One that leads elsewhere does too. */
START_TEST(links_on_links) {
    lab.outside_links = true;
    lab_transfer(&lab);
    begin_again();
    ck_assert_int_eq(unlink(in(lab.source, "absolute")), 0);
    make_link("/etc/group", in(lab.source, "absolute"));
    lab_scan(&lab);
    lab.exists = EXISTS(OVERWRITE);
    lab.outside_links = _i != 0;
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.delivered_failed, _i == 0 ? OUTSIDE : 0);
    ck_assert_int_eq(is_link(in(lab.destination, "absolute (2)")), _i != 0);
    ck_assert(!is_there(in(lab.destination, "x (2)")));
    ck_assert(is_link(in(lab.destination, "x")));
}
END_TEST

static Suite *suite(void) {
    Suite *suite = suite_create("session-links");
    TCase *cases = tcase_create("links");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 20);
    tcase_add_loop_test(cases, left_out_or_kept, 0, 2);
    tcase_add_loop_test(cases, the_receiver_changes_its_mind, 0, 2 * POINTS);
    tcase_add_loop_test(cases, one_that_cannot_be_made, 0, POINTS - EARLY + 2);
    tcase_add_loop_test(cases, the_receiver_places_without_the_peer, 0, 2);
    tcase_add_loop_test(cases, the_sender_comes_back, 0, 2);
    tcase_add_test(cases, a_peer_may_be_too_old);
    tcase_add_loop_test(cases, links_that_go_meanwhile, 0, 2);
    tcase_add_test(cases, many_are_counted);
    tcase_add_loop_test(cases, what_comes_later_does_not_go_through, 0, 6);
    tcase_add_loop_test(cases, links_on_links, 0, 2);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    int failed = 0;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
