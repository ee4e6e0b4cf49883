/* What was delivered is compared with its receipt, on either side. */

#include "../../files/room.h"
#include "base/io.h"
#include "delivered.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VERIFY FXNODE__HELPER__JOB__KIND__VERIFY
#define ENDED(outcome) FXNODE__HELPER__ENDED__OUTCOME__##outcome
#define MIB (1024u * 1024u)
#define LARGE (2u * MIB + 1u)

static const char *const tree[] = {"tree", NULL};
static struct delivered delivered;
static struct delivered_said said;

static void tear_down(void) {
    delivered_close(&delivered);
}

static void write_at(const char *path, off_t offset, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
    close(fd);
}

/* Does `what` to a file and gives it back the time that it had. */
static void harm(const char *path, void (*what)(const char *path)) {
    struct stat before = room_stat(path);

    what(path);
    room_time(path, before.st_mtim.tv_sec, (uint32_t)before.st_mtim.tv_nsec);
}

static void lengthen(const char *path) {
    ck_assert_int_eq(truncate(path, room_stat(path).st_size + 1), 0);
}

static void shorten(const char *path) {
    ck_assert_int_eq(truncate(path, room_stat(path).st_size - 1), 0);
}

static void change_last(const char *path) {
    write_at(path, room_stat(path).st_size - 1, "!");
}

static void change_middle(const char *path) {
    write_at(path, MIB, "!");
}

/* Whole chunks of nothing, and one with a byte in it. */
static void make_sparse(const char *path) {
    room_write(path, "", 0);
    ck_assert_int_eq(truncate(path, 4 * MIB + 3), 0);
    write_at(path, 2 * MIB + 77, "x");
}

static void make_large(const char *path) {
    static uint8_t bytes[LARGE];

    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i >> 20 ^ i);
    room_write(path, bytes, sizeof bytes);
}

static void run(void) {
    delivered_run(&delivered, VERIFY, &said);
    ck_assert_msg(WIFEXITED(said.status) && WEXITSTATUS(said.status) == 0, "status %x",
                  (unsigned)said.status);
}

/* All was looked at; so many entries differ, which `damaged`, `modified`, `missing` and `other` add
 * up to. */
static void run_to_end(uint64_t differing) {
    const Fxnode__Helper__Checked *checked = &said.checked;

    run();
    ck_assert_msg(said.outcome == ENDED(COMPLETE), "%s", said.text);
    ck_assert_msg(checked->damaged + checked->modified + checked->missing + checked->other ==
                      differing,
                  "%s", said.told);
}

static void check_told(const char *line) {
    ck_assert_msg(strstr(said.told, line) != NULL, "not told: %s; but: %s", line, said.told);
}

START_TEST(all_is_well) {
    bool sent = _i == 1;

    room_directory("tree");
    room_directory("tree/none");
    room_text("tree/empty", "");
    room_text("tree/\377\n", "odd\n");
    make_large("tree/large");
    room_name("tree/large", "tree/second");
    make_sparse("tree/sparse");
    room_link("nowhere", "tree/link");
    delivered_open(&delivered, sent, tree);
    run_to_end(0);
    ck_assert_str_eq(said.told, "");
    ck_assert_uint_eq(said.checked.entries, 8);
    ck_assert_uint_eq(said.checked.bytes, LARGE + 4 * MIB + 3 + 4); /* the second name is known */
    ck_assert_uint_eq(said.checked.unknown + said.checked.removed, 0);
}
END_TEST

START_TEST(more_items_than_descriptors_are_read) {
    delivered_open_many(&delivered);
    run_to_end(0);
    ck_assert_uint_eq(said.checked.entries, DELIVERED_PATHS);
}
END_TEST

START_TEST(a_tree_of_nothing) {
    room_directory("tree");
    delivered_open(&delivered, false, tree);
    run_to_end(0);
    ck_assert_uint_eq(said.checked.entries, 1);
}
END_TEST

