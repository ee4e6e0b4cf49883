#include "files/finish.h"
#include "arrival.h"
#include "room.h"
#include "suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void check_as_entry(const struct entry *entry) {
    char path[512];
    snprintf(path, sizeof(path), ARRIVAL_TREE "%s", entry->path);
    struct stat st = room_stat(path);
    bool top = strchr(entry->path, '/') == NULL;
    uint32_t mode = entry->mode | (top && entry->type == ENTRY_DIRECTORY ? 0700 : 0);
    ck_assert_msg((st.st_mode & 07777) == mode, "%s has mode %o", path, st.st_mode & 07777);
    ck_assert_msg(st.st_mtim.tv_sec == entry->mtime_s, "%s has another time", path);
    ck_assert_int_eq(st.st_mtim.tv_nsec, entry->mtime_ns);
}

/* Nested directories with modes that lock out their owner, files, links, and a second top-level
 * item. */
START_TEST(test_modes_and_times_stick) {
    room_become_user();
    arrival_open(_i != 0);
    struct entry entries[] = {
        room_folder("d", 0555),
        room_folder("d/e", 0),
        room_file("d/e/deep", 4),
        room_folder("d/e/empty", 0100),
        room_symlink("d/e/link", "deep"),
        room_file("d/file", 4),
        room_folder("e", 0755),
        room_file("e/x", 4),
        room_file("top", 4),
    };
    size_t count = sizeof(entries) / sizeof(*entries);
    entries[5].mode = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].type == ENTRY_DIRECTORY)
            arrival_folder(entries[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i].type == ENTRY_FILE)
            arrival_file(entries[i], i, "text");
    }
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    /* Twice, as after an interruption. */
    ck_assert_msg(arrival_finish(entries, count) == 0, "%s", room_fail.text);
    ck_assert_msg(arrival_finish(entries, count) == 0, "%s", room_fail.text);
    ck_assert_int_eq(chmod(ARRIVAL_TREE "d", 0755), 0);
    check_as_entry(&entries[1]);
    ck_assert_int_eq(chmod(ARRIVAL_TREE "d/e", 0700), 0);
    entries[0].mode = 0755;
    entries[1].mode = 0700;
    for (size_t i = 0; i < count; i++)
        check_as_entry(&entries[i]);
    char target[16] = "";
    ck_assert_int_eq(readlink(ARRIVAL_TREE "d/e/link", target, sizeof(target) - 1), 4);
    ck_assert_str_eq(target, "deep");
    arrival_close();
}
END_TEST

START_TEST(test_pieces_are_finished) {
    struct entry entry = room_file("a", 6);
    arrival_open(false);
    ck_assert_int_eq(stage_writer_write(arrival_writer, &entry, 0, "abc", 3, &room_fail), 0);
    ck_assert_int_eq(arrival_finish(&entry, 1), STAGING_DIFFERS);
    ck_assert_int_eq(stage_writer_write(arrival_writer, &entry, 3, "def", 3, &room_fail), 0);
    ck_assert_int_eq(arrival_finish(&entry, 1), 0);
    check_as_entry(&entry);
    arrival_close();
}
END_TEST

/* What somebody else has put behind its end goes; what they took away is not made up for. */
START_TEST(test_what_others_added_goes) {
    struct entry entry = room_file("a", 4);
    arrival_open(_i != 0);
    arrival_file(entry, 0, "text");
    ck_assert_int_eq(chmod(ARRIVAL_TREE "a", 0600), 0);
    ck_assert_int_eq(truncate(ARRIVAL_TREE "a", 5000000), 0);
    ck_assert_msg(arrival_finish(&entry, 1) == 0, "%s", room_fail.text);
    ck_assert(room_holds(ARRIVAL_TREE "a", "text", 4));
    check_as_entry(&entry);
    ck_assert_int_eq(chmod(ARRIVAL_TREE "a", 0600), 0);
    ck_assert_int_eq(truncate(ARRIVAL_TREE "a", 3), 0);
    ck_assert_int_eq(arrival_finish(&entry, 1), STAGING_DIFFERS);
    ck_assert_msg(strstr(room_fail.text, "a in ") != NULL &&
                      strstr(room_fail.text, "is not as it was received") != NULL,
                  "%s", room_fail.text);
    arrival_close();
}
END_TEST

