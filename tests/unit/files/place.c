#include "files/place.h"
#include "arrival.h"
#include "files/variant.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct entry entry;
static struct place_item item;

/* A finished file "a.txt" that says "new", or directory "d" of mode `mode` with "in" in it. */
static void stage_file(void) {
    entry = room_file("a.txt", 3);
    arrival_file(entry, 0, "new");
    ck_assert_int_eq(arrival_finish(&entry, 1), 0);
    item = arrival_item(&entry);
}

static void stage_folder(uint32_t mode) {
    struct entry entries[] = {room_folder("d", mode), room_file("d/in", 3)};
    entry = entries[0];
    arrival_folder(entries[0]);
    arrival_file(entries[1], 0, "new");
    ck_assert_int_eq(arrival_finish(entries, 2), 0);
    item = arrival_item(&entry);
}

static void place(int outcome) {
    int result = place_item(arrival, &item, &room_fail);
    ck_assert_msg(result == outcome, "%d: %s", result, room_fail.text);
}

static void choose(void) {
    int result = place_choose(arrival, &item, &room_fail);
    ck_assert_msg(result == 0, "%s", room_fail.text);
}

START_TEST(test_places_under_its_name) {
    arrival_open(_i != 0);
    stage_file();
    choose();
    ck_assert_str_eq(item.final, "a.txt");
    ck_assert_uint_eq(item.inode, room_stat(ARRIVAL_TREE "a.txt").st_ino);
    ck_assert(!room_exists("in/a.txt"));
    place(PLACE_DONE);
    ck_assert_int_eq(place_sync(arrival, &room_fail), 0);
    ck_assert(room_says("in/a.txt", "new"));
    ck_assert(!room_exists(ARRIVAL_TREE "a.txt"));
    ck_assert_int_eq(room_stat("in/a.txt").st_mtim.tv_sec, 1000000000);
    ck_assert_uint_eq(room_stat("in/a.txt").st_nlink, 1);
    arrival_close();
}
END_TEST

START_TEST(test_places_a_tree) {
    arrival_open(_i != 0);
    stage_folder(0750);
    choose();
    place(PLACE_DONE);
    ck_assert(room_says("in/d/in", "new"));
    ck_assert_uint_eq(room_stat("in/d").st_mode & 07777, 0750);
    ck_assert_int_eq(room_stat("in/d").st_mtim.tv_sec, 900000000);
    ck_assert_uint_eq(room_count(ARRIVAL_TREE), 0);
    arrival_close();
}
END_TEST

START_TEST(test_names_that_are_there_stay) {
    arrival_open(_i != 0);
    room_text("in/a.txt", "old");
    room_link("nowhere", "in/a (2).txt");
    room_directory("in/a (3).txt");
    stage_file();
    choose();
    ck_assert_str_eq(item.final, "a (4).txt");
    place(PLACE_DONE);
    ck_assert(room_says("in/a.txt", "old"));
    ck_assert(room_says("in/a (4).txt", "new"));
    arrival_close();
}
END_TEST

/* Another item of the same transfer keeps the name that it was sent under. */
START_TEST(test_names_of_other_items) {
    struct entry entries[] = {room_file("a.txt", 3), room_file("a (2).txt", 3)};
    arrival_open(_i != 0);
    room_text("in/a.txt", "old");
    arrival_file(entries[0], 0, "new");
    arrival_file(entries[1], 1, "two");
    ck_assert_int_eq(arrival_finish(entries, 2), 0);
    item = arrival_item(&entries[0]);
    choose();
    ck_assert_str_eq(item.final, "a (3).txt");
    place(PLACE_DONE);
    item = arrival_item(&entries[1]);
    choose();
    place(PLACE_DONE);
    ck_assert(room_says("in/a (2).txt", "two"));
    ck_assert(room_says("in/a (3).txt", "new"));
    arrival_close();
}
END_TEST

/* Somebody takes the name between the commit and the rename. */
START_TEST(test_names_taken_meanwhile) {
    arrival_open(_i != 0);
    stage_file();
    choose();
    room_text("in/a.txt", "old");
    place(PLACE_TAKEN);
    ck_assert_str_eq(item.final, "a (2).txt");
    ck_assert(room_exists(ARRIVAL_TREE "a.txt"));
    place(PLACE_DONE);
    ck_assert(room_says("in/a.txt", "old"));
    ck_assert(room_says("in/a (2).txt", "new"));
    stage_folder(0755);
    choose();
    room_directory("in/d");
    place(PLACE_TAKEN);
    place(PLACE_DONE);
    ck_assert_uint_eq(room_count("in/d"), 0);
    ck_assert(room_says("in/d (2)/in", "new"));
    arrival_close();
}
END_TEST

