#include "lab.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE (12u << 20)
#define BATCH (2u << 20)
#define FILES 40u

static struct lab lab;

/* A large file of whole chunks, whose units come first, and a small tree. */
static void set_up(void) {
    lab_open(&lab);
    lab.batch_bytes = BATCH;
    lab.lanes = 2;
    tree_file(lab.source, "large", LARGE, 5, 0644);
    tree_of_many(lab.source, "tree", FILES);
    lab_add(&lab, "tree");
    lab_add(&lab, "large");
    lab_scan(&lab);
}

static void tear_down(void) {
    lab_close(&lab);
}

/* Content bytes of what is recorded as durable. */
static uint64_t durable_bytes(void) {
    uint64_t unit = LARGE / LIMIT_CHUNK;
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < unit; i++)
        bytes += rangeset_contains(&lab.extents, i, 1) ? LIMIT_CHUNK : 0;
    for (unsigned directory = 0; directory < 7; directory++)
        for (unsigned file = directory; file < FILES; file += 7)
            bytes += rangeset_contains(&lab.extents, unit++, 1) ? file : 0;
    return bytes;
}

static void expect_complete(void) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert(lab.placed && lab.delivered && lab.finished);
    ck_assert_uint_eq(lab.failed, 0);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
    ck_assert_int_eq(tree_count(lab.destination), 2);
    tree_compare(lab_path(lab.source, "large"), lab_path(lab.destination, "large"));
    tree_compare(lab_path(lab.source, "tree"), lab_path(lab.destination, "tree"));
}

/* The receiver is killed at a crash point; the sender takes that for a lost connection. */
static void crash_at(const char *point) {
    lab.crash = point;
    lab_transfer(&lab);
    lab.crash = NULL;
    ck_assert_msg(lab.receiver.killed, "the receiver did not pass %s", point);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(LOST));
    ck_assert(!lab.delivered);
}

static void clean_up(void) {
    lab_outcome before = lab.receiver.outcome;

    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__CLEAN);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    lab.receiver.outcome = before;
}

static const char *const early[] = {"offered",        "accepted",          "manifest-synced",
                                    "batch-written",  "batch-written:3",   "batch-synced",
                                    "batch-synced:4", "extents-committed", "extents-committed:3"};

START_TEST(what_is_recorded_is_not_sent_again) {
    uint64_t durable = 0;

    crash_at(early[_i]);
    durable = durable_bytes();
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.sender.moved, lab.bytes - durable);
}
END_TEST

static const char *const late[] = {"placing-committed", "renamed", "renamed:2", "done-committed"};

START_TEST(placing_goes_on_at_the_next_connection) {
    crash_at(late[_i]);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_eq(lab.sender.moved, 0);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    ck_assert(lab.placed && lab.delivered && lab.finished);
    /* The node would have that done when it starts: all is recorded as done. */
    if (strcmp(late[_i], "done-committed") == 0)
        clean_up();
    expect_complete();
}
END_TEST

START_TEST(placing_goes_on_without_a_connection) {
    crash_at(late[_i]);
    if (!lab.placed) {
        lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
        ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "placing: %s",
                      lab.receiver.text);
    } else {
        lab_recover(&lab, FXNODE__HELPER__JOB__KIND__CLEAN);
    }
    ck_assert(lab.placed);
    lab_transfer(&lab);
    expect_complete();
}
END_TEST

/* Something in the staging directory that is not the receiver's to remove. */
static void litter(void) {
    const char *stray = NULL;

    ck_assert_int_eq(mkdir(lab_path(lab.destination, ".fxnode/7/stray"), 0755), 0);
    tree_file(lab.destination, ".fxnode/7/stray/file", 1, 1, 0644);
    stray = lab_path(lab.destination, ".fxnode/7/stray");
    ck_assert_int_eq(chown(stray, 12345, 12345), 0);
}

static const char *const littered[] = {"extents-committed", "placing-committed"};

/* The node has to hear of it, as it looks again only for what is not recorded as removed. */
START_TEST(what_cannot_be_removed_is_not_called_clean) {
    if (geteuid() != 0)
        return; /* who cannot give a directory away */
    crash_at(littered[_i]);
    litter();
    lab.bounded = true;
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert(lab.placed && lab.delivered);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(FAILED));
    ck_assert_ptr_nonnull(strstr(lab.receiver.text, "cannot remove"));
    lab.bounded = false;
    clean_up();
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
}
END_TEST

/* What it reads came from a peer: it has no more rights than the session that received it. */
START_TEST(recovery_is_confined_too) {
    crash_at("placing-committed");
    bool before = lab.receiver.confined;
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    ck_assert_int_eq(lab.receiver.confined, before);
}
END_TEST

START_TEST(recovery_can_be_interrupted_too) {
    crash_at("placing-committed");
    lab.crash = "renamed";
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    ck_assert(lab.receiver.killed);
    lab.crash = NULL;
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    lab_transfer(&lab);
    expect_complete();
}
END_TEST

