#include "files/merge.h"
#include "arrival.h"
#include "files/skipped.h"
#include "room.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static struct merge *merge;

/* Directory "d" with "d/a.txt", "d/sub" of mode `mode` and "d/sub/b", each file saying "new". */
#define ENTRIES 4
static struct entry entries[ENTRIES];

static void stage(uint32_t mode) {
    entries[0] = room_folder("d", 0755);
    entries[1] = room_file("d/a.txt", 3);
    entries[2] = room_folder("d/sub", mode);
    entries[3] = room_file("d/sub/b", 3);
    arrival_folder(entries[0]);
    arrival_file(entries[1], 0, "new");
    arrival_folder(entries[2]);
    arrival_file(entries[3], 1, "new");
    ck_assert_int_eq(arrival_finish(entries, ENTRIES), 0);
}

static void begin(bool replaces) {
    ck_assert_int_eq(merge_new(&merge, arrival, replaces), 0);
}

static void end(void) {
    merge_free(merge);
    arrival_close();
}

static void expect(unsigned entry, int outcome) {
    int result = merge_entry(merge, &entries[entry], &room_fail);
    ck_assert_msg(result == outcome, "%d: %s", result, room_fail.text);
}

static void expect_beside(unsigned entry, const char *name) {
    char final[LIMIT_COMPONENT + 1];
    int result = merge_beside(merge, &entries[entry], final, &room_fail);
    ck_assert_msg(result == MERGE_PLACED, "%d: %s", result, room_fail.text);
    ck_assert_str_eq(final, name);
}

START_TEST(test_goes_into_what_exists) {
    arrival_open(_i != 0);
    room_directory("in/d");
    room_text("in/d/mine", "old");
    stage(0755);
    begin(false);
    expect(0, MERGE_INSIDE);
    expect(1, MERGE_PLACED);
    expect(2, MERGE_PLACED);
    expect(3, MERGE_GONE);
    ck_assert_int_eq(merge_sync(merge, &room_fail), 0);
    ck_assert(room_says("in/d/a.txt", "new"));
    ck_assert(room_says("in/d/sub/b", "new"));
    ck_assert(room_says("in/d/mine", "old"));
    ck_assert_uint_eq(room_stat("in/d/a.txt").st_nlink, 1);
    ck_assert_int_eq(room_stat("in/d/sub").st_mtim.tv_sec, 900000000);
    end();
}
END_TEST

START_TEST(test_files_beside_or_over) {
    arrival_open(_i % 2 != 0);
    bool replaces = _i / 2 != 0;
    room_directory("in/d");
    room_text("in/d/a.txt", "older");
    room_name("in/d/a.txt", "in/other");
    stage(0755);
    begin(replaces);
    expect(0, MERGE_INSIDE);
    expect(1, replaces ? MERGE_REPLACED : MERGE_UNFIT);
    if (!replaces)
        expect_beside(1, "a (2).txt");
    expect(1, MERGE_GONE);
    ck_assert(room_says("in/other", "older"));
    ck_assert(room_says("in/d/a.txt", replaces ? "new" : "older"));
    ck_assert_int_eq(room_exists("in/d/a (2).txt"), !replaces);
    end();
}
END_TEST

/* Size and time decide, to the nanosecond. */
START_TEST(test_what_is_the_same) {
    arrival_open(false);
    room_directory("in/d");
    room_text("in/d/a.txt", "old");
    stage(0755);
    begin(true);
    expect(0, MERGE_INSIDE);
    ck_assert(!merge_has(merge, &entries[1]));
    room_time("in/d/a.txt", entries[1].mtime_s, entries[1].mtime_ns);
    ck_assert(merge_has(merge, &entries[1]));
    expect(1, MERGE_SAME);
    ck_assert(room_says("in/d/a.txt", "old"));
    room_time("in/d/a.txt", entries[1].mtime_s, entries[1].mtime_ns + 1);
    expect(1, MERGE_REPLACED);
    ck_assert(room_says("in/d/a.txt", "new"));
    end();
}
END_TEST