START_TEST(test_nothing_staged) {
    arrival_open(false);
    entry = room_file("a.txt", 3);
    item = arrival_item(&entry);
    ck_assert_int_eq(place_choose(arrival, &item, &room_fail), PLACE_MISSING);
    arrival_close();
}
END_TEST

/* After an interruption, by what was committed: once before the rename, once after it. */
START_TEST(test_recovery) {
    arrival_open(_i != 0);
    stage_file();
    choose();
    arrival_close();
    arrival_open(_i != 0);
    place(PLACE_DONE);
    arrival_close();
    arrival_open(_i != 0);
    place(PLACE_DONE);
    ck_assert(room_says("in/a.txt", "new"));
    ck_assert_uint_eq(room_count("in"), 2);
    arrival_close();
}
END_TEST

/* Placed, and then moved on by its owner, who also has another of that name by now. */
START_TEST(test_recovery_of_what_moved_on) {
    arrival_open(_i != 0);
    stage_file();
    choose();
    place(PLACE_DONE);
    ck_assert_int_eq(rename("in/a.txt", "kept"), 0);
    room_text("in/a.txt", "other");
    place(PLACE_MISSING); /* or the staging is lost */
    ck_assert(room_says("in/a.txt", "other"));
    ck_assert(room_says("kept", "new"));
    arrival_close();
}
END_TEST

/* On old systems a crash may come between the second name and the loss of the first. */
START_TEST(test_recovery_of_half_a_link) {
    arrival_open(_i != 0);
    stage_file();
    choose();
    ck_assert_int_eq(link(ARRIVAL_TREE "a.txt", "in/a.txt"), 0);
    place(PLACE_DONE);
    ck_assert_str_eq(item.final, "a.txt");
    ck_assert(!room_exists(ARRIVAL_TREE "a.txt"));
    ck_assert(room_says("in/a.txt", "new"));
    arrival_close();
}
END_TEST

/* Two items that are one file, of which the second is recorded for the first one's name: that name
 * has its inode, and yet it is not what was placed there. */
START_TEST(test_items_that_are_one_file) {
    struct entry entries[] = {room_file("a (2).txt", 3), room_file("a.txt", 3)};
    struct place_item items[2];
    arrival_open(_i != 0);
    entries[1] = (struct entry){.type = ENTRY_HARDLINK, .path = "a.txt", .path_length = 5};
    room_text("in/a.txt", "old");
    arrival_file(entries[0], 0, "new");
    ck_assert_int_eq(arrival_finish(entries, 2), 0);
    for (size_t i = 0; i < 2; i++) {
        items[i] = arrival_item(&entries[i]);
        items[i].linked = true;
        ck_assert_int_eq(place_choose(arrival, &items[i], &room_fail), 0);
    }
    memcpy(items[1].final, items[0].final, sizeof(items[1].final));
    ck_assert_int_eq(place_item(arrival, &items[0], &room_fail), PLACE_DONE);
    ck_assert_int_eq(place_item(arrival, &items[1], &room_fail), PLACE_TAKEN);
    ck_assert_str_eq(items[1].final, "a (3).txt");
    ck_assert_int_eq(place_item(arrival, &items[1], &room_fail), PLACE_DONE);
    ck_assert_int_eq(place_item(arrival, &items[0], &room_fail), PLACE_DONE);
    ck_assert_int_eq(place_item(arrival, &items[1], &room_fail), PLACE_DONE);
    ck_assert(room_says("in/a.txt", "old"));
    ck_assert_uint_eq(room_stat("in/a (2).txt").st_nlink, 2);
    ck_assert_uint_eq(room_stat("in/a (2).txt").st_ino, room_stat("in/a (3).txt").st_ino);
    ck_assert_uint_eq(room_count(ARRIVAL_TREE), 0);
    arrival_close();
}
END_TEST

static const uint32_t CLOSED_MODES[] = {0555, 0500, 0300, 0000};

