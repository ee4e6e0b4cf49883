#include "files/stage_writer.h"
#include "arrival.h"
#include "files/hash.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static char chunk[LIMIT_CHUNK];

static int write_to(const char *path, uint64_t size, uint64_t offset, const void *data,
                    size_t length) {
    struct entry entry = room_file(path, size);
    return stage_writer_write(arrival_writer, &entry, offset, data, length, &room_fail);
}

START_TEST(test_writes_pieces) {
    arrival_open(_i != 0);
    ck_assert_int_eq(write_to("a", 6, 3, "def", 3), 0);
    ck_assert_int_eq(write_to("a", 6, 0, "abc", 3), 0);
    ck_assert(room_says(ARRIVAL_TREE "a", "abcdef"));
    struct stat st = room_stat(ARRIVAL_TREE "a");
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(write_to("empty", 0, 0, "", 0), 0);
    ck_assert(room_says(ARRIVAL_TREE "empty", ""));
    arrival_close();
}
END_TEST

START_TEST(test_whole_files_get_mode_and_time) {
    arrival_open(false);
    ck_assert_int_eq(write_to("a", 3, 0, "abc", 3), 0);
    struct stat st = room_stat(ARRIVAL_TREE "a");
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    ck_assert_int_eq(st.st_mtim.tv_sec, 1000000000);
    ck_assert_int_eq(st.st_mtim.tv_nsec, 123456789);
    arrival_close();
}
END_TEST

/* Two lanes write one file; a later session goes on with it. */
START_TEST(test_goes_on_with_what_is_there) {
    struct stage_writer *other = NULL;
    struct entry entry = room_file("a", 6);
    room_become_user();
    arrival_open(_i != 0);
    ck_assert_int_eq(stage_writer_open(&other, arrival), 0);
    ck_assert_int_eq(write_to("a", 6, 0, "abc", 3), 0);
    ck_assert_int_eq(stage_writer_write(other, &entry, 3, "de", 2, &room_fail), 0);
    stage_writer_close(other);
    arrival_close();
    /* An interrupted finish may have given it a mode that locks out its owner. */
    ck_assert_int_eq(chmod(ARRIVAL_TREE "a", 0), 0);
    arrival_open(_i != 0);
    ck_assert_int_eq(write_to("a", 6, 5, "f", 1), 0);
    ck_assert(room_says(ARRIVAL_TREE "a", "abcdef"));
    arrival_close();
}
END_TEST

START_TEST(test_directories_are_found_again) {
    room_become_user();
    arrival_open(_i != 0);
    arrival_folder(room_folder("d", 0));
    arrival_folder(room_folder("d/e", 0500));
    ck_assert_uint_eq(room_stat(ARRIVAL_TREE "d/e").st_mode & 0777, 0700);
    ck_assert_int_eq(chmod(ARRIVAL_TREE "d/e", 0500), 0);
    ck_assert_int_eq(chmod(ARRIVAL_TREE "d", 0), 0);
    arrival_close();
    arrival_open(_i != 0);
    arrival_folder(room_folder("d", 0));
    arrival_folder(room_folder("d/e", 0500));
    ck_assert_int_eq(write_to("d/e/f", 1, 0, "x", 1), 0);
    ck_assert(room_says(ARRIVAL_TREE "d/e/f", "x"));
    arrival_close();
}
END_TEST

static void link_in_place(void) {
    room_link("../../../../victim", ARRIVAL_TREE "a");
}
static void second_name(void) {
    ck_assert_int_eq(link("victim", ARRIVAL_TREE "a"), 0);
}
static void pipe_in_place(void) {
    ck_assert_int_eq(mkfifo(ARRIVAL_TREE "a", 0600), 0);
}
static void directory_in_place(void) {
    room_directory(ARRIVAL_TREE "a");
}
static void (*const INTRUDERS[])(void) = {link_in_place, second_name, pipe_in_place,
                                          directory_in_place};

START_TEST(test_intruders_are_not_written_to) {
    struct entry entry = room_file("a", 7);
    arrival_open(false);
    room_text("victim", "unharmed");
    INTRUDERS[_i]();
    ck_assert_int_eq(write_to("a", 7, 0, "harmful", 7), STAGING_DIFFERS);
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 0, 0, chunk, &room_fail),
                     STAGING_DIFFERS);
    ck_assert_int_eq(arrival_finish(&entry, 1), STAGING_DIFFERS);
    ck_assert(room_says("victim", "unharmed"));
    arrival_close();
}
END_TEST

