/* Random trees that arrive whole whatever is cut off on the way, where and how often. Each has a
 * seed: FXNODE_TREES says how many there are, FXNODE_TREES_SEED which is the first. With
 * FXNODE_TREES_SHARE, from 1 to SHARES, only that share of them is tried. */
#include "lab.h"
#include "tree.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TREES 160
#define SHARES 4
#define CUTS 3

static struct lab lab;
static uint64_t chance;

/* xorshift64*: 0 to below `below`. */
static uint64_t pick(uint64_t below) {
    chance ^= chance >> 12;
    chance ^= chance << 25;
    chance ^= chance >> 27;
    return chance * 0x2545f4914f6cdd1dULL % below;
}

static unsigned long setting(const char *name, unsigned long otherwise) {
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

/* The generator and the comparer are those of the scenarios. They use nothing but what comes with
 * Python: without the rest (-S) it starts sooner. */
static void run_tool(const char *kind, const char *directory, const char *other,
                     const char *option) {
    char command[1024];

    snprintf(command, sizeof command, "cd '%s' && exec '%s' -S -B -m lab.tree_tool %s '%s' '%s' %s",
             SCENARIOS, PYTHON, kind, directory, other, option);
    ck_assert_msg(system(command) == 0, "cannot %s %s", kind, directory);
}

/* As ordinary users have it, every other time; in part, every fourth. */
static void choose_rights(unsigned long seed) {
    bool root = geteuid() == 0;

    lab.sender_bounded = !root || seed % 4 == 1;
    lab.bounded = !root || seed % 2 == 1;
}

static void make_tree(unsigned long seed) {
    char number[32];

    snprintf(number, sizeof number, "%lu", seed);
    run_tool("make", lab_path(lab.source, "tree"), number, lab.sender_bounded ? "readable" : "");
    lab_add(&lab, "tree");
    lab_scan(&lab);
    ck_assert_uint_eq(lab.sender.notes, 0);
}

/* Those that come more than once do so at batches. */
static const char *const receiver_points[] = {
    "offered",         "accepted",          "manifest-synced",   "batch-written",
    "batch-written:2", "batch-synced",      "extents-committed", "extents-committed:2",
    "finished",        "placing-committed", "renamed",           "done-committed"};
static const char *const sender_points[] = {"offered", "accepted"};

static const Fxnode__Helper__Stop__Reason reasons[] = {LAB_STOP(PAUSE), LAB_STOP(RETIRE)};

#define ONE_OF(array) (array)[pick(sizeof(array) / sizeof *(array))]

/* What disturbs the next run: somebody dies or stops at a point or a batch, or after some bytes of
 * one connection it is lost. Returns how it is called. */
static const char *choose_cut(void) {
    unsigned at = 1 + (unsigned)pick(3);

    lab.stop_reason = ONE_OF(reasons);
    switch (pick(9)) {
    case 0:
    case 1:
        lab.crash = ONE_OF(receiver_points);
        return lab.crash;
    case 2:
        lab.sender_crash = ONE_OF(sender_points);
        return lab.sender_crash;
    case 3:
        lab.kill_sender_at = at;
        return "the sender killed";
    case 4:
        lab.kill_receiver_at = at;
        return "the receiver killed";
    case 5:
        lab.stop_sender_at = at;
        return "the sender stopped";
    case 6:
        lab.stop_receiver_at = at;
        return "the receiver stopped";
    default:
        lab.cut_lane = (uint32_t)pick(lab.lanes);
        lab.cut_after = 1 + pick(pick(2) == 0 ? 20000 : lab.bytes + 20000);
        return "a connection lost";
    }
}

static void undisturb(void) {
    lab.crash = lab.sender_crash = NULL;
    lab.kill_sender_at = lab.kill_receiver_at = 0;
    lab.stop_sender_at = lab.stop_receiver_at = 0;
    lab.cut_after = 0;
}

/* A cut is nobody's fault: neither of the peer, nor one that would not get better. */
static void expect_no_fault(const struct lab_session *session, const char *who, const char *cut) {
    ck_assert_msg(session->killed || session->outcome == LAB_ENDED(COMPLETE) ||
                      session->outcome == LAB_ENDED(LOST) ||
                      session->outcome == LAB_ENDED(STOPPED) ||
                      session->outcome == LAB_ENDED(PAUSED) || session->outcome == LAB_ENDED(BUSY),
                  "%s after %s: %d %s", who, cut, session->outcome, session->text);
}

/* What the receiver's node does when it starts, or at leisure. */
static void recover(void) {
    if (!lab.placing)
        return;
    lab_recover(&lab,
                lab.placed ? FXNODE__HELPER__JOB__KIND__CLEAN : FXNODE__HELPER__JOB__KIND__PLACE);
    if (lab.placed && lab.receiver.outcome == LAB_ENDED(ABSENT))
        lab.receiver.outcome = LAB_ENDED(COMPLETE); /* the session before has cleaned up */
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "recovery: %s", lab.receiver.text);
}