START_TEST(damage_is_found) {
    room_directory("tree");
    make_large("tree/last");
    make_large("tree/middle");
    make_sparse("tree/hole");
    room_text("tree/long", "long\n");
    room_text("tree/short", "short\n");
    room_text("tree/empty", "");
    delivered_open(&delivered, false, tree);
    harm("tree/last", change_last);
    harm("tree/middle", change_middle);
    harm("tree/hole", change_middle);
    harm("tree/long", lengthen);
    harm("tree/short", shorten);
    harm("tree/empty", lengthen);
    run_to_end(6);
    ck_assert_uint_eq(said.checked.damaged, 6);
    check_told(
        "tree/last is damaged: its content differs in the MiB that begins at offset 2097152");
    check_told("tree/middle is damaged: its content differs in the MiB that begins at offset "
               "1048576");
    check_told(
        "tree/hole is damaged: its content differs in the MiB that begins at offset 1048576");
    check_told("tree/long has 6 bytes, not 5, though nobody modified it");
    check_told("tree/short has 5 bytes, not 6, though nobody modified it");
    check_told("tree/empty has 1 bytes, not 0");
}
END_TEST

START_TEST(a_change_is_no_damage) {
    room_directory("tree");
    room_text("tree/a", "before\n");
    room_text("tree/b", "before\n");
    room_text("tree/touched", "before\n");
    for (size_t i = 1; i < 4; i++)
        room_time(i == 1 ? "tree/a" : i == 2 ? "tree/b" : "tree/touched", 1000, 0);
    delivered_open(&delivered, false, tree);
    room_text("tree/a", "after.\n");
    room_text("tree/b", "longer by now\n");
    room_time("tree/touched", 2000, 0);
    run_to_end(2);
    ck_assert_uint_eq(said.checked.modified, 2);
    check_told("tree/a was modified since");
    check_told("tree/b has 14 bytes, not 7: it was modified since");
}
END_TEST

/* Of a file with two names that are two files by now, each is read. */
START_TEST(names_of_one_file_that_are_two) {
    room_directory("tree");
    room_text("tree/a", "same\n");
    room_name("tree/a", "tree/b");
    room_time("tree/a", 1000, 0);
    delivered_open(&delivered, false, tree);
    ck_assert_int_eq(unlink("tree/b"), 0);
    room_text("tree/b", "SAME\n");
    room_time("tree/b", 1000, 0);
    run_to_end(1);
    check_told("tree/b is damaged");
}
END_TEST

/* A name that stands for a file that was read, but another one than it was a name of. */
START_TEST(a_name_of_another_file) {
    static const char *const names[] = {"tree/a", "tree/b", "tree/y", "tree/z"};

    room_directory("tree");
    room_text("tree/a", "first\n");
    room_text("tree/b", "other\n");
    room_name("tree/b", "tree/y");
    room_name("tree/a", "tree/z");
    for (size_t i = 0; i < 4; i++)
        room_time(names[i], 1000, 0);
    delivered_open(&delivered, false, tree);
    ck_assert_int_eq(unlink("tree/z"), 0);
    room_name("tree/b", "tree/z");
    run_to_end(1);
    check_told("tree/z is damaged");
}
END_TEST

