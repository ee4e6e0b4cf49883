#include "files/clean.h"
#include "arrival.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static void clean(int expected) {
    int result = clean_staging(arrival, &room_fail);
    ck_assert_msg(result == expected, "%d: %s", result, room_fail.text);
}

START_TEST(test_removes_exactly_itself) {
    struct staging *other = NULL;
    arrival_open(false);
    room_text("in/mine", "kept");
    ck_assert_int_eq(staging_open(&other, arrival_destination, 8, true, &room_fail), 0);
    arrival_folder(room_folder("d", 0755));
    arrival_file(room_file("d/a", 1), 0, "x");
    clean(0);
    ck_assert(!room_exists(ARRIVAL));
    ck_assert(room_exists("in/.fxnode/8/tree"));
    ck_assert(room_says("in/mine", "kept"));
    staging_close(other);
    arrival_close();
}
END_TEST

START_TEST(test_the_last_one_removes_the_area) {
    arrival_open(false);
    clean(0);
    arrival_close();
    ck_assert_uint_eq(room_count("in"), 0);
}
END_TEST

START_TEST(test_an_area_in_use_stays) {
    struct destination *other = NULL;
    arrival_open(false);
    ck_assert_int_eq(destination_open(&other, room_path("in"), "", &room_fail), 0);
    clean(0);
    ck_assert_uint_eq(room_count("in/.fxnode"), 0);
    arrival_close();
    destination_close(other);
}
END_TEST

START_TEST(test_links_are_not_followed) {
    room_directory("victim");
    room_text("victim/file", "unharmed");
    room_text("file", "unharmed");
    arrival_open(false);
    room_link(room_path("victim"), ARRIVAL_TREE "absolute");
    room_link("../../../../victim", ARRIVAL_TREE "relative");
    room_link("../../../../file", ARRIVAL_TREE "file");
    room_link("../../../victim", ARRIVAL "/odd");
    ck_assert_int_eq(link("file", ARRIVAL_TREE "second"), 0);
    clean(0);
    ck_assert(!room_exists(ARRIVAL));
    ck_assert(room_says("victim/file", "unharmed"));
    ck_assert(room_says("file", "unharmed"));
    arrival_close();
}
END_TEST

START_TEST(test_closed_directories_are_removed) {
    room_become_user();
    arrival_open(false);
    arrival_folder(room_folder("d", 0));
    arrival_folder(room_folder("d/e", 0500));
    arrival_file(room_file("d/e/a", 1), 0, "x");
    ck_assert_int_eq(chmod(ARRIVAL_TREE "d/e", 0500), 0);
    ck_assert_int_eq(chmod(ARRIVAL_TREE "d", 0), 0);
    clean(0);
    ck_assert(!room_exists(ARRIVAL));
    arrival_close();
}
END_TEST

START_TEST(test_deepest_trees_are_removed) {
    static char path[2 * LIMIT_DEPTH + 1];
    arrival_open(false);
    memset(path, '/', sizeof(path) - 1);
    for (size_t depth = 0; depth < LIMIT_DEPTH; depth++) {
        path[2 * depth] = 'a';
        struct entry entry = room_folder(path, 0700);
        entry.path_length = 2 * depth + 1;
        arrival_folder(entry);
    }
    clean(0);
    ck_assert(!room_exists(ARRIVAL));
    arrival_close();
}
END_TEST

/* Nothing of what somebody mounted below a staging directory is touched, of whatever file system.
 */
START_TEST(test_mounts_are_not_entered) {
    room_directory("small");
    room_directory("victim");
    room_text("victim/file", "unharmed");
    if (!room_mount("small", 1u << 20))
        return;
    arrival_open(false);
    arrival_folder(room_folder("d", 0755));
    room_text("small/file", "unharmed");
    const char *mounted = _i != 0 ? "small" : "victim";
    ck_assert_int_eq(mount(mounted, ARRIVAL_TREE "d", NULL, MS_BIND, NULL), 0);
    clean(-EXDEV);
    ck_assert(room_says(ARRIVAL_TREE "d/file", "unharmed"));
    ck_assert_int_eq(umount(ARRIVAL_TREE "d"), 0);
    clean(0);
    ck_assert(room_says("victim/file", "unharmed") && room_says("small/file", "unharmed"));
    arrival_close();
}
END_TEST

/* An interrupted clean-up has left the lock for last, so it can be opened and cleaned again. */
START_TEST(test_can_be_repeated) {
    arrival_open(false);
    arrival_close();
    ck_assert_int_eq(rmdir(ARRIVAL "/tree"), 0);
    ck_assert_int_eq(unlink(ARRIVAL "/hashes"), 0);
    arrival_open(false);
    clean(0);
    arrival_close();
    ck_assert_uint_eq(room_count("in"), 0);
}
END_TEST

Suite *suite_clean(void) {
    Suite *suite = suite_create("clean");
    TCase *tc = room_case("clean");
    tcase_add_test(tc, test_removes_exactly_itself);
    tcase_add_test(tc, test_the_last_one_removes_the_area);
    tcase_add_test(tc, test_an_area_in_use_stays);
    tcase_add_test(tc, test_links_are_not_followed);
    tcase_add_test(tc, test_closed_directories_are_removed);
    tcase_add_test(tc, test_deepest_trees_are_removed);
    tcase_add_loop_test(tc, test_mounts_are_not_entered, 0, 2);
    tcase_add_test(tc, test_can_be_repeated);
    suite_add_tcase(suite, tc);
    return suite;
}