START_TEST(test_missing_things_differ) {
    arrival_open(false);
    struct entry file = room_file("a", 1);
    ck_assert_int_eq(arrival_finish(&file, 1), STAGING_DIFFERS);
    struct entry folder = room_folder("d", 0755);
    ck_assert_int_eq(arrival_finish(&folder, 1), STAGING_DIFFERS);
    struct entry orphan = room_file("d/a", 1);
    ck_assert_int_eq(arrival_finish(&orphan, 1), STAGING_DIFFERS);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "d/a"));
    room_directory(ARRIVAL_TREE "a");
    ck_assert_int_eq(arrival_finish(&file, 1), STAGING_DIFFERS);
    room_text(ARRIVAL_TREE "d", "");
    ck_assert_int_eq(arrival_finish(&folder, 1), STAGING_DIFFERS);
    arrival_close();
}
END_TEST

static void finish_failed(struct finish *finish, struct entry entry) {
    ck_assert_msg(finish_failed_directory(finish, &entry, &room_fail) == 0, "%s", room_fail.text);
}

/* Directories that failed stay where something in them was delivered, and go otherwise, with empty
 * ones in them. */
START_TEST(test_failed_directories) {
    static const struct finish_sink sink = {0};
    struct finish *finish = NULL;
    struct entry folders[] = {room_folder("a", 0755),     room_folder("a/b", 0755),
                              room_folder("a/b/c", 0755), room_folder("a/d", 0555),
                              room_folder("e", 0755),     room_folder("e/f", 0755)};
    struct entry file = room_file("a/d/kept", 4);
    arrival_open(false);
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        arrival_folder(folders[i]);
    arrival_file(file, 0, "text");
    ck_assert_int_eq(finish_new(&finish, arrival, &sink, 0), 0);
    for (size_t i = 0; i < 4; i++)
        finish_failed(finish, folders[i]);
    ck_assert_int_eq(finish_entry(finish, &file, &room_fail), 0);
    finish_failed(finish, folders[4]);
    finish_failed(finish, folders[5]);
    ck_assert_int_eq(finish_end(finish, &room_fail), 0);
    finish_free(finish);
    check_as_entry(&folders[0]);
    check_as_entry(&folders[3]);
    check_as_entry(&file);
    ck_assert_int_ne(access(ARRIVAL_TREE "a/b", F_OK), 0);
    ck_assert_int_ne(access(ARRIVAL_TREE "e", F_OK), 0);
    arrival_close();
}
END_TEST

/* A link with another target than agreed is no part of ours. */
START_TEST(test_other_links_differ) {
    arrival_open(false);
    struct entry entries[] = {room_folder("d", 0755), room_symlink("d/l", "x")};
    arrival_folder(entries[0]);
    room_link("xy", ARRIVAL_TREE "d/l");
    ck_assert_int_eq(arrival_finish(entries, 2), STAGING_DIFFERS);
    arrival_close();
}
END_TEST

/* More entries than are synced one by one, in a tree as deep as allowed. */
START_TEST(test_many_and_deep) {
    static char path[2 * LIMIT_DEPTH + 1];
    static char names[100][16];
    static struct entry entries[LIMIT_DEPTH + 100];
    size_t count = 0;
    arrival_open(_i != 0);
    memset(path, '/', sizeof(path) - 1);
    for (size_t depth = 0; depth < LIMIT_DEPTH; depth++) {
        path[2 * depth] = 'a';
        entries[count] = room_folder(path, 0700);
        entries[count++].path_length = 2 * depth + 1;
        arrival_folder(entries[count - 1]);
    }
    for (unsigned i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "b%03u", i);
        entries[count] = room_file(names[i], 1);
        arrival_file(entries[count++], i, "x");
    }
    ck_assert_int_eq(staging_sync_directories(arrival, &room_fail), 0);
    ck_assert_int_eq(arrival_finish(entries, count), 0);
    for (size_t i = LIMIT_DEPTH; i < count; i++)
        check_as_entry(&entries[i]);
    ck_assert_int_eq(room_stat(ARRIVAL_TREE "a/a/a").st_mtim.tv_sec, 900000000);
    arrival_close();
}
END_TEST

