#include "files/staging.h"
#include "arrival.h"
#include "room.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(test_makes_the_destination) {
    struct destination *destination = NULL;
    uint64_t bytes = 0;
    ck_assert_int_eq(destination_open(&destination, room_path("x/y/z"), "", &room_fail), 0);
    ck_assert(S_ISDIR(room_stat("x/y/z/.fxnode").st_mode));
    ck_assert_uint_eq(room_stat("x/y/z/.fxnode").st_mode & 0777, 0700);
    ck_assert_uint_eq(room_stat("x/y").st_mode & 0777, 0755);
    ck_assert_int_eq(destination_free_bytes(destination, &bytes), 0);
    ck_assert_uint_gt(bytes, 0);
    destination_close(destination);
}
END_TEST

START_TEST(test_destination_may_be_a_link) {
    struct destination *destination = NULL;
    room_directory("real");
    room_link("real", "in");
    ck_assert_int_eq(destination_open(&destination, room_path("in"), "", &room_fail), 0);
    ck_assert(room_exists("real/.fxnode"));
    destination_close(destination);
}
END_TEST

static void area_is_link(void) {
    room_directory("in");
    room_directory("elsewhere");
    room_link("../elsewhere", "in/.fxnode");
}
static void area_is_file(void) {
    room_directory("in");
    room_text("in/.fxnode", "mine");
}
static void destination_is_file(void) {
    room_text("in", "mine");
}
static void (*const OBSTACLES[])(void) = {area_is_link, area_is_file, destination_is_file};

START_TEST(test_obstacles_are_refused) {
    struct destination *destination = NULL;
    OBSTACLES[_i]();
    ck_assert_int_lt(destination_open(&destination, room_path("in"), "", &room_fail), 0);
    ck_assert_ptr_null(destination);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "/in"));
}
END_TEST

START_TEST(test_area_of_another_user_is_refused) {
    struct destination *destination = NULL;
    if (geteuid() != 0) {
        printf("SKIPPED: only root can make an area of another user\n");
        return;
    }
    room_directory("in");
    room_directory("in/.fxnode");
    ck_assert_int_eq(chmod("in/.fxnode", 0777), 0);
    room_become_user();
    ck_assert_int_lt(destination_open(&destination, room_path("in"), "", &room_fail), 0);
    ck_assert_ptr_nonnull(strstr(room_fail.text, "belongs to another user"));
}
END_TEST

START_TEST(test_unwritable_destination_is_named) {
    struct destination *destination = NULL;
    room_become_user();
    room_directory("in");
    ck_assert_int_eq(chmod("in", 0555), 0);
    ck_assert_int_eq(destination_open(&destination, room_path("in"), "", &room_fail), -EACCES);
    ck_assert_int_eq(destination_open(&destination, room_path("in/a/b"), "", &room_fail), -EACCES);
}
END_TEST

START_TEST(test_an_open_area_is_closed) {
    room_directory("in");
    room_directory("in/.fxnode");
    arrival_open(false);
    ck_assert_uint_eq(room_stat("in/.fxnode").st_mode & 0777, 0700);
    ck_assert_uint_eq(room_stat(ARRIVAL).st_mode & 0777, 0700);
    arrival_close();
}
END_TEST

START_TEST(test_one_at_a_time) {
    struct staging *second = NULL;
    arrival_open(false);
    ck_assert_int_eq(staging_open(&second, arrival_destination, 7, true, &room_fail), STAGING_BUSY);
    ck_assert_ptr_nonnull(strstr(room_fail.text, ARRIVAL));
    ck_assert_int_eq(staging_open(&second, arrival_destination, 8, true, &room_fail), 0);
    staging_close(second);
    stage_writer_close(arrival_writer);
    staging_close(arrival);
    ck_assert_int_eq(staging_open(&arrival, arrival_destination, 7, false, &room_fail), 0);
    staging_close(arrival);
    destination_close(arrival_destination);
}
END_TEST

START_TEST(test_none_is_an_answer) {
    struct staging *staging = NULL;
    struct destination *destination = NULL;
    ck_assert_int_eq(destination_open(&destination, room_path("in"), "", &room_fail), 0);
    ck_assert_int_eq(staging_open(&staging, destination, 7, false, &room_fail), STAGING_NONE);
    ck_assert_uint_eq(room_count("in/.fxnode"), 0);
    destination_close(destination);
}
END_TEST

START_TEST(test_manifest_is_there_only_when_committed) {
    int fd = -1;
    int again = -1;
    char text[16];
    arrival_open(false);
    ck_assert_int_eq(staging_manifest_open(arrival, &fd, &room_fail), STAGING_NONE);
    ck_assert_int_eq(staging_manifest_create(arrival, &fd, &room_fail), 0);
    ck_assert_int_eq(write(fd, "half of it", 10), 10);
    ck_assert_int_eq(staging_manifest_open(arrival, &again, &room_fail), STAGING_NONE);
    close(fd);
    ck_assert_int_eq(staging_manifest_create(arrival, &fd, &room_fail), 0);
    ck_assert_int_eq(write(fd, "whole", 5), 5);
    ck_assert_int_eq(staging_manifest_commit(arrival, fd, &room_fail), 0);
    close(fd);
    arrival_close();
    arrival_open(false);
    ck_assert_int_eq(staging_manifest_open(arrival, &fd, &room_fail), 0);
    ck_assert_int_eq(read(fd, text, sizeof(text)), 5);
    ck_assert_mem_eq(text, "whole", 5);
    close(fd);
    arrival_close();
}
END_TEST