/* Neither through a link in place of a directory, nor over one in place of a file. */
START_TEST(test_links_are_not_followed) {
    arrival_open(_i != 0);
    room_directory("elsewhere");
    room_text("elsewhere/a.txt", "old");
    room_link("../elsewhere", "in/d");
    stage(0755);
    begin(true);
    ck_assert(!merge_has(merge, &entries[1]));
    expect(0, MERGE_UNFIT);
    ck_assert_int_lt(merge_entry(merge, &entries[1], &room_fail), 0);
    ck_assert_int_eq(unlink("in/d"), 0);
    room_directory("in/d");
    room_link("../../elsewhere/a.txt", "in/d/a.txt");
    expect(0, MERGE_INSIDE);
    expect(1, MERGE_UNFIT);
    expect_beside(1, "a (2).txt");
    ck_assert(room_says("elsewhere/a.txt", "old"));
    ck_assert_uint_eq(room_count("elsewhere"), 1);
    end();
}
END_TEST

/* Directories that are not this peer's, by whatever path they were named; here the base is a link.
 */
START_TEST(test_barred_directories) {
    char path[512];
    char *paths[] = {path, "/no such directory"};
    room_directory("in");
    room_link("in", "alias");
    room_directory("in/d");
    room_directory("in/d/sub");
    snprintf(path, sizeof(path), "%s", room_path(_i != 0 ? "alias/d/sub" : "alias/d"));
    arrival_open(false);
    stage(0755);
    ck_assert_int_eq(destination_bar(arrival_destination, paths, 2), 0);
    begin(true);
    ck_assert_int_eq(merge_enters(merge, &entries[0]), _i != 0);
    ck_assert(!merge_enters(merge, &entries[1]));
    ck_assert_int_eq(merge_enters(merge, &entries[2]), _i == 0);
    unsigned barred = _i != 0 ? 2 : 0;
    if (_i != 0)
        expect(0, MERGE_INSIDE);
    expect(barred, MERGE_UNFIT);
    expect_beside(barred, _i != 0 ? "sub (2)" : "d (2)");
    ck_assert_uint_eq(room_count("in/d/sub"), 0);
    ck_assert(room_says(_i != 0 ? "in/d/sub (2)/b" : "in/d (2)/sub/b", "new"));
    end();
}
END_TEST

/* A file system may find it under another name too, one that no manifest is refused for. */
START_TEST(test_staging_area_is_barred) {
    arrival_open(_i != 0);
    entries[0] = room_folder(".fxnode", 0755);
    arrival_folder(entries[0]);
    ck_assert_int_eq(arrival_finish(entries, 1), 0);
    begin(true);
    ck_assert(!merge_enters(merge, &entries[0]));
    expect(0, MERGE_UNFIT);
    expect_beside(0, ".fxnode (2)");
    end();
}
END_TEST

/* Also one that is on the same file system. */
START_TEST(test_mounts_are_not_entered) {
    room_directory("small");
    room_directory("victim");
    if (!room_mount("small", 1u << 20))
        return;
    arrival_open(false);
    room_directory("in/d");
    room_directory("in/d/sub");
    ck_assert_int_eq(mount(_i != 0 ? "small" : "victim", "in/d/sub", NULL, MS_BIND, NULL), 0);
    stage(0755);
    begin(true);
    expect(0, MERGE_INSIDE);
    expect(1, MERGE_PLACED);
    expect(2, MERGE_UNFIT);
    expect_beside(2, "sub (2)");
    expect(3, MERGE_GONE);
    ck_assert_uint_eq(room_count("in/d/sub"), 0);
    ck_assert(room_says("in/d/sub (2)/b", "new"));
    ck_assert_int_eq(umount("in/d/sub"), 0);
    end();
}
END_TEST

/* It would be ours then. Whether it may be read or written by its owner does not matter, as for
 * whoever renames a file over another. */
START_TEST(test_files_of_another_user) {
    if (geteuid() != 0) {
        printf("SKIPPED: only root can give a file to somebody\n");
        return;
    }
    arrival_open(_i != 0);
    room_directory("in/d");
    room_text("in/d/a.txt", "older");
    ck_assert_int_eq(chown("in/d/a.txt", 12345, 12345), 0);
    stage(0755);
    begin(true);
    expect(0, MERGE_INSIDE);
    expect(1, MERGE_UNFIT);
    expect_beside(1, "a (2).txt");
    ck_assert(room_says("in/d/a.txt", "older"));
    ck_assert_uint_eq(room_stat("in/d/a.txt").st_uid, 12345);
    end();
}
END_TEST

