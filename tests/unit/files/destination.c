/* The directory of one peer, below that for received files. */
#include "files/destination.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static struct destination *opened;

static int open_below(const char *directory) {
    opened = NULL;
    return destination_open(&opened, room_path("in"), directory, &room_fail);
}

START_TEST(test_makes_all_levels) {
    ck_assert_int_eq(open_below("a/b"), 0);
    ck_assert_uint_eq(room_stat("in/a/b").st_mode & 0777, 0755);
    ck_assert_uint_eq(room_stat("in/a/b/.fxnode").st_mode & 0777, 0700);
    ck_assert(!room_exists("in/.fxnode"));
    ck_assert_str_eq(destination_shown(opened), room_path("in/a/b"));
    destination_close(opened);
    ck_assert(!room_exists("in/a/b/.fxnode"));
}
END_TEST

START_TEST(test_takes_what_is_there) {
    struct stat st;
    room_directory("in");
    room_directory("in/a");
    ck_assert_int_eq(open_below("a"), 0);
    ck_assert_int_eq(fstat(destination_fd(opened), &st), 0);
    ck_assert_uint_eq(st.st_ino, room_stat("in/a").st_ino);
    destination_close(opened);
}
END_TEST

START_TEST(test_links_are_followed_above_only) {
    room_directory("real");
    room_link("real", "in");
    ck_assert_int_eq(open_below("a"), 0);
    ck_assert(room_exists("real/a/.fxnode"));
    destination_close(opened);
}
END_TEST

/* Each leads to a directory outside, some of it to one that is not there yet. */
static void last_is_link(void) {
    room_directory("in/a");
    room_link("../../outside", "in/a/b");
}
static void first_is_link(void) {
    room_link("../outside", "in/a");
}
static void link_to_missing(void) {
    room_link("../outside/missing", "in/a");
}
static void link_within(void) {
    room_directory("in/c");
    room_link("c", "in/a");
}
static void absolute_link(void) {
    room_link(room_path("outside"), "in/a");
}
static void file_in_the_way(void) {
    room_text("in/a", "mine");
}
static void (*const OBSTACLES[])(void) = {last_is_link, first_is_link, link_to_missing,
                                          link_within,  absolute_link, file_in_the_way};

START_TEST(test_what_leads_elsewhere_is_refused) {
    room_directory("in");
    room_directory("outside");
    OBSTACLES[_i]();
    ck_assert_int_lt(open_below("a/b"), 0);
    ck_assert_ptr_null(opened);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "/in/a/b is no directory"));
    ck_assert_uint_eq(room_count("outside"), 0);
    ck_assert(!room_exists("in/c/b"));
    ck_assert(!room_exists("in/.fxnode"));
}
END_TEST

static const char *const FAULTY[] = {"..", "a/../..", "/etc", ".fxnode", "a/.fxnode", "a/", "./a"};

START_TEST(test_faulty_directories_are_refused) {
    room_directory("in");
    ck_assert_int_eq(open_below(FAULTY[_i]), -EINVAL);
    ck_assert_uint_eq(room_count("in"), 0);
}
END_TEST

START_TEST(test_an_unwritable_level_is_named) {
    room_become_user();
    room_directory("in");
    room_directory("in/a");
    ck_assert_int_eq(chmod("in/a", 0555), 0);
    ck_assert_int_eq(open_below("a/b"), -EACCES);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "/in/a/b"));
}
END_TEST

/* Some network and in-memory file systems count no blocks at all: that is not the same as full. */
START_TEST(test_unknown_space_is_not_none) {
    uint64_t bytes = 0;
    room_directory("in");
    if (!room_mount("in", 1u << 20))
        return;
    ck_assert_int_eq(open_below(""), 0);
    ck_assert_int_eq(destination_free_bytes(opened, &bytes), 0);
    ck_assert_uint_gt(bytes, 0);
    ck_assert_uint_le(bytes, 1u << 20);
    destination_close(opened);
    ck_assert_int_eq(mount("ramfs", "in", "ramfs", 0, NULL), 0);
    ck_assert_int_eq(open_below(""), 0);
    ck_assert_int_eq(destination_free_bytes(opened, &bytes), 0);
    ck_assert_uint_eq(bytes, UINT64_MAX);
    destination_close(opened);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

Suite *suite_destination(void) {
    Suite *suite = suite_create("destination");
    TCase *tc = room_case("destination");
    tcase_add_test(tc, test_makes_all_levels);
    tcase_add_test(tc, test_takes_what_is_there);
    tcase_add_test(tc, test_links_are_followed_above_only);
    tcase_add_loop_test(tc, test_what_leads_elsewhere_is_refused, 0, COUNT(OBSTACLES));
    tcase_add_loop_test(tc, test_faulty_directories_are_refused, 0, COUNT(FAULTY));
    tcase_add_test(tc, test_an_unwritable_level_is_named);
    tcase_add_test(tc, test_unknown_space_is_not_none);
    suite_add_tcase(suite, tc);
    return suite;
}