/* Whoever committed it may have been killed before its name was durable, and its area's. */
START_TEST(test_manifest_of_before_is_made_durable) {
    int fd = -1;
    arrival_open(false);
    ck_assert_int_eq(staging_manifest_create(arrival, &fd, &room_fail), 0);
    ck_assert_int_eq(staging_manifest_commit(arrival, fd, &room_fail), 0);
    close(fd);
    arrival_close();
    arrival_open(false);
    room_forbid(SYS_fsync, EIO);
    ck_assert_int_eq(staging_manifest_open(arrival, &fd, &room_fail), -EIO);
    ck_assert_int_eq(fd, -1);
    arrival_close();
}
END_TEST

static void commit_manifest(void) {
    int fd = -1;
    ck_assert_int_eq(staging_manifest_create(arrival, &fd, &room_fail), 0);
    staging_manifest_commit(arrival, fd, &room_fail);
}

static void sync_batch(void) {
    arrival_file(room_file("a", 1), 0, "x");
    staging_sync_batch(arrival, &room_fail);
}

static void place_one(void) {
    struct entry entry = room_file("a", 1);
    struct place_item item = arrival_item(&entry);
    arrival_file(entry, 0, "x");
    ck_assert_int_eq(arrival_finish(&entry, 1), 0);
    ck_assert_int_eq(place_choose(arrival, &item, &room_fail), 0);
    place_item(arrival, &item, &room_fail);
}

static const struct {
    const char *name;
    void (*act)(void);
    const char *remains;
} POINTS[] = {
    {"manifest-synced", commit_manifest, ARRIVAL "/manifest"},
    {"batch-written", sync_batch, ARRIVAL_TREE "a"},
    {"batch-synced", sync_batch, ARRIVAL_TREE "a"},
    {"renamed", place_one, "in/a"},
};

/* At each point the process dies at once, and the next one gets the lock and finds what it left. */
START_TEST(test_crash_points) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setenv("FXNODE_CRASH", POINTS[_i].name, 1);
        arrival_open(false);
        POINTS[_i].act();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ck_assert(room_exists(POINTS[_i].remains));
    arrival_open(false);
    arrival_close();
}
END_TEST

/* More files than are synced one by one, and few: both end in a tree that is there. */
START_TEST(test_small_and_large_batches) {
    arrival_open(_i != 0);
    char names[2 * STAGING_SYNC_FILES][16];
    arrival_folder(room_folder("d", 0755));
    ck_assert_int_eq(staging_sync_directories(arrival, &room_fail), 0);
    for (unsigned i = 0; i < 2 * STAGING_SYNC_FILES; i++) {
        snprintf(names[i], sizeof(names[i]), "d/%03u", i);
        arrival_file(room_file(names[i], 4), i, "text");
        if (i == 3 || i == STAGING_SYNC_FILES)
            ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    }
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    ck_assert_uint_eq(room_count(ARRIVAL_TREE "d"), 2 * STAGING_SYNC_FILES);
    ck_assert(room_says(ARRIVAL_TREE "d/000", "text"));
    arrival_close();
}
END_TEST

/* Files written and not yet synced stay open, but never more than are synced one by one. */
START_TEST(test_descriptors_are_bounded) {
    char names[300][16];
    arrival_open(false);
    size_t before = room_count("/proc/self/fd");
    for (unsigned i = 0; i < 300; i++) {
        snprintf(names[i], sizeof(names[i]), "%03u", i);
        arrival_file(room_file(names[i], 4), i, "text");
        ck_assert_uint_le(room_count("/proc/self/fd"), before + STAGING_SYNC_FILES + 2);
    }
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    ck_assert_uint_le(room_count("/proc/self/fd"), before + 2);
    arrival_close();
}
END_TEST

Suite *suite_staging(void) {
    Suite *suite = suite_create("staging");
    TCase *tc = room_case("staging");
    tcase_add_test(tc, test_makes_the_destination);
    tcase_add_test(tc, test_destination_may_be_a_link);
    tcase_add_loop_test(tc, test_obstacles_are_refused, 0, sizeof(OBSTACLES) / sizeof(*OBSTACLES));
    tcase_add_test(tc, test_area_of_another_user_is_refused);
    tcase_add_test(tc, test_unwritable_destination_is_named);
    tcase_add_test(tc, test_an_open_area_is_closed);
    tcase_add_test(tc, test_one_at_a_time);
    tcase_add_test(tc, test_none_is_an_answer);
    tcase_add_test(tc, test_manifest_is_there_only_when_committed);
    tcase_add_test(tc, test_manifest_of_before_is_made_durable);
    tcase_add_loop_test(tc, test_crash_points, 0, sizeof(POINTS) / sizeof(*POINTS));
    tcase_add_loop_test(tc, test_small_and_large_batches, 0, 2);
    tcase_add_test(tc, test_descriptors_are_bounded);
    suite_add_tcase(suite, tc);
    return suite;
}
