#include "hostile.h"
#include "lab.h"
#include "lab_tell.h"
#include "peer.h"
#include "tree.h"

#include "proto/features.h"
#include "proto/transfer.pb-c.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lab lab;

static void set_up(void) {
    lab_open(&lab);
    hostile_make_manifest(lab.manifest_hash);
}

static void tear_down(void) {
    lab_close(&lab);
}

static const struct {
    const char *name;
    hostile_script *play;
    lab_outcome outcome;
} towards_receiver[] = {
    {"garbage", hostile_send_garbage, LAB_ENDED(PROTOCOL)},
    {"length", hostile_send_length, LAB_ENDED(PROTOCOL)},
    {"nonsense", hostile_send_nonsense, LAB_ENDED(PROTOCOL)},
    {"nothing", hostile_send_nothing, LAB_ENDED(LOST)},
    {"final", hostile_send_final, LAB_ENDED(LOST)},
    {"wrong role", hostile_send_wrong_role, LAB_ENDED(PROTOCOL)},
    {"data first", hostile_send_data_first, LAB_ENDED(PROTOCOL)},
    {"packed first", hostile_send_packed_first, LAB_ENDED(PROTOCOL)},
    {"offer and leave", hostile_offer_and_leave, LAB_ENDED(LOST)},
    {"offer then data", hostile_offer_then_data, LAB_ENDED(PROTOCOL)},
    {"offer twice", hostile_offer_twice, LAB_ENDED(PROTOCOL)},
    {"another manifest", hostile_offer_another_manifest, LAB_ENDED(PROTOCOL)},
    {"a way out", hostile_offer_manifest, LAB_ENDED(PROTOCOL)},
    {"agree and leave", hostile_agree_and_leave, LAB_ENDED(LOST)},
    {"half", hostile_agree_then_half, LAB_ENDED(LOST)},
    {"beyond", hostile_agree_then_beyond, LAB_ENDED(PROTOCOL)},
    {"packed", hostile_agree_then_packed, LAB_ENDED(LOST)},
    {"packed spoilt", hostile_agree_then_packed_spoilt, LAB_ENDED(PROTOCOL)},
    {"packed beyond", hostile_agree_then_packed_beyond, LAB_ENDED(PROTOCOL)},
    {"packed that is no data", hostile_agree_then_packed_control, LAB_ENDED(PROTOCOL)},
    {"directory", hostile_agree_then_directory, LAB_ENDED(PROTOCOL)},
    {"nowhere", hostile_agree_then_nowhere, LAB_ENDED(PROTOCOL)},
    {"cut", hostile_agree_then_cut, LAB_ENDED(PROTOCOL)},
    {"out of order", hostile_agree_then_out_of_order, LAB_ENDED(PROTOCOL)},
    {"hole beyond", hostile_agree_then_hole_beyond, LAB_ENDED(PROTOCOL)},
    {"hole over chunks", hostile_agree_then_hole_over_chunks, LAB_ENDED(PROTOCOL)},
    {"vast hole", hostile_agree_then_vast_hole, LAB_ENDED(PROTOCOL)},
    {"hole over data", hostile_agree_then_hole_over_data, LAB_ENDED(PROTOCOL)},
    {"sent too soon", hostile_agree_then_sent, LAB_ENDED(PROTOCOL)},
    {"confirm nothing", hostile_agree_then_confirm_nothing, LAB_ENDED(PROTOCOL)},
    {"confirm too much", hostile_agree_then_confirm_too_much, LAB_ENDED(PROTOCOL)},
    {"confirm wrongly", hostile_confirm_wrongly, LAB_ENDED(FAILED)},
};

/* Plays in a child, while this process serves the session. */
static pid_t play(struct peer *peer, int other, hostile_script *what) {
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(other);
        what(peer);
        shutdown(peer->fd, SHUT_WR);
        peer_await(peer, FXNODE__WIRE__CONTROL__BODY__NOT_SET);
        _exit(0);
    }
    return pid;
}

static void await_play(pid_t pid) {
    int status = 0;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

static void play_to_receiver(hostile_script *what) {
    struct peer peer;
    pid_t pid = 0;
    int fd = -1;

    peer_open(&peer, &fd);
    pid = play(&peer, fd, what);
    lab_start_receiver(&lab, fd, peer.receive_key, peer.send_key);
    peer_close(&peer);
    lab_serve(&lab);
    await_play(pid);
}

START_TEST(a_receiver_stands_it) {
    if (towards_receiver[_i].play == hostile_offer_manifest)
        hostile_make_way_out(lab.manifest_hash);
    play_to_receiver(towards_receiver[_i].play);
    ck_assert_msg(lab.receiver.outcome == towards_receiver[_i].outcome, "%s: %d %s",
                  towards_receiver[_i].name, lab.receiver.outcome, lab.receiver.text);
    ck_assert(!lab.placed);
    ck_assert_int_le(tree_count(lab.destination), 1);
    ck_assert_int_eq(tree_count(lab.root), 3);
}
END_TEST

START_TEST(packed_data_has_to_be_agreed_upon) {
    lab.features = FEATURES & ~FEATURE_PACKED;
    play_to_receiver(hostile_agree_then_packed);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(PROTOCOL));
}
END_TEST

/* Lanes, which its node gives to the session in between: a thread instead of a process. */
#define LANES 40
static struct peer lane_zero;
static struct peer lanes[LANES];

static void open_lane(struct peer *lane) {
    int fd = -1;

    peer_open(lane, &fd);
    lab_tell_connection(&lab, &lab.receiver, 1, fd, lane->receive_key, lane->send_key);
}

