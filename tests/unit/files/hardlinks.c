#include "files/hardlinks.h"
#include "arrival.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Two directories, a file in one, other names of it in the other and at the top. */
static struct entry entries[5];

static struct entry link_entry(const char *path, uint32_t original) {
    return (struct entry){
        .type = ENTRY_HARDLINK, .path = path, .path_length = strlen(path), .original = original};
}

static void stage(bool old) {
    arrival_open(old);
    entries[0] = room_folder("d", 0500);
    entries[1] = room_file("d/file", 4);
    entries[2] = room_folder("e", 0);
    entries[3] = link_entry("e/again", 1);
    entries[4] = link_entry("top", 1);
    entries[1].mode = 0400;
    arrival_folder(entries[0]);
    arrival_folder(entries[2]);
    arrival_file(entries[1], 0, "text");
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
}

static void open_up(void) {
    ck_assert_int_eq(chmod(ARRIVAL_TREE "e", 0700), 0);
}

static void check_names(nlink_t count) {
    static const char *const paths[] = {ARRIVAL_TREE "d/file", ARRIVAL_TREE "e/again",
                                        ARRIVAL_TREE "top"};
    struct stat first = room_stat(paths[0]);
    for (size_t i = 0; i < 3; i++) {
        struct stat st = room_stat(paths[i]);
        ck_assert_uint_eq(st.st_nlink, count);
        ck_assert_int_eq(st.st_ino == first.st_ino, count == 3 || i == 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0400);
        ck_assert_int_eq(st.st_mtim.tv_sec, 1000000000);
        ck_assert_int_eq(st.st_mtim.tv_nsec, 123456789);
        ck_assert(room_says(paths[i], "text"));
    }
}

START_TEST(test_names_of_one_file) {
    room_become_user();
    stage(_i != 0);
    ck_assert_msg(arrival_finish(entries, 5) == 0, "%s", room_fail.text);
    open_up();
    ck_assert_int_eq(room_stat(ARRIVAL_TREE "e").st_mtim.tv_sec, 900000000);
    check_names(3);
    ck_assert_uint_eq(arrival_note_count, 0);
    arrival_close();
}
END_TEST

/* As after an interruption of the placing: what was made goes, and is made anew. */
START_TEST(test_finished_again) {
    room_become_user();
    stage(_i != 0);
    ck_assert_int_eq(arrival_finish(entries, 5), 0);
    arrival_close();
    arrival_open(_i != 0);
    for (size_t i = 0; i < 5; i++) {
        if (entries[i].type == ENTRY_DIRECTORY)
            arrival_folder(entries[i]);
        else if (entries[i].type == ENTRY_HARDLINK)
            ck_assert_int_eq(stage_writer_drop(arrival_writer, &entries[i], &room_fail), 0);
    }
    ck_assert_uint_eq(room_stat(ARRIVAL_TREE "d/file").st_nlink, 1);
    ck_assert_int_eq(arrival_finish(entries, 5), 0);
    open_up();
    check_names(3);
    arrival_close();
}
END_TEST

START_TEST(test_what_is_there_already) {
    struct hardlinks *hardlinks = NULL;
    stage(_i != 0);
    ck_assert_int_eq(hardlinks_new(&hardlinks, arrival), 0);
    room_text(ARRIVAL_TREE "top", "another file");
    ck_assert_int_eq(hardlinks_make(hardlinks, &entries[4], &entries[1]), HARDLINKS_MADE);
    ck_assert_int_eq(hardlinks_make(hardlinks, &entries[4], &entries[1]), HARDLINKS_MADE);
    ck_assert(room_says(ARRIVAL_TREE "top", "text"));
    ck_assert_uint_eq(room_stat(ARRIVAL_TREE "top").st_nlink, 2);
    room_directory(ARRIVAL_TREE "e/again");
    ck_assert_int_eq(hardlinks_make(hardlinks, &entries[3], &entries[1]), -EISDIR);
    hardlinks_free(hardlinks);
    ck_assert_int_eq(arrival_finish(entries, 5), STAGING_DIFFERS);
    arrival_close();
}
END_TEST

/* An original that is not there, has another size, or is no file; a directory that is a link. */
START_TEST(test_only_files_of_ours) {
    stage(_i != 0);
    struct entry file = entries[1];
    entries[1].size = 5;
    ck_assert_int_eq(arrival_finish(entries, 5), STAGING_DIFFERS);
    entries[1] = file;
    ck_assert_int_eq(unlink(ARRIVAL_TREE "d/file"), 0);
    ck_assert_int_eq(arrival_finish(entries, 5), STAGING_DIFFERS);
    room_text("outside", "text");
    room_link(room_path("outside"), ARRIVAL_TREE "d/file");
    ck_assert_int_eq(arrival_finish(entries, 5), STAGING_DIFFERS);
    ck_assert_int_eq(unlink(ARRIVAL_TREE "d/file"), 0);
    ck_assert_int_eq(rename(ARRIVAL_TREE "d", ARRIVAL_TREE "elsewhere"), 0);
    room_directory("real");
    room_text("real/file", "text");
    room_link(room_path("real"), ARRIVAL_TREE "d");
    ck_assert_int_eq(arrival_finish(entries, 5), STAGING_DIFFERS);
    ck_assert(!room_exists(ARRIVAL_TREE "top"));
    ck_assert_uint_eq(room_stat("outside").st_nlink, 1);
    ck_assert_uint_eq(room_stat("real/file").st_nlink, 1);
    arrival_close();
}
END_TEST