/* The kernel lets a user move a directory to another parent only where the user may write to it. */
START_TEST(test_closed_directories) {
    room_become_user();
    arrival_open(false);
    stage_folder(CLOSED_MODES[_i]);
    choose();
    place(PLACE_DONE);
    ck_assert_uint_eq(room_stat("in/d").st_mode & 07777, CLOSED_MODES[_i]);
    ck_assert_int_eq(room_stat("in/d").st_mtim.tv_sec, 900000000);
    /* Recovery after the mode was set. */
    place(PLACE_DONE);
    /* Recovery of a crash between the rename and the mode. */
    ck_assert_int_eq(chmod("in/d", CLOSED_MODES[_i] | 0700), 0);
    place(PLACE_DONE);
    ck_assert_uint_eq(room_stat("in/d").st_mode & 07777, CLOSED_MODES[_i]);
    arrival_close();
}
END_TEST

START_TEST(test_unwritable_destination) {
    room_become_user();
    arrival_open(_i != 0);
    stage_file();
    choose();
    ck_assert_int_eq(chmod("in", 0555), 0);
    place(-EACCES);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "cannot place a.txt in "));
    ck_assert_int_eq(chmod("in", 0755), 0);
    place(PLACE_DONE);
    arrival_close();
}
END_TEST

/* A file system without RENAME_NOREPLACE, a kernel without it, a filter that forbids it. */
static const int LACKING[] = {EINVAL, ENOSYS, EPERM};

START_TEST(test_systems_without_noreplace) {
    arrival_open(false);
    room_forbid(SYS_renameat2, LACKING[_i]);
    room_text("in/a.txt", "old");
    stage_file();
    choose();
    place(PLACE_DONE);
    ck_assert(room_says("in/a.txt", "old"));
    ck_assert(room_says("in/a (2).txt", "new"));
    stage_folder(0755);
    choose();
    room_directory("in/d");
    place(PLACE_TAKEN);
    place(PLACE_DONE);
    ck_assert(room_says("in/d (2)/in", "new"));
    ck_assert_uint_eq(room_count("in/d"), 0);
    arrival_close();
}
END_TEST

START_TEST(test_systems_without_links_too) {
    arrival_open(true);
    room_forbid(SYS_linkat, EPERM);
    stage_file();
    choose();
    room_text("in/a.txt", "old");
    place(PLACE_TAKEN);
    place(PLACE_DONE);
    ck_assert(room_says("in/a.txt", "old"));
    ck_assert(room_says("in/a (2).txt", "new"));
    ck_assert_uint_eq(room_stat("in/a (2).txt").st_mode & 07777, 0640);
    arrival_close();
}
END_TEST

/* A name that was taken in advance is given back when the rename fails. */
START_TEST(test_failed_renames_leave_nothing) {
    arrival_open(true);
    room_forbid(SYS_linkat, EPERM);
    room_forbid(SYS_renameat, EIO);
    stage_file();
    choose();
    place(-EIO);
    stage_folder(0755);
    choose();
    place(-EIO);
    ck_assert_uint_eq(room_count("in"), 1);
    ck_assert_uint_eq(room_count(ARRIVAL_TREE), 2);
    arrival_close();
}
END_TEST

static const struct {
    const char *name;
    enum entry_type type;
    const char *second;
} VARIANTS[] = {
    {"report.pdf", ENTRY_FILE, "report (2).pdf"},
    {"archive.tar.gz", ENTRY_FILE, "archive.tar (2).gz"},
    {"README", ENTRY_FILE, "README (2)"},
    {".bashrc", ENTRY_FILE, ".bashrc (2)"},
    {".config.json", ENTRY_FILE, ".config (2).json"},
    {"ends.", ENTRY_FILE, "ends. (2)"},
    {"v1.2 final report", ENTRY_FILE, "v1.2 final report (2)"},
    {"a (2).txt", ENTRY_FILE, "a (2) (2).txt"},
    {"photos.2024", ENTRY_DIRECTORY, "photos.2024 (2)"},
    {".git", ENTRY_DIRECTORY, ".git (2)"},
    {"\xff.\xfe", ENTRY_FILE, "\xff (2).\xfe"},
    {"...", ENTRY_FILE, "... (2)"},
};