START_TEST(what_is_something_else) {
    room_directory("tree");
    room_text("tree/gone", "gone\n");
    room_text("tree/directory", "was a file\n");
    room_text("tree/link", "was a file\n");
    room_directory("tree/file");
    room_link("here", "tree/leads");
    room_link("here", "tree/real");
    room_directory("tree/sub");
    room_text("tree/sub/in", "in\n");
    delivered_open(&delivered, _i == 1, tree);
    delivered.moves = false;
    ck_assert_int_eq(unlink("tree/gone"), 0);
    ck_assert_int_eq(unlink("tree/directory"), 0);
    room_directory("tree/directory");
    ck_assert_int_eq(unlink("tree/link"), 0);
    room_text("elsewhere", "was a file\n");
    room_link("../elsewhere", "tree/link");
    ck_assert_int_eq(rmdir("tree/file"), 0);
    room_text("tree/file", "");
    ck_assert_int_eq(unlink("tree/leads"), 0);
    room_link("there", "tree/leads");
    ck_assert_int_eq(unlink("tree/real"), 0);
    room_text("tree/real", "here");
    ck_assert_int_eq(rename("tree/sub", "moved"), 0);
    room_link("../moved", "tree/sub"); /* the same, but through a link */
    run_to_end(8);
    ck_assert_uint_eq(said.checked.missing, 1);
    check_told("tree/gone is missing");
    check_told("tree/directory is no longer what was");
    check_told("tree/link is no longer what was");
    check_told("tree/file is no longer what was");
    check_told("tree/leads leads elsewhere");
    check_told("tree/real is no longer what was");
    check_told("tree/sub is no longer what was");
    check_told("tree/sub/in is no longer what was");
}
END_TEST

/* Opening a pipe lets somebody go on who waits for a reader. */
START_TEST(a_pipe_is_not_opened) {
    char event[sizeof(struct inotify_event) + 256];
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    room_directory("tree");
    room_text("tree/a", "a\n");
    delivered_open(&delivered, false, tree);
    ck_assert_int_eq(unlink("tree/a"), 0);
    ck_assert_int_eq(mkfifo("tree/a", 0600), 0);
    ck_assert_int_ge(inotify_add_watch(watch, "tree/a", IN_OPEN), 0);
    run_to_end(1);
    check_told("tree/a is no longer what was delivered");
    ck_assert_int_lt(read(watch, event, sizeof event), 0);
    close(watch);
}
END_TEST

START_TEST(what_a_link_leads_to_was_sent) {
    room_directory("real");
    room_text("real/a", "a\n");
    room_link("real", "tree");
    delivered_open(&delivered, true, tree);
    run_to_end(0);
    ck_assert_uint_eq(said.checked.bytes, 2);
    harm("real/a", change_last);
    run_to_end(1);
    check_told("tree/a is damaged");
}
END_TEST

START_TEST(what_has_moved_is_not_missing) {
    room_directory("tree");
    room_text("tree/a", "a\n");
    room_text("tree/b", "b\n");
    delivered_open(&delivered, true, tree);
    ck_assert_int_eq(unlink("tree/a"), 0);
    run_to_end(0);
    ck_assert_uint_eq(said.checked.removed, 1);
    delivered.moves = false;
    run_to_end(1);
    ck_assert_uint_eq(said.checked.missing, 1);
}
END_TEST

/* A whole item, and one file in another, have other names here. */
START_TEST(other_names) {
    static const char *const both[] = {"tree", "single", NULL};

    room_directory("tree");
    room_text("tree/a", "a\n");
    room_directory("tree/sub");
    room_text("tree/sub/b", "b\n");
    room_text("single", "single\n");
    delivered_open(&delivered, false, both);
    ck_assert_int_eq(receipt_marks_add_name(&delivered.marks, delivered_number(&delivered, "tree"),
                                            "tree (2)", 8),
                     0);
    ck_assert_int_eq(receipt_marks_add_name(&delivered.marks,
                                            delivered_number(&delivered, "single"), "single (3)",
                                            10),
                     0);
    ck_assert_int_eq(rename("tree", "tree (2)"), 0);
    ck_assert_int_eq(rename("single", "single (3)"), 0);
    run_to_end(0);
    harm("tree (2)/sub/b", change_last);
    harm("single (3)", change_last);
    run_to_end(2);
    check_told("tree (2)/sub/b, sent as tree/sub/b, is damaged");
    check_told("single (3), sent as single, is damaged");
}
END_TEST

