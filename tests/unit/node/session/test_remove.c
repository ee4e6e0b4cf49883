/* What was sent is removed: all that is as it was, and nothing else whatever stands there now.
 * Directories of what stays are neither named nor counted. */

#include "../../files/room.h"
#include "base/io.h"
#include "removal.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE (2u * 1024u * 1024u + 1u)

static void tear_down(void) {
    delivered_close(&removal_sent);
}

/* A file whose every chunk has bytes of its own. */
static void make_large(const char *path) {
    static uint8_t bytes[LARGE];

    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i >> 20 ^ i);
    room_write(path, bytes, sizeof bytes);
}

/* The same bytes and times but for that of change; then what is kept says the same of that. */
static void forge(const char *path) {
    struct stat st = room_stat(path);
    uint32_t number = delivered_number(&removal_sent, path);

    removal_sent.stamps[number] = stamps_of(&st);
    removal_sent.stamps[number].fresh = true;
    delivered_stamp(&removal_sent);
}

/* Writes `text` at `offset`, and no time of modification tells. */
static void overwrite(const char *path, off_t offset, const char *text) {
    struct stat before = room_stat(path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
    close(fd);
    room_time(path, before.st_mtim.tv_sec, (uint32_t)before.st_mtim.tv_nsec);
}

START_TEST(all_goes) {
    static const char *const both[] = {"tree", "single", NULL};
    static const char longest[] = "tree/"
                                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    room_directory("tree");
    room_directory("tree/none");
    room_text("tree/\377\n", "odd\n");
    room_text(longest, "long\n");
    room_text("tree/..a", "dots\n");
    make_large("tree/large");
    room_name("tree/large", "tree/second");
    room_name("tree/large", "outside");
    room_text("single", "single\n");
    ck_assert_int_eq(chmod("tree/..a", 0), 0);
    delivered_open(&removal_sent, true, both);
    removal_run_to_end(8, 0);
    ck_assert_str_eq(removal_said.told, "");
    ck_assert(!room_exists("tree") && !room_exists("single"));
    ck_assert_uint_eq((uint64_t)room_stat("outside").st_size, LARGE);
    removal_run_to_end(8, 0); /* all of it can be done again */
}
END_TEST

START_TEST(nothing_goes_in_doubt) {
    removal_make_small();
    removal_sent.marks.exact = false;
    removal_run_to_end(0, 4);
    removal_check_stays("tree/sub/b", "the receiver does not say that its files are exactly");
    removal_sent.marks.exact = removal_sent.marks.unsure = true;
    removal_run_to_end(0, 4);
    removal_check_stays("tree/a", "it is not known what exactly was delivered");
    removal_sent.marks.unsure = false;
    removal_sent.failed = 1; /* which? */
    removal_run_to_end(0, 4);
    removal_check_stays("tree/a", "the receiver has not taken everything, and does not say what");
    ck_assert_uint_eq(room_count("tree"), 4);
}
END_TEST

START_TEST(what_was_not_delivered_stays) {
    removal_make_small();
    ck_assert_int_eq(
        rangeset_add(&removal_sent.marks.failed, delivered_number(&removal_sent, "tree/a"), 1), 0);
    ck_assert_int_eq(
        rangeset_add(&removal_sent.marks.left_out, delivered_number(&removal_sent, "tree/link"), 1),
        0);
    ck_assert_int_eq(
        rangeset_add(&removal_sent.marks.theirs, delivered_number(&removal_sent, "tree/sub/b"), 1),
        0);
    removal_sent.failed = 2;
    removal_run_to_end(1, 3);
    removal_check_stays("tree/a", "it was not delivered");
    removal_check_stays("tree/link", "the receiver has left it out");
    removal_check_stays("tree/sub/b", "the receiver had a file of this size and time");
    ck_assert(!room_exists("tree/empty"));
}
END_TEST

START_TEST(without_its_attributes_it_stays) {
    room_directory("tree");
    room_text("tree/with", "with\n");
    room_text("tree/without", "without\n");
    if (!room_attribute("tree/with", "user.a", "b"))
        return;
    delivered_open(&removal_sent, true, removal_tree);
    removal_sent.marks.lacking = 1;
    removal_run_to_end(1, 1);
    removal_check_stays("tree/with", "it may have arrived without some of its extended attributes");
}
END_TEST

START_TEST(what_was_not_sent_whole_stays) {
    room_directory("tree");
    room_text("tree/a", "a\n");
    room_name("tree/a", "tree/b");
    room_text("tree/c", "c\n");
    delivered_open(&removal_sent, true, removal_tree);
    removal_sent.stamps[delivered_number(&removal_sent, "tree/a")].partial = true;
    delivered_stamp(&removal_sent);
    removal_run_to_end(1, 2);
    removal_check_stays("tree/a", "it was sent without some of its extended attributes");
    removal_check_stays("tree/b", "it was sent without some of its extended attributes");
}
END_TEST

START_TEST(what_was_changed_stays) {
    removal_make_small();
    overwrite("tree/a", 0, "A\n");
    ck_assert_int_eq(truncate("tree/empty", 1), 0);
    ck_assert_int_eq(unlink("tree/link"), 0);
    room_link("b", "tree/link");
    ck_assert_int_eq(chmod("tree/sub/b", 0600), 0);
    removal_run_to_end(0, 4);
    removal_check_stays("tree/a", "it was changed since it was sent");
    removal_check_stays("tree/empty", "it was changed since it was sent");
    removal_check_stays("tree/link", "it was changed since it was sent");
    removal_check_stays("tree/sub/b", "it was changed since it was sent");
}
END_TEST

START_TEST(what_is_something_else_stays) {
    removal_make_small();
    ck_assert_int_eq(rename("tree/a", "kept"), 0);
    room_link("../kept", "tree/a");
    ck_assert_int_eq(unlink("tree/empty"), 0);
    room_directory("tree/empty");
    ck_assert_int_eq(unlink("tree/link"), 0);
    room_text("tree/link", "a");
    removal_run_to_end(2, 3);
    removal_check_stays("tree/a", "something else has its name");
    removal_check_stays("tree/empty", "something else has its name");
    removal_check_stays("tree/link", "it was changed since it was sent");
    ck_assert(room_says("kept", "a\n"));
}
END_TEST

/* The inode of a link that is gone may be that of another at once, and at the same time. */
START_TEST(a_link_that_leads_elsewhere_stays) {
    removal_make_small();
    ck_assert_int_eq(unlink("tree/link"), 0);
    room_link("b", "tree/link");
    forge("tree/link");
    removal_run_to_end(4, 1);
    removal_check_stays("tree/link", "it was changed since it was sent");
}
END_TEST

START_TEST(another_directory_stays) {
    removal_make_small();
    room_directory("other");
    ck_assert_int_eq(rename("tree/sub", "kept"), 0);
    ck_assert_int_eq(rename("other", "tree/sub"), 0);
    removal_run_to_end(4, 1);
    removal_check_stays("tree/sub", "something else has its name");
    ck_assert(room_says("kept/b", "b\n"));
}
END_TEST

/* A copy with all its times is another file. */
START_TEST(a_copy_stays) {
    struct stat st;

    removal_make_small();
    st = room_stat("tree/a");
    room_text("copy", "a\n");
    room_time("copy", st.st_mtim.tv_sec, (uint32_t)st.st_mtim.tv_nsec);
    ck_assert_int_eq(rename("copy", "tree/a"), 0);
    removal_run_to_end(4, 1);
    removal_check_stays("tree/a", "it was changed since it was sent");
}
END_TEST

/* Of what is gone the directory is looked at: it may lead elsewhere by now. */
START_TEST(a_directory_replaced_by_a_link_leads_nowhere) {
    removal_make_small();
    ck_assert_int_eq(rename("tree/sub", "kept"), 0);
    room_link("../kept", "tree/sub");
    removal_run_to_end(3, 1);
    removal_check_stays("tree/sub/b", "something else is where its directory was");
    ck_assert(room_says("kept/b", "b\n"));
    ck_assert(room_exists("tree/sub"));
}
END_TEST

START_TEST(an_item_replaced_by_a_link_leads_nowhere) {
    removal_make_small();
    ck_assert_int_eq(rename("tree", "kept"), 0);
    room_link("kept", "tree");
    removal_run_to_end(0, 4);
    removal_check_stays("tree/a", "a symbolic link leads to it");
    ck_assert_uint_eq(room_count("kept"), 4);
}
END_TEST

START_TEST(an_item_given_as_a_link_stays) {
    room_directory("kept");
    room_text("kept/a", "a\n");
    room_link("kept", "tree");
    delivered_open(&removal_sent, true, removal_tree);
    removal_run_to_end(0, 1);
    removal_check_stays("tree/a", "a symbolic link leads to it");
    ck_assert(room_says("kept/a", "a\n"));
}
END_TEST

START_TEST(what_was_added_stays) {
    removal_make_small();
    room_text("tree/sub/new", "new\n");
    removal_run_to_end(4, 1);
    removal_check_stays("tree/sub", "there is something in it that was not sent");
    ck_assert(room_says("tree/sub/new", "new\n"));
}
END_TEST

/* Where the time of change does not tell, each byte does. */
START_TEST(fresh_ones_are_read_again) {
    static const char *const names[] = {"tree/first", "tree/last", "tree/same", "tree/short"};

    room_directory("tree");
    for (size_t i = 0; i < 4; i++)
        make_large(names[i]);
    delivered_open(&removal_sent, true, removal_tree);
    overwrite("tree/first", 0, "\1");
    overwrite("tree/last", LARGE - 1, "\1");
    overwrite("tree/same", LARGE - 1, "\2");
    ck_assert_int_eq(truncate("tree/short", LARGE - 1), 0);
    for (size_t i = 0; i < 4; i++)
        forge(names[i]);
    removal_run_to_end(1, 3);
    removal_check_stays("tree/first", "it was changed since it was sent");
    removal_check_stays("tree/last", "it was changed since it was sent");
    removal_check_stays("tree/short", "it was changed since it was sent");
}
END_TEST

START_TEST(what_cannot_be_compared_stays) {
    static const uint8_t none[LIMIT_CHUNK_HASH];

    removal_make_small();
    for (uint64_t at = removal_sent.layout.hashes; at < removal_sent.layout.stamps;
         at += sizeof none)
        ck_assert_int_eq(io_pwrite_full(removal_sent.receipt, none, sizeof none, at), 0);
    forge("tree/a");
    forge("tree/empty"); /* of which nothing need be compared */
    removal_run_to_end(4, 1);
    removal_check_stays("tree/a", "its content cannot be compared");
}
END_TEST

/* A name more changes the time of change of all of them. */
START_TEST(names_of_one_file_are_compared_by_content) {
    room_directory("tree");
    make_large("tree/a");
    room_name("tree/a", "tree/b");
    room_name("tree/a", "tree/c");
    delivered_open(&removal_sent, true, removal_tree);
    room_name("tree/a", "more");
    removal_run_to_end(4, 0);
    ck_assert_uint_eq((uint64_t)room_stat("more").st_size, LARGE);
}
END_TEST

/* Others than those of one file are not taken for changed by the removal of names. */
START_TEST(names_of_one_file_excuse_no_change) {
    room_directory("tree");
    room_text("tree/a", "a\n");
    room_name("tree/a", "tree/b");
    room_text("tree/c", "c\n");
    room_text("tree/d", "d\n");
    room_name("tree/d", "tree/e");
    delivered_open(&removal_sent, true, removal_tree);
    ck_assert_int_eq(chmod("tree/a", 0600), 0);
    ck_assert_int_eq(chmod("tree/c", 0600), 0);
    removal_run_to_end(2, 3);
    removal_check_stays("tree/a", "it was changed since it was sent");
    removal_check_stays("tree/b", "it was changed since it was sent");
    removal_check_stays("tree/c", "it was changed since it was sent");
}
END_TEST

START_TEST(a_name_of_another_file_stays) {
    room_directory("tree");
    room_text("tree/a", "same\n");
    room_name("tree/a", "tree/b");
    delivered_open(&removal_sent, true, removal_tree);
    ck_assert_int_eq(unlink("tree/b"), 0);
    room_text("tree/b", "same\n");
    removal_run_to_end(1, 1);
    removal_check_stays("tree/b", "it was changed since it was sent");
}
END_TEST

/* Opening a pipe lets somebody go on who waits for a reader. */
START_TEST(a_pipe_is_not_opened) {
    char event[sizeof(struct inotify_event) + 256];
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    removal_make_small();
    ck_assert_int_eq(unlink("tree/a"), 0);
    ck_assert_int_eq(mkfifo("tree/a", 0600), 0);
    ck_assert_int_ge(inotify_add_watch(watch, "tree/a", IN_OPEN), 0);
    removal_run_to_end(4, 1);
    removal_check_stays("tree/a", "something else has its name");
    ck_assert_int_lt(read(watch, event, sizeof event), 0);
    close(watch);
}
END_TEST

/* What it writes next would be in no file. */
START_TEST(what_somebody_writes_stays) {
    int fd = -1;

    room_text("other", "");
    fd = open("other", O_RDONLY | O_CLOEXEC);
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) {
        printf("SKIPPED: probe: no leases here: %s\n", strerror(errno));
        return;
    }
    close(fd);
    removal_make_small();
    fd = open("tree/a", O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    removal_run_to_end(4, 1);
    removal_check_stays("tree/a", "somebody has it open for writing");
    close(fd);
    removal_run_to_end(6, 0);
}
END_TEST

/* Only the first write to a page of memory changes the times of its file, and in a file system that
 * is in memory no later one does. */
START_TEST(what_was_written_by_memory_stays) {
    char *page = NULL;
    int fd = -1;

    room_directory("tree");
    if (!room_mount("tree", 1u << 20))
        return;
    room_text("tree/a", "before\n");
    fd = open("tree/a", O_RDWR | O_CLOEXEC);
    page = mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    page[0] = 'b';
    delivered_open(&removal_sent, true, removal_tree);
    memcpy(page, "BEFORE", 6);
    munmap(page, 7);
    close(fd);
    removal_run_to_end(0, 1);
    removal_check_stays("tree/a", "it was changed since it was sent");
}
END_TEST

static void add_tests(TCase *t) {
    tcase_add_test(t, all_goes);
    tcase_add_test(t, nothing_goes_in_doubt);
    tcase_add_test(t, what_was_not_delivered_stays);
    tcase_add_test(t, without_its_attributes_it_stays);
    tcase_add_test(t, what_was_not_sent_whole_stays);
    tcase_add_test(t, what_was_changed_stays);
    tcase_add_test(t, what_is_something_else_stays);
    tcase_add_test(t, a_link_that_leads_elsewhere_stays);
    tcase_add_test(t, another_directory_stays);
    tcase_add_test(t, a_copy_stays);
    tcase_add_test(t, a_directory_replaced_by_a_link_leads_nowhere);
    tcase_add_test(t, an_item_replaced_by_a_link_leads_nowhere);
    tcase_add_test(t, an_item_given_as_a_link_stays);
    tcase_add_test(t, what_was_added_stays);
    tcase_add_test(t, fresh_ones_are_read_again);
    tcase_add_test(t, what_cannot_be_compared_stays);
    tcase_add_test(t, names_of_one_file_are_compared_by_content);
    tcase_add_test(t, names_of_one_file_excuse_no_change);
    tcase_add_test(t, a_name_of_another_file_stays);
    tcase_add_test(t, a_pipe_is_not_opened);
    tcase_add_test(t, what_somebody_writes_stays);
    tcase_add_test(t, what_was_written_by_memory_stays);
}

int main(void) {
    Suite *suite = suite_create("session-remove");
    TCase *tests = room_case("remove");
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
