/* A tree that goes where one of the same name is: every kind on every kind, for each policy, cut
 * off at every step of the placing. */
#include "lab.h"
#include "proto/features.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXISTS(how) FXNODE__HELPER__EXISTS__EXISTS_##how

static struct lab lab;

enum kind { ABSENT, FILE_, DIRECTORY, LINK };

/* What is sent, and what has its name. */
static const struct pair {
    const char *name;
    enum kind comes;
    enum kind is;
    const char *beside;
} pairs[] = {
    {"a-f", FILE_, ABSENT, NULL},         {"a-d", DIRECTORY, ABSENT, NULL},
    {"a-l", LINK, ABSENT, NULL},          {"f-f.txt", FILE_, FILE_, "f-f (2).txt"},
    {"f-d", FILE_, DIRECTORY, "f-d (2)"}, {"f-l", FILE_, LINK, "f-l (2)"},
    {"d-f", DIRECTORY, FILE_, "d-f (2)"}, {"d-d", DIRECTORY, DIRECTORY, NULL},
    {"d-l", DIRECTORY, LINK, "d-l (2)"},  {"l-f", LINK, FILE_, "l-f (2)"},
    {"l-d", LINK, DIRECTORY, "l-d (2)"},  {"l-l", LINK, LINK, "l-l (2)"},
};

#define PAIRS (sizeof pairs / sizeof *pairs)

/* In one of four buffers that take turns. */
static const char *in(const char *directory, const char *tree, const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s%s%s", directory, tree, name[0] != '\0' ? "/" : "", name);
    return path;
}

static void put_time(const char *path, long seconds) {
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds, .tv_nsec = 123456789}};

    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void put_text(const char *path, const char *text, long seconds) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    ck_assert_msg(fd >= 0, "%s", path);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    put_time(path, seconds);
}

static bool is_kind(const char *path, mode_t kind) {
    struct stat st;

    return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

static bool is_there(const char *path) {
    struct stat st;

    return lstat(path, &st) == 0;
}

static bool says(const char *path, const char *text) {
    char found[64] = "";
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof found - 1);

    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(text) && strcmp(found, text) == 0;
}

static bool points(const char *path, const char *target) {
    char found[64] = "";

    return readlink(path, found, sizeof found - 1) > 0 && strcmp(found, target) == 0;
}

/* One side of a pair: what comes says "new", what is says "old". */
static void make(const char *path, enum kind kind, const char *text, long seconds) {
    char inner[600];

    if (kind == FILE_)
        put_text(path, text, seconds);
    else if (kind == LINK)
        ck_assert_int_eq(symlink(text, path), 0);
    if (kind != DIRECTORY)
        return;
    ck_assert_int_eq(mkdir(path, 0755), 0);
    snprintf(inner, sizeof inner, "%s/inner", path);
    put_text(inner, text, seconds);
    snprintf(inner, sizeof inner, "%s/%s only", path, text);
    put_text(inner, text, seconds);
}

static void make_pairs(const char *tree) {
    ck_assert_int_eq(mkdir(in(lab.source, tree, ""), 0755), 0);
    ck_assert_int_eq(mkdir(in(lab.destination, tree, ""), 0700), 0);
    for (size_t i = 0; i < PAIRS; i++) {
        make(in(lab.source, tree, pairs[i].name), pairs[i].comes, "new", 1000);
        make(in(lab.destination, tree, pairs[i].name), pairs[i].is, "older", 2000);
    }
}

/* What is the same on both sides, by size and time; the content tells which one is left. */
static void make_same(const char *tree) {
    make(in(lab.source, tree, "same"), FILE_, "sent", 3000);
    make(in(lab.destination, tree, "same"), FILE_, "kept", 3000);
    make(in(lab.source, tree, "same-l"), LINK, "same", 0);
    make(in(lab.destination, tree, "same-l"), LINK, "same", 0);
}

/* A directory that nobody may write, with a file in it; a hard link to what is there. */
static void make_more(const char *tree) {
    make(in(lab.source, tree, "closed"), DIRECTORY, "new", 1000);
    put_time(in(lab.source, tree, "closed"), 4000);
    ck_assert_int_eq(chmod(in(lab.source, tree, "closed"), 0555), 0);
    put_text(in(lab.destination, tree, "mine"), "mine", 5000);
    ck_assert_int_eq(link(in(lab.destination, tree, "f-f.txt"), in(lab.destination, "other", "")),
                     0);
    /* Larger than what is there of it, and in several units. */
    tree_file(in(lab.source, tree, ""), "large", (2u << 20) + 5, 1, 0644);
    put_text(in(lab.destination, tree, "large"), "older", 2000);
}