/* A file goes in no directory's place and a directory in no file's. */
START_TEST(test_kinds_do_not_change) {
    arrival_open(_i != 0);
    room_directory("in/d");
    room_directory("in/d/a.txt");
    room_text("in/d/sub", "old");
    stage(0755);
    begin(true);
    expect(0, MERGE_INSIDE);
    expect(1, MERGE_UNFIT);
    expect_beside(1, "a (2).txt");
    expect(2, MERGE_UNFIT);
    expect_beside(2, "sub (2)");
    expect(3, MERGE_GONE);
    ck_assert(room_says("in/d/sub", "old"));
    ck_assert(room_says("in/d/sub (2)/b", "new"));
    ck_assert_uint_eq(room_count("in/d/a.txt"), 0);
    end();
}
END_TEST

/* What is sent under such a name has it for itself: over what came beside, or into it, it would
 * have taken its place. */
START_TEST(test_names_of_what_is_sent_too) {
    arrival_open(_i % 2 != 0);
    room_directory("in/d");
    room_directory("in/d/sub");
    entries[0] = room_folder("d", 0755);
    entries[1] = room_file("d/sub", 3);
    entries[2] = _i / 2 != 0 ? room_folder("d/sub (2)", 0755) : room_file("d/sub (2)", 5);
    arrival_folder(entries[0]);
    arrival_file(entries[1], 0, "new");
    if (_i / 2 != 0)
        arrival_folder(entries[2]);
    else
        arrival_file(entries[2], 1, "other");
    ck_assert_int_eq(arrival_finish(entries, 3), 0);
    begin(true);
    expect(0, MERGE_INSIDE);
    expect(1, MERGE_UNFIT);
    expect_beside(1, "sub (3)");
    expect(2, MERGE_PLACED);
    ck_assert(room_says("in/d/sub (3)", "new"));
    end();
}
END_TEST

/* One that its owner may not write can be moved, also on from what an interruption left. */
START_TEST(test_closed_directories) {
    room_become_user();
    arrival_open(_i != 0);
    room_directory("in/d");
    stage(0555);
    begin(false);
    expect(0, MERGE_INSIDE);
    expect(2, MERGE_PLACED);
    ck_assert_uint_eq(room_stat("in/d/sub").st_mode & 07777, 0555);
    ck_assert_int_eq(chmod("in/d/sub", 0755), 0);
    expect(2, MERGE_GONE);
    ck_assert_uint_eq(room_stat("in/d/sub").st_mode & 07777, 0555);
    ck_assert_int_eq(chmod("in/d/sub", 0755), 0);
    end();
}
END_TEST

/* Also under the name that it got where its own was in use. */
START_TEST(test_closed_directories_beside) {
    room_become_user();
    arrival_open(_i != 0);
    room_directory("in/d");
    room_text("in/d/sub", "old");
    room_directory("in/d/sub (2)");
    stage(0555);
    begin(false);
    expect(0, MERGE_INSIDE);
    expect(2, MERGE_UNFIT);
    expect_beside(2, "sub (3)");
    ck_assert_uint_eq(room_stat("in/d/sub (3)").st_mode & 07777, 0555);
    ck_assert_int_eq(chmod("in/d/sub (3)", 0755), 0);
    expect(2, MERGE_GONE);
    ck_assert_uint_eq(room_stat("in/d/sub (3)").st_mode & 07777, 0555);
    ck_assert_uint_ne(room_stat("in/d/sub (2)").st_mode & 07777, 0555);
    ck_assert_int_eq(chmod("in/d/sub (3)", 0755), 0);
    end();
}
END_TEST

/* The directory exists, is closed where it is staged, and what is in it comes out all the same. */
START_TEST(test_out_of_closed_directories) {
    room_become_user();
    arrival_open(false);
    room_directory("in/d");
    room_directory("in/d/sub");
    stage(0555);
    begin(false);
    expect(0, MERGE_INSIDE);
    expect(2, MERGE_INSIDE);
    expect(3, MERGE_PLACED);
    ck_assert_uint_ne(room_stat("in/d/sub").st_mode & 0777, 0555);
    end();
}
END_TEST

