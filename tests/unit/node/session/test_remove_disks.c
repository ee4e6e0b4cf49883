/* What was sent is removed: from disks that come, go and are written behind, and by sessions that
 * are stopped and killed. */

#include "../../files/room.h"
#include "removal.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The file systems that were synced, also in the process of a session. */
static struct synced {
    size_t count;
    dev_t devices[16];
} * synced;

/* In the place of that of the C library. */
int syncfs(int fd) {
    struct stat st;

    if (synced->count < 16 && fstat(fd, &st) == 0)
        synced->devices[synced->count++] = st.st_dev;
    return (int)syscall(SYS_syncfs, fd);
}

static bool was_synced(const struct stat *st) {
    for (size_t i = 0; i < synced->count; i++)
        if (synced->devices[i] == st->st_dev)
            return true;
    return false;
}

static void set_up(void) {
    synced = mmap(NULL, sizeof *synced, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(synced, MAP_FAILED);
}

static void tear_down(void) {
    delivered_close(&removal_sent);
}

START_TEST(what_is_mounted_over_it_hides_it) {
    removal_make_small();
    if (!room_mount("tree", 1u << 20))
        return;
    room_text("tree/a", "another\n");
    removal_run_to_end(0, 4);
    removal_check_stays("tree/a", "it was changed since it was sent");
    ck_assert(room_says("tree/a", "another\n"));
    ck_assert_int_eq(umount("tree"), 0);
    ck_assert_uint_eq(room_count("tree"), 4);
}
END_TEST

/* It is not gone because its disk is. */
START_TEST(a_disk_that_is_away_is_not_gone) {
    room_directory("tree");
    if (!room_mount("tree", 1u << 20))
        return;
    room_text("tree/a", "a\n");
    room_directory("tree/sub");
    room_text("tree/sub/b", "b\n");
    delivered_open(&removal_sent, true, removal_tree);
    ck_assert_int_eq(umount("tree"), 0);
    removal_run_to_end(0, 2);
    ck_assert_ptr_nonnull(
        strstr(removal_said.told, "tree/a stays: the disk that it was on is not there"));
    ck_assert(room_exists("tree"));
}
END_TEST

START_TEST(a_disk_within_is_emptied) {
    struct stat st;

    room_directory("tree");
    room_directory("tree/disk");
    if (!room_mount("tree/disk", 1u << 20))
        return;
    room_text("tree/disk/a", "a\n");
    st = room_stat("tree/disk/a");
    delivered_open(&removal_sent, true, removal_tree);
    removal_run_to_end(1, 1);
    removal_check_stays("tree/disk", "Device or resource busy");
    ck_assert_uint_eq(room_count("tree/disk"), 0);
    ck_assert(was_synced(&st));
    *synced = (struct synced){0};
    removal_run_to_end(1, 1); /* what an earlier session has removed is not durable for that */
    ck_assert(was_synced(&st));
}
END_TEST

START_TEST(a_disk_for_reading_keeps_all) {
    room_directory("tree");
    if (!room_mount("tree", 1u << 20))
        return;
    room_text("tree/a", "a\n");
    room_directory("tree/sub");
    delivered_open(&removal_sent, true, removal_tree);
    ck_assert_int_eq(mount(NULL, "tree", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    removal_run_to_end(0, 2);
    removal_check_stays("tree/a", "Read-only file system");
    removal_check_stays("tree/sub", "Read-only file system");
}
END_TEST

/* Two that send the same: what the other has removed is gone. */
START_TEST(what_is_gone_is_gone) {
    removal_make_small();
    ck_assert_int_eq(unlink("tree/sub/b"), 0);
    ck_assert_int_eq(rmdir("tree/sub"), 0);
    removal_run_to_end(6, 0);
}
END_TEST

START_TEST(more_items_than_descriptors_go) {
    delivered_open_many(&removal_sent);
    removal_run_to_end(DELIVERED_PATHS, 0);
    ck_assert(!room_exists("item 0") && !room_exists("item 47"));
}
END_TEST

START_TEST(it_is_stopped_before_the_next) {
    removal_make_small();
    removal_sent.stopped = true;
    removal_run();
    ck_assert_int_eq(removal_said.outcome, ENDED(FAILED));
    ck_assert(!removal_said.removed);
    ck_assert_uint_eq(room_count("tree"), 4);
    removal_sent.stopped = false;
    removal_run_to_end(6, 0);
}
END_TEST

#ifdef FXNODE_CRASH_POINTS
START_TEST(killed_anywhere_it_goes_on) {
    char point[32];

    removal_make_small();
    for (unsigned i = 1; i <= 7; i++) {
        snprintf(point, sizeof point, i < 7 ? "move-removed" : "move-synced");
        setenv("FXNODE_CRASH", point, 1);
        delivered_run(&removal_sent, REMOVE, &removal_said);
        ck_assert(WIFSIGNALED(removal_said.status) && WTERMSIG(removal_said.status) == SIGKILL);
        ck_assert(!removal_said.removed);
    }
    unsetenv("FXNODE_CRASH");
    ck_assert(!room_exists("tree"));
    removal_run_to_end(6, 0);
}
END_TEST
#endif

/* Nothing goes by what is not the receipt of a sender. */
START_TEST(nothing_goes_by_a_receipt_that_is_none) {
    removal_make_small();
    delivered_mark(&removal_sent);
    ck_assert_int_eq(ftruncate(removal_sent.receipt, (off_t)removal_sent.layout.marks), 0);
    delivered_run_as_is(&removal_sent, REMOVE, &removal_said);
    ck_assert_int_eq(removal_said.outcome, ENDED(FAILED));
    delivered_close(&removal_sent);
    delivered_open(&removal_sent, false, removal_tree);
    removal_run();
    ck_assert_int_eq(removal_said.outcome, ENDED(FAILED));
    ck_assert_uint_eq(room_count("tree"), 4);
}
END_TEST

static void add_tests(TCase *t) {
    tcase_add_test(t, what_is_mounted_over_it_hides_it);
    tcase_add_test(t, a_disk_that_is_away_is_not_gone);
    tcase_add_test(t, a_disk_within_is_emptied);
    tcase_add_test(t, a_disk_for_reading_keeps_all);
    tcase_add_test(t, what_is_gone_is_gone);
    tcase_add_test(t, more_items_than_descriptors_go);
    tcase_add_test(t, it_is_stopped_before_the_next);
#ifdef FXNODE_CRASH_POINTS
    tcase_add_test(t, killed_anywhere_it_goes_on);
#endif
    tcase_add_test(t, nothing_goes_by_a_receipt_that_is_none);
}

int main(void) {
    Suite *suite = suite_create("session-remove-disks");
    TCase *tests = room_case("remove-disks");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    add_tests(tests);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