START_TEST(what_is_not_known) {
    static const uint8_t none[LIMIT_CHUNK_HASH];

    room_directory("tree");
    room_text("tree/failed", "");
    room_text("tree/theirs", "theirs\n");
    room_text("tree/unknown", "unknown\n");
    room_link("/outside", "tree/left");
    delivered_open(&delivered, false, tree);
    /* Of the last one; there are hashes of what came instead of the receiver's own. */
    ck_assert_int_eq(
        io_pwrite_full(delivered.receipt, none, sizeof none, delivered.layout.stamps - sizeof none),
        0);
    harm("tree/theirs", change_last);
    rangeset_add(&delivered.marks.failed, delivered_number(&delivered, "tree/failed"), 1);
    rangeset_add(&delivered.marks.theirs, delivered_number(&delivered, "tree/theirs"), 1);
    rangeset_add(&delivered.marks.left_out, delivered_number(&delivered, "tree/left"), 1);
    ck_assert_int_eq(unlink("tree/failed"), 0);
    ck_assert_int_eq(unlink("tree/left"), 0);
    run_to_end(0);
    ck_assert_uint_eq(said.checked.entries, 3);
    ck_assert_uint_eq(said.checked.unknown, 2);
    ck_assert_uint_eq(said.checked.bytes, 0);
    harm("tree/theirs", lengthen);
    run_to_end(1);
}
END_TEST

/* After an interruption only files are known to be there. */
START_TEST(what_was_left_open) {
    room_directory("tree");
    room_link("a", "tree/link");
    room_text("tree/a", "a\n");
    delivered_open(&delivered, false, tree);
    delivered.marks.unsure = true;
    ck_assert_int_eq(unlink("tree/link"), 0);
    run_to_end(0);
    ck_assert_int_eq(unlink("tree/a"), 0);
    run_to_end(1);
}
END_TEST

START_TEST(in_a_directory_below) {
    room_directory("below");
    ck_assert_int_eq(chdir("below"), 0);
    room_directory("tree");
    room_text("tree/a", "a\n");
    ck_assert_int_eq(chdir(".."), 0);
    ck_assert_int_eq(symlink("below/tree", "tree"), 0);
    delivered_open(&delivered, false, tree);
    ck_assert_int_eq(unlink("tree"), 0);
    strcpy(delivered.directory, "below");
    run_to_end(0);
    ck_assert_int_eq(rename("below", "elsewhere"), 0);
    run();
    ck_assert_int_eq(said.outcome, ENDED(FAILED));
    ck_assert_ptr_nonnull(strstr(said.text, "/below, where the transfer was received"));
    room_link("elsewhere", "below");
    run();
    ck_assert_int_eq(said.outcome, ENDED(FAILED));
}
END_TEST

START_TEST(it_is_stopped) {
    room_directory("tree");
    delivered_open(&delivered, false, tree);
    delivered.stopped = true;
    run();
    ck_assert_int_eq(said.outcome, ENDED(FAILED));
}
END_TEST

static void add_tests(TCase *t) {
    tcase_add_loop_test(t, all_is_well, 0, 2);
    tcase_add_test(t, more_items_than_descriptors_are_read);
    tcase_add_test(t, a_tree_of_nothing);
    tcase_add_test(t, damage_is_found);
    tcase_add_test(t, a_change_is_no_damage);
    tcase_add_test(t, names_of_one_file_that_are_two);
    tcase_add_test(t, a_name_of_another_file);
    tcase_add_loop_test(t, what_is_something_else, 0, 2);
    tcase_add_test(t, a_pipe_is_not_opened);
    tcase_add_test(t, what_a_link_leads_to_was_sent);
    tcase_add_test(t, what_has_moved_is_not_missing);
    tcase_add_test(t, other_names);
    tcase_add_test(t, what_is_not_known);
    tcase_add_test(t, what_was_left_open);
    tcase_add_test(t, in_a_directory_below);
    tcase_add_test(t, it_is_stopped);
}

int main(void) {
    Suite *suite = suite_create("session-verify");
    TCase *tests = room_case("verify");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_add_checked_fixture(tests, NULL, tear_down);
    add_tests(tests);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