/* Where nobody may write nothing is lost, here and there. */
START_TEST(test_where_nobody_may_write) {
    room_become_user();
    arrival_open(false);
    room_directory("in/d");
    room_text("in/d/a.txt", "older");
    stage(0755);
    ck_assert_int_eq(chmod("in/d", 0555), 0);
    begin(true);
    expect(0, MERGE_INSIDE);
    expect(1, MERGE_UNFIT);
    ck_assert_int_lt(merge_entry(merge, &entries[2], &room_fail), 0);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "d/sub"));
    ck_assert(room_says("in/d/a.txt", "older"));
    ck_assert(room_says(ARRIVAL_TREE "d/a.txt", "new"));
    ck_assert_int_eq(chmod("in/d", 0755), 0);
    end();
}
END_TEST

/* Without renameat2 a file has both names for a moment: an interruption then is found out. */
START_TEST(test_between_two_names) {
    arrival_open(true);
    room_directory("in/d");
    room_text("in/d/a.txt", "older");
    stage(0755);
    begin(false);
    expect(0, MERGE_INSIDE);
    room_name(ARRIVAL_TREE "d/a.txt", "in/d/a (2).txt");
    expect(1, MERGE_UNFIT);
    expect_beside(1, "a (2).txt");
    ck_assert(!room_exists(ARRIVAL_TREE "d/a.txt"));
    ck_assert(!room_exists("in/d/a (3).txt"));
    end();
}
END_TEST

START_TEST(test_skipped_are_kept) {
    struct rangeset set;
    struct rangeset found;
    rangeset_init(&set);
    rangeset_init(&found);
    arrival_open(false);
    ck_assert_int_eq(skipped_read(arrival, &found, &room_fail), STAGING_NONE);
    for (uint64_t i = 0; i < 300; i++)
        ck_assert_int_eq(rangeset_add(&set, i * 3, 2), 0);
    ck_assert_int_eq(skipped_write(arrival, &set, &room_fail), 0);
    ck_assert_int_eq(skipped_read(arrival, &found, &room_fail), 0);
    ck_assert_uint_eq(found.length, set.length);
    ck_assert_int_eq(memcmp(found.ranges, set.ranges, set.length * sizeof(*set.ranges)), 0);
    rangeset_clear(&found);
    rangeset_clear(&set);
    ck_assert_int_eq(skipped_write(arrival, &set, &room_fail), 0);
    ck_assert_int_eq(skipped_read(arrival, &found, &room_fail), 0);
    ck_assert_uint_eq(found.length, 0);
    ck_assert_int_eq(truncate(ARRIVAL "/skipped", 5), 0);
    ck_assert_int_lt(skipped_read(arrival, &found, &room_fail), 0);
    arrival_close();
}
END_TEST

Suite *suite_merge(void) {
    Suite *suite = suite_create("merge");
    TCase *test = room_case("merge");
    tcase_add_loop_test(test, test_goes_into_what_exists, 0, 2);
    tcase_add_loop_test(test, test_files_beside_or_over, 0, 4);
    tcase_add_test(test, test_what_is_the_same);
    tcase_add_loop_test(test, test_links_are_not_followed, 0, 2);
    tcase_add_loop_test(test, test_barred_directories, 0, 2);
    tcase_add_loop_test(test, test_staging_area_is_barred, 0, 2);
    tcase_add_loop_test(test, test_mounts_are_not_entered, 0, 2);
    tcase_add_loop_test(test, test_files_of_another_user, 0, 2);
    tcase_add_loop_test(test, test_kinds_do_not_change, 0, 2);
    tcase_add_loop_test(test, test_names_of_what_is_sent_too, 0, 4);
    tcase_add_loop_test(test, test_closed_directories, 0, 2);
    tcase_add_loop_test(test, test_closed_directories_beside, 0, 2);
    tcase_add_test(test, test_out_of_closed_directories);
    tcase_add_test(test, test_where_nobody_may_write);
    tcase_add_test(test, test_between_two_names);
    tcase_add_test(test, test_skipped_are_kept);
    suite_add_tcase(suite, test);
    return suite;
}