/* A peer's own directory: staged, placed and recovered there, and nowhere else. */
static const char *const in_directory[] = {"extents-committed:2", "placing-committed", "renamed"};

START_TEST(a_directory_of_the_peer_is_kept_to) {
    strcpy(lab.directory, "from/phone");
    crash_at(in_directory[_i]);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
    ck_assert_int_ge(tree_count(lab_path(lab.destination, "from/phone/.fxnode/7")), 0);
    if (lab.placing)
        lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    lab_transfer(&lab);
    ck_assert(lab.placed && lab.delivered && lab.finished);
    ck_assert_int_eq(tree_count(lab.destination), 1);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, "from/phone")), 2);
    tree_compare(lab_path(lab.source, "large"), lab_path(lab.destination, "from/phone/large"));
    tree_compare(lab_path(lab.source, "tree"), lab_path(lab.destination, "from/phone/tree"));
}
END_TEST

/* Somebody puts a link in its place meanwhile, to where the same things are. */
static void swap_for_link(void) {
    ck_assert_int_eq(rename(lab_path(lab.destination, "from"), lab_path(lab.root, "away")), 0);
    ck_assert_int_eq(symlink("../away", lab_path(lab.destination, "from")), 0);
}

START_TEST(no_link_is_followed_to_a_directory_of_the_peer) {
    strcpy(lab.directory, "from/phone");
    crash_at("placing-committed");
    swap_for_link();
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(FAILED));
    ck_assert_msg(strstr(lab.receiver.text, "symbolic link") != NULL, "%s", lab.receiver.text);
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__CLEAN);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(FAILED));
    lab_transfer(&lab);
    ck_assert(!lab.placed && !lab.delivered);
    ck_assert_int_eq(tree_count(lab_path(lab.root, "away/phone")), 1);
    ck_assert_int_ge(tree_count(lab_path(lab.root, "away/phone/.fxnode/7")), 0);
}
END_TEST

/* Between recording a name and taking it somebody else took it. */
START_TEST(a_name_taken_meanwhile_is_kept) {
    crash_at("placing-committed");
    tree_file(lab.destination, "large", 3, 1, 0644);
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__PLACE);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    tree_compare(lab_path(lab.source, "large"), lab_path(lab.destination, "large (2)"));
    tree_compare(lab_path(lab.source, "tree"), lab_path(lab.destination, "tree"));
}
END_TEST

START_TEST(a_killed_sender_goes_on) {
    uint64_t durable = 0;

    lab.kill_sender_at = 2;
    lab_transfer(&lab);
    lab.kill_sender_at = 0;
    ck_assert(lab.sender.killed);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(LOST));
    durable = durable_bytes();
    ck_assert_uint_gt(durable, 0);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.sender.moved, lab.bytes - durable);
}
END_TEST

static const struct {
    bool sender; /* whose node says so */
    Fxnode__Helper__Stop__Reason reason;
    lab_outcome other; /* what the other side takes it for */
} stops[] = {
    {true, LAB_STOP(PAUSE), LAB_ENDED(PAUSED)},  {false, LAB_STOP(PAUSE), LAB_ENDED(PAUSED)},
    {true, LAB_STOP(RETIRE), LAB_ENDED(LOST)},   {false, LAB_STOP(RETIRE), LAB_ENDED(LOST)},
    {true, LAB_STOP(REPLACED), LAB_ENDED(LOST)}, {false, LAB_STOP(REPLACED), LAB_ENDED(LOST)}};

START_TEST(a_stop_is_told_and_resumed) {
    lab.rate = 4000000; /* so that the end does not come before the stop */
    lab.stop_sender_at = stops[_i].sender ? 1 : 0;
    lab.stop_receiver_at = stops[_i].sender ? 0 : 1;
    lab.stop_reason = stops[_i].reason;
    lab_transfer(&lab);
    ck_assert_int_eq((stops[_i].sender ? lab.sender : lab.receiver).outcome, LAB_ENDED(STOPPED));
    ck_assert_int_eq((stops[_i].sender ? lab.receiver : lab.sender).outcome, stops[_i].other);
    lab.stop_sender_at = lab.stop_receiver_at = 0;
    lab.rate = 0;
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_lt(lab.sender.moved, lab.bytes);
}
END_TEST

START_TEST(a_cancelled_transfer_leaves_nothing) {
    lab.rate = 4000000;
    lab.stop_sender_at = _i == 0 ? 1 : 0;
    lab.stop_receiver_at = _i == 0 ? 0 : 1;
    lab.stop_reason = LAB_STOP(CANCEL);
    lab_transfer(&lab);
    ck_assert_int_eq((_i == 0 ? lab.sender : lab.receiver).outcome, LAB_ENDED(STOPPED));
    ck_assert_int_eq((_i == 0 ? lab.receiver : lab.sender).outcome, LAB_ENDED(CANCELLED));
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__CLEAN);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(COMPLETE));
    ck_assert_int_eq(tree_count(lab.destination), 0);
}
END_TEST