static void set_up(void) {
    lab_open(&lab);
    lab.batch_bytes = 1 << 20;
    ck_assert(mkdir(lab.destination, 0755) == 0 || is_there(lab.destination));
    make_pairs("t");
    make_same("t");
    make_more("t");
    lab_add(&lab, "t");
    lab_scan(&lab);
}

static void tear_down(void) {
    lab_close(&lab);
}

static bool is_whole(const char *path, enum kind kind, const char *text) {
    char inner[600];

    snprintf(inner, sizeof inner, "%s/inner", path);
    return kind == FILE_ ? says(path, text) : kind == LINK ? points(path, text) : says(inner, text);
}

/* At any moment: what existed is whole, or something new is. */
static void expect_nothing_lost(void) {
    bool replaces = lab.exists == EXISTS(OVERWRITE);

    for (size_t i = 0; i < PAIRS; i++) {
        const struct pair *pair = &pairs[i];
        const char *path = in(lab.destination, "t", pair->name);
        bool old = pair->is == ABSENT ? !is_there(path) : is_whole(path, pair->is, "older");
        bool may = pair->is == ABSENT || (replaces && pair->comes == pair->is && pair->is != LINK);

        ck_assert_msg(old || (may && is_whole(path, pair->comes, "new")), "%s is lost", pair->name);
    }
    ck_assert(says(in(lab.destination, "t", "mine"), "mine"));
    ck_assert(says(in(lab.destination, "other", ""), "older"));
    ck_assert(says(in(lab.destination, "t", "same"), "kept"));
    ck_assert(says(in(lab.destination, "t", "d-d/older only"), "older"));
    ck_assert(says(in(lab.destination, "t", "f-d/older only"), "older"));
}

static void expect_pair(const struct pair *pair, bool replaced) {
    const char *path = in(lab.destination, "t", pair->name);
    bool beside = pair->beside != NULL && !replaced;
    const char *new = in(lab.destination, "t", beside ? pair->beside : pair->name);

    if (pair->is != ABSENT && !replaced && !(pair->is == DIRECTORY && pair->comes == DIRECTORY))
        ck_assert_msg(is_whole(path, pair->is, "older"), "%s is lost", path);
    if (pair->comes != DIRECTORY || pair->is != DIRECTORY)
        ck_assert_msg(is_whole(new, pair->comes, "new"), "%s did not come", new);
    if (pair->comes == FILE_)
        ck_assert(is_kind(new, S_IFREG));
    if (pair->beside != NULL && replaced)
        ck_assert(!is_there(in(lab.destination, "t", pair->beside)));
}