/* Counts what is made durable by itself. */
static unsigned syncs;

int fsync(int fd) {
    syncs++;
    return (int)syscall(SYS_fsync, fd);
}

/* Finishes what was made durable before, where nothing else was staged. How many syncs that took.
 */
static unsigned finish_synced(const struct entry *entries, size_t count) {
    static const struct finish_sink sink = {0};
    struct finish *finish = NULL;
    ck_assert_int_eq(finish_new(&finish, arrival, &sink, 0), 0);
    finish_all_synced(finish);
    syncs = 0;
    for (size_t i = 0; i < count; i++)
        if (entries[i].type == ENTRY_HARDLINK)
            ck_assert_int_eq(
                finish_hardlink(finish, &entries[i], &entries[entries[i].original], &room_fail), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(finish_entry(finish, &entries[i], &room_fail), 0);
    ck_assert_int_eq(finish_end(finish, &room_fail), 0);
    finish_free(finish);
    return syncs;
}

START_TEST(test_what_is_durable_is_not_synced_again) {
    struct entry files[] = {room_file("a", 4), room_file("b", 4)};
    arrival_open(false);
    arrival_file(files[0], 0, "text");
    arrival_file(files[1], 1, "text");
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    ck_assert_uint_eq(finish_synced(files, 2), 0);
    check_as_entry(&files[0]);
    /* Without knowing: both, and the directory that they are in. */
    syncs = 0;
    ck_assert_int_eq(arrival_finish(files, 2), 0);
    ck_assert_uint_eq(syncs, 3);
    arrival_close();
}
END_TEST

/* The file and what it is in, because of the file; and a file because of its new name. */
START_TEST(test_what_is_finished_late_is_synced) {
    struct entry pieces[] = {room_file("a", 6), room_file("b", 4)};
    struct entry linked[] = {room_file("b", 4), {.type = ENTRY_HARDLINK}};
    arrival_open(false);
    ck_assert_int_eq(stage_writer_write(arrival_writer, &pieces[0], 0, "abc", 3, &room_fail), 0);
    ck_assert_int_eq(stage_writer_write(arrival_writer, &pieces[0], 3, "def", 3, &room_fail), 0);
    arrival_file(pieces[1], 1, "text");
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    ck_assert_uint_eq(finish_synced(pieces, 2), 2);
    check_as_entry(&pieces[0]);
    linked[1].path = "c";
    linked[1].path_length = 1;
    ck_assert_uint_eq(finish_synced(linked, 2), 2);
    ck_assert_uint_eq(room_stat(ARRIVAL_TREE "b").st_nlink, 2);
    arrival_close();
}
END_TEST

/* Directories get their times last, with new names in them or without. */
START_TEST(test_directories_are_synced) {
    struct entry entries[] = {room_folder("d", 0755), room_file("d/a", 4),
                              room_symlink("d/l", "a")};
    arrival_open(false);
    arrival_folder(entries[0]);
    arrival_file(entries[1], 0, "text");
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    ck_assert_uint_eq(finish_synced(entries, 3), 2);
    check_as_entry(&entries[0]);
    arrival_close();
}
END_TEST

Suite *suite_finish(void) {
    Suite *suite = suite_create("finish");
    TCase *tc = room_case("finish");
    tcase_add_loop_test(tc, test_modes_and_times_stick, 0, 2);
    tcase_add_test(tc, test_pieces_are_finished);
    tcase_add_loop_test(tc, test_what_others_added_goes, 0, 2);
    tcase_add_test(tc, test_missing_things_differ);
    tcase_add_test(tc, test_failed_directories);
    tcase_add_test(tc, test_other_links_differ);
    tcase_add_test(tc, test_what_is_durable_is_not_synced_again);
    tcase_add_test(tc, test_what_is_finished_late_is_synced);
    tcase_add_test(tc, test_directories_are_synced);
    tcase_add_loop_test(tc, test_many_and_deep, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