static const int LACKING[] = {EPERM, EMLINK, EOPNOTSUPP};

START_TEST(test_copies_stand_for_links) {
    room_become_user();
    stage(false);
    room_forbid(SYS_linkat, LACKING[_i]);
    ck_assert_msg(arrival_finish(entries, 5) == 0, "%s", room_fail.text);
    open_up();
    check_names(1);
    ck_assert_uint_eq(arrival_note_count, 1);
    ck_assert_ptr_nonnull(
        strstr(arrival_notes[0], "/in does not take every hard link: copies stand for 2"));
    arrival_close();
}
END_TEST

START_TEST(test_copies_of_chunks) {
    static char data[3 * LIMIT_CHUNK + 5];
    struct entry big[] = {room_file("a", sizeof(data)), link_entry("b", 0)};
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 31 >> 3);
    arrival_open(false);
    for (size_t at = 0; at < sizeof(data); at += LIMIT_CHUNK) {
        size_t length = sizeof(data) - at < LIMIT_CHUNK ? sizeof(data) - at : LIMIT_CHUNK;
        ck_assert_int_eq(
            stage_writer_write(arrival_writer, &big[0], at, data + at, length, &room_fail), 0);
    }
    room_forbid(SYS_linkat, EPERM);
    ck_assert_int_eq(arrival_finish(big, 2), 0);
    ck_assert(room_holds(ARRIVAL_TREE "b", data, sizeof(data)));
    arrival_close();
}
END_TEST

/* A file that is mostly a hole, and one that is nothing else. */
START_TEST(test_copies_keep_holes) {
    const uint64_t size = 64 * LIMIT_CHUNK;
    struct entry sparse[] = {room_file("a", size), link_entry("b", 0), room_file("c", size),
                             link_entry("d", 2)};
    arrival_open(false);
    stage_writer_expect_holes(arrival_writer);
    for (size_t i = 0; i < 4; i += 2)
        ck_assert_int_eq(stage_writer_hole(arrival_writer, &sparse[i], size - LIMIT_CHUNK,
                                           LIMIT_CHUNK, &room_fail),
                         0);
    ck_assert_int_eq(
        stage_writer_write(arrival_writer, &sparse[0], 5 * LIMIT_CHUNK, "text", 4, &room_fail), 0);
    room_forbid(SYS_linkat, EMLINK);
    ck_assert_msg(arrival_finish(sparse, 4) == 0, "%s", room_fail.text);
    char text[6] = "";
    int fd = open(room_path(ARRIVAL_TREE "b"), O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(pread(fd, text, 6, 5 * LIMIT_CHUNK - 1), 6);
    ck_assert_mem_eq(text, "\0text", 6);
    close(fd);
    ck_assert_int_eq(room_stat(ARRIVAL_TREE "b").st_size, (off_t)size);
    ck_assert_int_le(room_stat(ARRIVAL_TREE "b").st_blocks, 16);
    ck_assert_int_eq(room_stat(ARRIVAL_TREE "d").st_size, (off_t)size);
    ck_assert_int_eq(room_stat(ARRIVAL_TREE "d").st_blocks, 0);
    arrival_close();
}
END_TEST

/* Two links of four bytes: what may be copied is enough for both, or for one. */
START_TEST(test_copies_have_a_limit) {
    stage(false);
    room_forbid(SYS_linkat, EPERM);
    arrival_copies = _i == 0 ? 8 : 7;
    ck_assert_int_eq(arrival_finish(entries, 5), _i == 0 ? 0 : STAGING_DIFFERS);
    if (_i != 0)
        ck_assert_ptr_nonnull(strstr(room_fail.text, "all that was agreed to"));
    ck_assert(room_exists(ARRIVAL_TREE "top") == (_i == 0));
    arrival_close();
}
END_TEST

START_TEST(test_full_disk_for_a_copy) {
    stage(false);
    room_forbid(SYS_linkat, EPERM);
    room_forbid(SYS_copy_file_range, ENOSPC);
    ck_assert_int_eq(arrival_finish(entries, 5), STAGING_NO_SPACE);
    arrival_close();
}
END_TEST

Suite *suite_hardlinks(void) {
    Suite *suite = suite_create("hardlinks");
    TCase *tc = room_case("hardlinks");
    tcase_add_loop_test(tc, test_names_of_one_file, 0, 2);
    tcase_add_loop_test(tc, test_finished_again, 0, 2);
    tcase_add_loop_test(tc, test_what_is_there_already, 0, 2);
    tcase_add_loop_test(tc, test_only_files_of_ours, 0, 2);
    tcase_add_loop_test(tc, test_copies_stand_for_links, 0, 3);
    tcase_add_test(tc, test_copies_of_chunks);
    tcase_add_test(tc, test_copies_keep_holes);
    tcase_add_loop_test(tc, test_copies_have_a_limit, 0, 2);
    tcase_add_test(tc, test_full_disk_for_a_copy);
    suite_add_tcase(suite, tc);
    return suite;
}