/* All of it, for skip and overwrite. */
static void expect_merged(void) {
    bool replaces = lab.exists == EXISTS(OVERWRITE);
    struct stat st;

    for (size_t i = 0; i < PAIRS; i++)
        expect_pair(&pairs[i], replaces && pairs[i].comes == FILE_ && pairs[i].is == FILE_);
    expect_nothing_lost();
    ck_assert(says(in(lab.destination, "t", "d-d/new only"), "new"));
    ck_assert(says(in(lab.destination, "t", "d-d/inner"), replaces ? "new" : "older"));
    ck_assert_int_eq(is_there(in(lab.destination, "t", "d-d/inner (2)")), !replaces);
    ck_assert(points(in(lab.destination, "t", "same-l"), "same"));
    ck_assert(!is_there(in(lab.destination, "t", "same (2)")));
    ck_assert(!is_there(in(lab.destination, "t", "same-l (2)")));
    tree_compare(in(lab.source, "t", "large"),
                 in(lab.destination, "t", replaces ? "large" : "large (2)"));
    tree_compare(in(lab.source, "t", "closed"), in(lab.destination, "t", "closed"));
    ck_assert_int_eq(stat(in(lab.destination, "t", ""), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
    ck_assert_int_eq(tree_count(lab.destination), 2);
    ck_assert_int_eq(tree_count(in(lab.destination, "t", "")), replaces ? 24 : 26);
}

static void expect_complete(void) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert(lab.placed && lab.delivered && lab.finished);
    ck_assert_uint_eq(lab.failed, 0);
    ck_assert_uint_eq(lab.delivered_failed, 0);
    ck_assert_uint_eq(lab.existing, 1);
    ck_assert_uint_eq(lab.name_count, 1);
}

static const Fxnode__Helper__Exists merging[] = {EXISTS(SKIP), EXISTS(OVERWRITE)};

START_TEST(another_name_touches_nothing) {
    lab.exists = EXISTS(RENAME);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_str_eq(lab.names[0].name, "t (2)");
    expect_nothing_lost();
    tree_compare(in(lab.source, "t", ""), in(lab.destination, "t (2)", ""));
}
END_TEST

START_TEST(every_kind_on_every_kind) {
    lab.exists = merging[_i];
    lab_transfer(&lab);
    expect_complete();
    ck_assert_str_eq(lab.names[0].name, "t");
    expect_merged();
    /* What is there already has not been sent. */
    ck_assert_uint_eq(lab.sender.moved, lab.bytes - strlen("sent"));
    ck_assert_ptr_nonnull(strstr(lab.receiver.told, "there already"));
    ck_assert_ptr_nonnull(strstr(lab.receiver.told, "d-f (2)"));
}
END_TEST

START_TEST(a_sender_that_does_not_know_of_it) {
    lab.exists = merging[_i];
    lab.features = FEATURES & ~FEATURE_SKIPS;
    lab_transfer(&lab);
    expect_complete();
    expect_merged();
    ck_assert_uint_eq(lab.sender.moved, lab.bytes);
}
END_TEST

static const char *const points_of_placing[] = {
    "finished", "placing-committed", "merged",    "merged:3",     "merged:5",
    "merged:8", "merged:11",         "merged:14", "merge-synced", "done-committed"};

#define POINTS (sizeof points_of_placing / sizeof *points_of_placing)

static void crash_at(const char *point) {
    lab.crash = point;
    lab_transfer(&lab);
    lab.crash = NULL;
    ck_assert_msg(lab.receiver.killed, "the receiver did not pass %s", point);
    expect_nothing_lost();
}

static void clean_up(void) {
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__CLEAN);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
}

START_TEST(cut_off_and_gone_on_with_the_peer) {
    lab.exists = merging[(size_t)_i / POINTS];
    crash_at(points_of_placing[(size_t)_i % POINTS]);
    lab_transfer(&lab);
    expect_complete();
    if (strcmp(points_of_placing[(size_t)_i % POINTS], "done-committed") == 0)
        clean_up();
    expect_merged();
}
END_TEST

/* The steps between are those of cut_off_again_and_again. */
static const char *const some_points[] = {"placing-committed", "merged:7", "merge-synced",
                                          "done-committed"};

#define SOME_POINTS (sizeof some_points / sizeof *some_points)

START_TEST(cut_off_and_gone_on_without_the_peer) {
    lab.exists = merging[(size_t)_i / SOME_POINTS];
    crash_at(some_points[(size_t)_i % SOME_POINTS]);
    if (lab.placed) {
        clean_up();
    } else if (lab.placing) {
        lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
        ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "placing: %s",
                      lab.receiver.text);
    }
    lab_transfer(&lab);
    expect_complete();
    expect_merged();
}
END_TEST

/* And again, at each step in turn. */
START_TEST(cut_off_again_and_again) {
    lab.exists = merging[_i];
    crash_at("placing-committed");
    lab.crash = "merged";
    for (unsigned i = 0; i < 64; i++) {
        lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
        expect_nothing_lost();
        if (!lab.receiver.killed)
            break;
    }
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    expect_merged();
}
END_TEST

/* What was left out has changed before anything was placed: it is sent after all. */
START_TEST(what_was_there_and_is_no_longer) {
    lab.exists = merging[_i];
    lab.stop_receiver_at = 1;
    lab.stop_reason = LAB_STOP(PAUSE);
    lab_transfer(&lab);
    lab.stop_receiver_at = 0;
    ck_assert_int_eq(unlink(in(lab.destination, "t", "same")), 0);
    lab_transfer(&lab);
    expect_complete();
    ck_assert(says(in(lab.destination, "t", "same"), "sent"));
}
END_TEST