static void close_lanes(void) {
    for (unsigned i = 0; i < LANES; i++)
        peer_close(&lanes[i]);
}

/* Half of the same unit on each: they take it from one another, and lane 0 from the last. */
static void each_takes_over(void) {
    for (unsigned i = 0; i < LANES; i++) {
        open_lane(&lanes[i]);
        hostile_send_record(&lanes[i], 1, 0, HOSTILE_FILE_SIZE / 2);
    }
    hostile_send_record(&lane_zero, 1, 0, HOSTILE_FILE_SIZE);
}

/* More than there is room for, at once and for the same unit. */
static void all_at_once(void) {
    for (unsigned i = 0; i < LANES; i++) {
        open_lane(&lanes[i]);
        hostile_send_packed(&lanes[i], HOSTILE_FILE_SIZE, false);
    }
}

/* What lane 0 has begun it may end, however many wait for it. */
static void all_wait_for_control(void) {
    hostile_send_record(&lane_zero, 1, 0, HOSTILE_FILE_SIZE / 2);
    all_at_once();
    hostile_send_record(&lane_zero, 1, HOSTILE_FILE_SIZE / 2, HOSTILE_FILE_SIZE / 2);
}

/* Nothing comes on them but their end. */
static void all_are_cut(void) {
    for (unsigned i = 0; i < LANES; i++) {
        open_lane(&lanes[i]);
        shutdown(lanes[i].fd, SHUT_RDWR);
    }
    hostile_send_record(&lane_zero, 1, 0, HOSTILE_FILE_SIZE);
}

static void (*const with_lanes[])(void) = {each_takes_over, all_at_once, all_wait_for_control,
                                           all_are_cut};

static void *play_with_lanes(void *arg) {
    void (*const *what)(void) = arg;

    hostile_agree(&lane_zero);
    (*what)();
    ck_assert(peer_await(&lane_zero, FXNODE__WIRE__CONTROL__BODY_DURABLE));
    shutdown(lane_zero.fd, SHUT_RDWR);
    return NULL;
}

START_TEST(a_receiver_stands_any_number_of_lanes) {
    pthread_t thread;
    int fd = -1;

    lab.lanes = 2;
    peer_open(&lane_zero, &fd);
    lane_zero.lanes = 2;
    lab_start_receiver(&lab, fd, lane_zero.receive_key, lane_zero.send_key);
    ck_assert_int_eq(
        pthread_create(&thread, NULL, play_with_lanes, (void *)(uintptr_t)&with_lanes[_i]), 0);
    lab_serve(&lab);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close_lanes();
    peer_close(&lane_zero);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(LOST), "%d %s", lab.receiver.outcome,
                  lab.receiver.text);
    ck_assert_uint_eq(lab.extents.length, 1);
}
END_TEST

static const struct {
    const char *name;
    hostile_script *play;
    lab_outcome outcome;
} towards_sender[] = {
    {"garbage", hostile_send_garbage, LAB_ENDED(PROTOCOL)},
    {"length", hostile_send_length, LAB_ENDED(PROTOCOL)},
    {"nonsense", hostile_send_nonsense, LAB_ENDED(PROTOCOL)},
    {"nothing", hostile_send_nothing, LAB_ENDED(LOST)},
    {"final", hostile_send_final, LAB_ENDED(LOST)},
    {"wrong role", hostile_send_wrong_role, LAB_ENDED(PROTOCOL)},
    {"data back", hostile_send_data_back, LAB_ENDED(PROTOCOL)},
    {"hear and leave", hostile_hear_offer, LAB_ENDED(LOST)},
    {"accept and leave", hostile_accept_and_leave, LAB_ENDED(LOST)},
    {"hold too much", hostile_hold_too_much, LAB_ENDED(PROTOCOL)},
    {"hold and leave", hostile_hold_and_leave, LAB_ENDED(LOST)},
    {"deliver at once", hostile_deliver_at_once, LAB_ENDED(PROTOCOL)},
    {"deliver unconfirmed", hostile_deliver_unconfirmed, LAB_ENDED(PROTOCOL)},
};

START_TEST(a_sender_stands_it) {
    struct peer peer;
    pid_t pid = 0;
    int fd = -1;

    tree_file(lab.source, "large", 8 << 20, 1, 0644);
    lab_add(&lab, "large");
    lab_scan(&lab);
    peer_open(&peer, &fd);
    pid = play(&peer, fd, towards_sender[_i].play);
    lab_start_sender(&lab, fd, peer.receive_key, peer.send_key);
    peer_close(&peer);
    lab_serve(&lab);
    await_play(pid);
    ck_assert_msg(lab.sender.outcome == towards_sender[_i].outcome, "%s: %d %s",
                  towards_sender[_i].name, lab.sender.outcome, lab.sender.text);
    ck_assert(!lab.delivered);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

static Suite *suite(void) {
    Suite *s = suite_create("session-hostile");
    TCase *receiver = tcase_create("receiver");
    TCase *sender = tcase_create("sender");

    tcase_add_checked_fixture(receiver, set_up, tear_down);
    tcase_set_timeout(receiver, 60);
    tcase_add_loop_test(receiver, a_receiver_stands_it, 0, COUNT(towards_receiver));
    tcase_add_test(receiver, packed_data_has_to_be_agreed_upon);
    tcase_add_loop_test(receiver, a_receiver_stands_any_number_of_lanes, 0, COUNT(with_lanes));
    suite_add_tcase(s, receiver);
    tcase_add_checked_fixture(sender, set_up, tear_down);
    tcase_set_timeout(sender, 60);
    tcase_add_loop_test(sender, a_sender_stands_it, 0, COUNT(towards_sender));
    suite_add_tcase(s, sender);
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