START_TEST(test_linked_parents_are_not_entered) {
    arrival_open(_i != 0);
    room_directory("victim");
    room_link("../../../../victim", ARRIVAL_TREE "d");
    struct entry folder = room_folder("d", 0755);
    ck_assert_int_eq(write_to("d/a", 1, 0, "x", 1), STAGING_DIFFERS);
    ck_assert_int_eq(stage_writer_directory(arrival_writer, &folder, &room_fail), STAGING_DIFFERS);
    struct entry entry = room_file("d/a", 1);
    ck_assert_int_eq(stage_writer_drop(arrival_writer, &entry, &room_fail), STAGING_DIFFERS);
    ck_assert_uint_eq(room_count("victim"), 0);
    arrival_close();
}
END_TEST

START_TEST(test_verifies) {
    struct entry entry = room_file("a", 7);
    struct entry other = room_file("b", 7);
    arrival_open(false);
    arrival_file(entry, 5, "content");
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 0, 5, chunk, &room_fail), 0);
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 0, 6, chunk, &room_fail),
                     STAGING_DIFFERS);
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &other, 0, 5, chunk, &room_fail),
                     STAGING_DIFFERS);
    room_text(ARRIVAL_TREE "a", "contend");
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 0, 5, chunk, &room_fail),
                     STAGING_DIFFERS);
    room_text(ARRIVAL_TREE "a", "conten");
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 0, 5, chunk, &room_fail),
                     STAGING_DIFFERS);
    ck_assert_ptr_nonnull(strstr(room_fail.text, ARRIVAL));
    arrival_close();
}
END_TEST

START_TEST(test_verifies_later_chunks) {
    struct entry entry = room_file("big", LIMIT_CHUNK + 3);
    uint8_t hash[LIMIT_CHUNK_HASH];
    arrival_open(false);
    ck_assert_int_eq(write_to("big", entry.size, LIMIT_CHUNK, "end", 3), 0);
    hash_buffer(hash, "end", 3);
    ck_assert_int_eq(hashes_set(staging_hashes(arrival), 11, hash), 0);
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 1, 11, chunk, &room_fail), 0);
    ck_assert_int_eq(stage_writer_verify(arrival_writer, &entry, 0, 10, chunk, &room_fail),
                     STAGING_DIFFERS);
    arrival_close();
}
END_TEST

START_TEST(test_drops) {
    struct entry entry = room_file("a", 7);
    arrival_open(_i != 0);
    arrival_file(entry, 0, "content");
    ck_assert_int_eq(stage_writer_drop(arrival_writer, &entry, &room_fail), 0);
    ck_assert(!room_exists(ARRIVAL_TREE "a"));
    ck_assert_int_eq(stage_writer_drop(arrival_writer, &entry, &room_fail), 0);
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    arrival_file(entry, 0, "another");
    ck_assert(room_says(ARRIVAL_TREE "a", "another"));
    arrival_close();
}
END_TEST

/* What has another name is somebody's: that name keeps it, and nothing is written into it. */
START_TEST(test_drops_what_is_linked) {
    struct entry entry = room_file("a", 7);
    struct entry missing = room_file("b", 7);
    arrival_open(_i != 0);
    arrival_file(entry, 0, "content");
    ck_assert_int_eq(stage_writer_drop_linked(arrival_writer, &entry, &room_fail), 0);
    ck_assert(room_says(ARRIVAL_TREE "a", "content"));
    ck_assert_int_eq(stage_writer_drop_linked(arrival_writer, &missing, &room_fail), 0);
    room_name(ARRIVAL_TREE "a", "placed");
    ck_assert_int_eq(stage_writer_drop_linked(arrival_writer, &entry, &room_fail), 0);
    ck_assert(!room_exists(ARRIVAL_TREE "a"));
    arrival_file(entry, 0, "another");
    ck_assert(room_says(ARRIVAL_TREE "a", "another"));
    ck_assert(room_says("placed", "content"));
    arrival_close();
}
END_TEST

START_TEST(test_large_files_get_room_at_once) {
    arrival_open(false);
    ck_assert_int_eq(write_to("big", 32u << 20, 0, "x", 1), 0);
    struct stat st = room_stat(ARRIVAL_TREE "big");
    ck_assert_int_eq(st.st_size, 1);
    arrival_close();
}
END_TEST