static void expect_delivered(void) {
    ck_assert_msg(lab.sender.outcome == LAB_ENDED(COMPLETE), "the sender: %d %s",
                  lab.sender.outcome, lab.sender.text);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "the receiver: %d %s",
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert(lab.placed && lab.delivered && lab.finished);
    ck_assert_uint_eq(lab.failed, 0);
    ck_assert_uint_eq(lab.delivered_failed, 0);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode")), -1);
    ck_assert_int_eq(tree_count(lab.destination), 1);
}

static void transfer_with_cuts(void) {
    static const uint64_t batches[] = {256 << 10, 1 << 20, 4 << 20, 64 << 20};

    lab.lanes = 1 + (uint32_t)pick(4);
    lab.batch_bytes = ONE_OF(batches);
    for (int i = 0; i < CUTS && !lab.delivered; i++) {
        const char *cut = choose_cut();
        printf("  %s\n", cut);
        lab_transfer(&lab);
        undisturb();
        expect_no_fault(&lab.sender, "the sender", cut);
        expect_no_fault(&lab.receiver, "the receiver", cut);
        if (pick(2) == 0)
            recover();
    }
    if (!lab.finished)
        lab_transfer(&lab);
    else
        lab.sender.outcome = lab.receiver.outcome = LAB_ENDED(COMPLETE);
    recover();
}

START_TEST(a_tree_arrives_over_cuts) {
    unsigned long seed = setting("FXNODE_TREES_SEED", 1) + (unsigned long)_i;

    printf("tree %lu (FXNODE_TREES=1 FXNODE_TREES_SEED=%lu makes only that)\n", seed, seed);
    chance = seed * 0x9e3779b97f4a7c15ULL + 1;
    lab_open(&lab);
    choose_rights(seed);
    make_tree(seed);
    transfer_with_cuts();
    expect_delivered();
    run_tool("check", lab_path(lab.source, "tree"), lab_path(lab.destination, "tree"), "");
    lab_close(&lab);
}
END_TEST

static Suite *suite(void) {
    unsigned long count = setting("FXNODE_TREES", TREES);
    unsigned long share = setting("FXNODE_TREES_SHARE", 0);
    unsigned long from = share == 0 ? 0 : count * (share - 1) / SHARES;
    unsigned long to = share == 0 ? count : count * share / SHARES;
    Suite *s = suite_create("session-trees");
    TCase *trees = tcase_create("trees");

    tcase_set_timeout(trees, 120);
    tcase_add_loop_test(trees, a_tree_arrives_over_cuts, (int)from, (int)to);
    suite_add_tcase(s, trees);
    return s;
}

int main(void) {
    SRunner *runner = srunner_create(suite());
    int failed = 0;

    /* What a test prints is there also where it is killed. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