START_TEST(test_variants) {
    char out[LIMIT_COMPONENT + 1];
    variant_name(out, VARIANTS[_i].name, strlen(VARIANTS[_i].name), VARIANTS[_i].type, 2);
    ck_assert_str_eq(out, VARIANTS[_i].second);
}
END_TEST

START_TEST(test_variants_of_long_names) {
    char name[LIMIT_COMPONENT];
    char out[LIMIT_COMPONENT + 1];
    memset(name, 'n', sizeof(name));
    variant_name(out, name, sizeof(name), ENTRY_FILE, 12);
    ck_assert_uint_eq(strlen(out), LIMIT_COMPONENT);
    ck_assert_str_eq(out + LIMIT_COMPONENT - 6, "n (12)");
    memcpy(name + sizeof(name) - 4, ".pdf", 4);
    variant_name(out, name, sizeof(name), ENTRY_FILE, 2);
    ck_assert_uint_eq(strlen(out), LIMIT_COMPONENT);
    ck_assert_str_eq(out + LIMIT_COMPONENT - 9, "n (2).pdf");
    name[1] = '.'; /* what looks like an extension of 254 bytes is none */
    memset(name + 2, 'x', sizeof(name) - 2);
    variant_name(out, name, sizeof(name), ENTRY_FILE, 2);
    ck_assert_str_eq(out + LIMIT_COMPONENT - 5, "x (2)");
    for (size_t i = 0; i + 3 <= sizeof(name); i += 3)
        memcpy(name + i, "\xe2\x82\xac", 3);
    variant_name(out, name, sizeof(name), ENTRY_FILE, 2);
    ck_assert_uint_eq(strlen(out), 249 + 4);
    ck_assert_str_eq(out + 246, "\xe2\x82\xac (2)");
    memset(name, 0x80, sizeof(name));
    variant_name(out, name, sizeof(name), ENTRY_FILE, 2);
    ck_assert_uint_eq(strlen(out), LIMIT_COMPONENT);
}
END_TEST

START_TEST(test_long_names_are_placed) {
    static char name[LIMIT_COMPONENT + 1];
    memset(name, 'n', LIMIT_COMPONENT);
    arrival_open(_i != 0);
    entry = room_file(name, 3);
    arrival_file(entry, 0, "new");
    ck_assert_int_eq(arrival_finish(&entry, 1), 0);
    item = arrival_item(&entry);
    int fd = openat(destination_fd(arrival_destination), name, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    choose();
    place(PLACE_DONE);
    ck_assert_uint_eq(strlen(item.final), LIMIT_COMPONENT);
    ck_assert_uint_eq(room_count("in"), 3);
    arrival_close();
}
END_TEST

Suite *suite_place(void) {
    Suite *suite = suite_create("place");
    TCase *tc = room_case("place");
    tcase_add_loop_test(tc, test_places_under_its_name, 0, 2);
    tcase_add_loop_test(tc, test_places_a_tree, 0, 2);
    tcase_add_loop_test(tc, test_names_that_are_there_stay, 0, 2);
    tcase_add_loop_test(tc, test_names_of_other_items, 0, 2);
    tcase_add_loop_test(tc, test_names_taken_meanwhile, 0, 2);
    tcase_add_test(tc, test_nothing_staged);
    tcase_add_loop_test(tc, test_recovery, 0, 2);
    tcase_add_loop_test(tc, test_recovery_of_what_moved_on, 0, 2);
    tcase_add_loop_test(tc, test_recovery_of_half_a_link, 0, 2);
    tcase_add_loop_test(tc, test_items_that_are_one_file, 0, 2);
    tcase_add_loop_test(tc, test_closed_directories, 0,
                        sizeof(CLOSED_MODES) / sizeof(*CLOSED_MODES));
    tcase_add_loop_test(tc, test_unwritable_destination, 0, 2);
    tcase_add_loop_test(tc, test_systems_without_noreplace, 0, sizeof(LACKING) / sizeof(*LACKING));
    tcase_add_test(tc, test_systems_without_links_too);
    tcase_add_test(tc, test_failed_renames_leave_nothing);
    tcase_add_loop_test(tc, test_variants, 0, sizeof(VARIANTS) / sizeof(*VARIANTS));
    tcase_add_test(tc, test_variants_of_long_names);
    tcase_add_loop_test(tc, test_long_names_are_placed, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