/* What is there stays and is not linked to; the link has what was sent. */
START_TEST(a_hard_link_of_what_is_there_is_a_file) {
    char path[512];
    struct stat st;

    snprintf(path, sizeof path, "%s", in(lab.destination, "t", "same-h"));
    lab.exists = merging[_i];
    ck_assert_int_eq(link(in(lab.source, "t", "same"), in(lab.source, "t", "same-h")), 0);
    lab_scan(&lab);
    lab_transfer(&lab);
    expect_complete();
    ck_assert(says(in(lab.destination, "t", "same"), "kept"));
    ck_assert(says(path, "sent"));
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert_uint_eq(st.st_nlink, 1);
}
END_TEST

/* What is in a directory that goes beside, here since it is another peer's, is sent with it, also
 * where that one has the same; and goes nowhere else after an interruption. */
START_TEST(a_directory_of_another_peer_is_closed) {
    char barred[512];

    lab.exists = merging[_i % 2];
    snprintf(barred, sizeof barred, "%s", in(lab.destination, "t", "d-d"));
    lab.barred = barred;
    put_text(in(lab.source, "t", "d-d/new only"), "same", 3000);
    put_text(in(lab.destination, "t", "d-d/new only"), "kept", 3000);
    lab_scan(&lab);
    if (_i / 2 != 0) {
        crash_at("placing-committed");
        lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
        ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    } else {
        lab_transfer(&lab);
        expect_complete();
    }
    ck_assert(says(in(lab.destination, "t", "d-d/inner"), "older"));
    ck_assert(says(in(lab.destination, "t", "d-d/new only"), "kept"));
    ck_assert_int_eq(tree_count(in(lab.destination, "t", "d-d")), 3);
    ck_assert(says(in(lab.destination, "t", "d-d (2)/inner"), "new"));
    ck_assert(says(in(lab.destination, "t", "d-d (2)/new only"), "same"));
}
END_TEST

/* The same while the rest is on its way: nothing is placed before it has come. */
START_TEST(what_was_there_and_goes_meanwhile) {
    char same[512];

    lab.exists = merging[_i];
    snprintf(same, sizeof same, "%s", in(lab.destination, "t", "same"));
    lab.removed = same;
    lab_transfer(&lab);
    lab.removed = NULL;
    ck_assert(!lab.placing);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(LOST));
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.sender.moved, strlen("sent"));
    ck_assert(says(in(lab.destination, "t", "same"), "sent"));
}
END_TEST

/* Once it has been recorded that it is placed, it is as if it had been changed afterwards. */
START_TEST(what_its_owner_changes_meanwhile_stays) {
    lab.exists = EXISTS(OVERWRITE);
    crash_at("merged:5");
    put_text(in(lab.destination, "t", "a-f"), "mine now", 6000);
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    ck_assert(says(in(lab.destination, "t", "a-f"), "mine now"));
    ck_assert(!is_there(in(lab.destination, "t", "a-f (2)")));
}
END_TEST

static Suite *suite(void) {
    Suite *suite = suite_create("session-exists");
    TCase *cases = tcase_create("exists");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 20);
    tcase_add_test(cases, another_name_touches_nothing);
    tcase_add_loop_test(cases, every_kind_on_every_kind, 0, 2);
    tcase_add_loop_test(cases, a_sender_that_does_not_know_of_it, 0, 2);
    tcase_add_loop_test(cases, cut_off_and_gone_on_with_the_peer, 0, 2 * POINTS);
    tcase_add_loop_test(cases, cut_off_and_gone_on_without_the_peer, 0, 2 * SOME_POINTS);
    tcase_add_loop_test(cases, cut_off_again_and_again, 0, 2);
    tcase_add_loop_test(cases, what_was_there_and_is_no_longer, 0, 2);
    tcase_add_loop_test(cases, what_was_there_and_goes_meanwhile, 0, 2);
    tcase_add_loop_test(cases, a_hard_link_of_what_is_there_is_a_file, 0, 2);
    tcase_add_loop_test(cases, a_directory_of_another_peer_is_closed, 0, 4);
    tcase_add_test(cases, what_its_owner_changes_meanwhile_stays);
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