/* In memory that would take long, and all that has to be known is that there is room. */
START_TEST(test_large_files_in_memory_grow) {
    room_directory("in");
    if (!room_mount("in", 64u << 20))
        return;
    arrival_open(false);
    ck_assert_int_eq(write_to("big", 32u << 20, 0, "x", 1), 0);
    ck_assert_int_le(room_stat(ARRIVAL_TREE "big").st_blocks * 512, LIMIT_CHUNK);
    ck_assert_int_eq(write_to("bigger", 65u << 20, 0, "x", 1), STAGING_NO_SPACE);
    ck_assert(!room_exists(ARRIVAL_TREE "bigger"));
    arrival_close();
}
END_TEST

/* A full disk is an outcome everywhere, and writing goes on when there is room again. */
START_TEST(test_full_disk) {
    room_directory("in");
    if (!room_mount("in", LIMIT_CHUNK / 4 * 3))
        return;
    arrival_open(false);
    ck_assert_int_eq(write_to("big", 32u << 20, 0, "x", 1), STAGING_NO_SPACE);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "No space left on device"));
    ck_assert(!room_exists(ARRIVAL_TREE "big"));
    ck_assert_int_eq(write_to("a", LIMIT_CHUNK, 0, chunk, LIMIT_CHUNK), STAGING_NO_SPACE);
    ck_assert_int_eq(write_to("b", 1, 0, "x", 1), STAGING_NO_SPACE);
    struct entry entry = room_file("a", LIMIT_CHUNK);
    ck_assert_int_eq(stage_writer_drop(arrival_writer, &entry, &room_fail), 0);
    ck_assert_int_eq(write_to("b", 1, 0, "x", 1), 0);
    ck_assert(room_says(ARRIVAL_TREE "b", "x"));
    arrival_close();
}
END_TEST

#define LANES 4
#define LANE_FILES 200

static void *write_lane(void *number) {
    struct stage_writer *writer = NULL;
    struct fail fail;
    uintptr_t lane = (uintptr_t)number;
    uintptr_t bad = stage_writer_open(&writer, arrival) != 0;
    for (unsigned i = 0; bad == 0 && i < LANE_FILES; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d%u/%u", i / 50, i % 50);
        /* All lanes write all files: each its own byte. */
        struct entry entry = room_file(name, LANES);
        char byte = (char)('a' + lane);
        bad += stage_writer_write(writer, &entry, lane, &byte, 1, &fail) != 0;
    }
    stage_writer_close(writer);
    return (void *)bad;
}

START_TEST(test_lanes_share_files_and_batches) {
    static const char *const folders[] = {"d0", "d1", "d2", "d3"};
    pthread_t threads[LANES];
    void *bad = NULL;
    arrival_open(_i != 0);
    for (size_t i = 0; i < 4; i++)
        arrival_folder(room_folder(folders[i], 0755));
    for (uintptr_t i = 0; i < LANES; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lane, (void *)i), 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    for (size_t i = 0; i < LANES; i++) {
        pthread_join(threads[i], &bad);
        ck_assert_ptr_null(bad);
    }
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    for (unsigned i = 0; i < LANE_FILES; i++) {
        char name[64];
        snprintf(name, sizeof(name), ARRIVAL_TREE "d%u/%u", i / 50, i % 50);
        ck_assert(room_says(name, "abcd"));
    }
    arrival_close();
}
END_TEST

Suite *suite_stage_writer(void) {
    Suite *suite = suite_create("stage_writer");
    TCase *tc = room_case("stage_writer");
    tcase_add_loop_test(tc, test_writes_pieces, 0, 2);
    tcase_add_test(tc, test_whole_files_get_mode_and_time);
    tcase_add_loop_test(tc, test_goes_on_with_what_is_there, 0, 2);
    tcase_add_loop_test(tc, test_directories_are_found_again, 0, 2);
    tcase_add_loop_test(tc, test_intruders_are_not_written_to, 0,
                        sizeof(INTRUDERS) / sizeof(*INTRUDERS));
    tcase_add_loop_test(tc, test_linked_parents_are_not_entered, 0, 2);
    tcase_add_test(tc, test_verifies);
    tcase_add_test(tc, test_verifies_later_chunks);
    tcase_add_loop_test(tc, test_drops, 0, 2);
    tcase_add_loop_test(tc, test_drops_what_is_linked, 0, 2);
    tcase_add_test(tc, test_large_files_get_room_at_once);
    tcase_add_test(tc, test_large_files_in_memory_grow);
    tcase_add_test(tc, test_full_disk);
    tcase_add_loop_test(tc, test_lanes_share_files_and_batches, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