START_TEST(cleaning_up_twice_is_fine) {
    crash_at("batch-synced:2");
    for (int i = 0; i < 2; i++) {
        lab_recover(&lab, FXNODE__HELPER__JOB__KIND__CLEAN);
        ck_assert_int_eq(lab.receiver.outcome, i == 0 ? LAB_ENDED(COMPLETE) : LAB_ENDED(ABSENT));
    }
    ck_assert_int_le(tree_count(lab_path(lab.destination, ".fxnode")), 0);
}
END_TEST

/* Something recorded rots on the disk: it is found, forgotten and sent again. */
START_TEST(damage_is_found) {
    uint64_t durable = 0;
    int fd = -1;

    crash_at("extents-committed:3");
    durable = durable_bytes();
    ck_assert(rangeset_contains(&lab.extents, 0, 1));
    fd = open(lab_path(lab.destination, ".fxnode/7/tree/large"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "rot", 3, 4711), 3);
    close(fd);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.sender.moved, lab.bytes - durable + LIMIT_CHUNK);
}
END_TEST

/* What the database says counts only together with what is on the disk: another one that is there
 * in its place (with a staging of the same number, too) gets nothing and loses nothing, and the
 * sender comes back until the right one is there. */
START_TEST(an_absent_staging_is_waited_for) {
    crash_at("extents-committed:3");
    uint64_t held = durable_bytes();
    ck_assert_int_eq(
        rename(lab_path(lab.destination, ".fxnode"), lab_path(lab.source, "taken out")), 0);
    if (_i == 1) {
        ck_assert_int_eq(mkdir(lab_path(lab.destination, ".fxnode"), 0700), 0);
        ck_assert_int_eq(mkdir(lab_path(lab.destination, ".fxnode/1"), 0700), 0);
        tree_file(lab_path(lab.destination, ".fxnode/1"), "manifest", 100, 9, 0600);
    }
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(BUSY));
    ck_assert_ptr_nonnull(strstr(lab.receiver.text, "does not hold what has arrived"));
    ck_assert_uint_eq(durable_bytes(), held);
    ck_assert_int_eq(tree_count(lab.destination), _i);
    if (_i == 1) {
        ck_assert_int_eq(access(lab_path(lab.destination, ".fxnode/1/manifest"), F_OK), 0);
        tree_remove(lab_path(lab.destination, ".fxnode"));
    }
    ck_assert_int_eq(
        rename(lab_path(lab.source, "taken out"), lab_path(lab.destination, ".fxnode")), 0);
    lab_transfer(&lab);
    expect_complete();
    ck_assert_uint_eq(lab.sender.moved, lab.bytes - held);
}
END_TEST

START_TEST(a_file_that_changes_in_between_is_dropped) {
    crash_at("extents-committed:3");
    tree_file(lab.source, "large", LARGE, 6, 0644);
    lab_transfer(&lab);
    ck_assert_int_eq(lab.sender.outcome, LAB_ENDED(COMPLETE));
    ck_assert_uint_eq(lab.delivered_failed, 1);
    ck_assert_int_eq(tree_count(lab.destination), 1);
    tree_compare(lab_path(lab.source, "tree"), lab_path(lab.destination, "tree"));
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

static Suite *suite(void) {
    Suite *s = suite_create("session-resume");
    TCase *crash = tcase_create("crash");
    TCase *stop = tcase_create("stop");

    tcase_add_checked_fixture(crash, set_up, tear_down);
    tcase_set_timeout(crash, 60);
    tcase_add_loop_test(crash, what_is_recorded_is_not_sent_again, 0, COUNT(early));
    tcase_add_loop_test(crash, placing_goes_on_at_the_next_connection, 0, COUNT(late));
    tcase_add_loop_test(crash, placing_goes_on_without_a_connection, 0, COUNT(late));
    tcase_add_loop_test(crash, what_cannot_be_removed_is_not_called_clean, 0, COUNT(littered));
    tcase_add_test(crash, recovery_is_confined_too);
    tcase_add_test(crash, recovery_can_be_interrupted_too);
    tcase_add_loop_test(crash, a_directory_of_the_peer_is_kept_to, 0, COUNT(in_directory));
    tcase_add_test(crash, no_link_is_followed_to_a_directory_of_the_peer);
    tcase_add_test(crash, a_name_taken_meanwhile_is_kept);
    tcase_add_test(crash, a_killed_sender_goes_on);
    suite_add_tcase(s, crash);
    tcase_add_checked_fixture(stop, set_up, tear_down);
    tcase_set_timeout(stop, 60);
    tcase_add_loop_test(stop, a_stop_is_told_and_resumed, 0, COUNT(stops));
    tcase_add_loop_test(stop, a_cancelled_transfer_leaves_nothing, 0, 2);
    tcase_add_test(stop, cleaning_up_twice_is_fine);
    tcase_add_test(stop, damage_is_found);
    tcase_add_loop_test(stop, an_absent_staging_is_waited_for, 0, 2);
    tcase_add_test(stop, a_file_that_changes_in_between_is_dropped);
    suite_add_tcase(s, stop);
    return s;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    int failed = 0;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
