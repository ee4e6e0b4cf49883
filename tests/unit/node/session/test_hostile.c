#include "lab.h"
#include "lab_tell.h"
#include "peer.h"
#include "tree.h"

#include "base/limits.h"
#include "proto/features.h"
#include "proto/packed.h"
#include "proto/record.h"

#include <check.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lab lab;

/* What the peer offers: one file "f" of FILE_SIZE bytes in a directory "d". */
#define FILE_SIZE 1000

static struct manifest_summary summary;
static uint8_t batch[LIMIT_MANIFEST_BATCH];
static size_t batch_length;

static void add_entry(struct manifest_builder *builder, const struct entry *entry) {
    struct fail fail = {0};

    ck_assert_int_eq(manifest_builder_add(builder, entry, &fail), MANIFEST_ADDED);
}

static void make_manifest(void) {
    struct manifest_builder *builder = NULL;
    struct fail fail = {0};
    const uint8_t *data = NULL;

    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    add_entry(builder, &(struct entry){
                           .type = ENTRY_DIRECTORY, .mode = 0755, .path = "d", .path_length = 1});
    add_entry(
        builder,
        &(struct entry){
            .type = ENTRY_FILE, .mode = 0644, .size = FILE_SIZE, .path = "d/f", .path_length = 3});
    ck_assert_int_eq(manifest_builder_end(builder, &fail), MANIFEST_BATCH_READY);
    batch_length = manifest_builder_take(builder, &data) - MANIFEST_PREFIX;
    memcpy(batch, data + MANIFEST_PREFIX, batch_length);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
}

static void set_up(void) {
    lab_open(&lab);
    make_manifest();
    memcpy(lab.manifest_hash, summary.hash, LIMIT_HASH);
}

static void tear_down(void) {
    lab_close(&lab);
}

/* What a hostile sender does, in a process of its own. */
typedef void script(struct peer *peer);

static void send_garbage(struct peer *peer) {
    uint8_t garbage[8192];

    randombytes_buf(garbage, sizeof garbage);
    garbage[STREAM_HEADER] = 0; /* else its length is refused before it is read */
    garbage[STREAM_HEADER + 1] = 0;
    garbage[STREAM_HEADER + 2] = 1;
    peer_send_raw(peer, garbage, sizeof garbage);
}

static void send_length(struct peer *peer) {
    static const uint8_t length[] = {0xff, 0xff, 0xff, 0xff};

    peer_send_raw(peer, peer->header, sizeof peer->header);
    peer_send_raw(peer, length, sizeof length);
}

static void send_nonsense(struct peer *peer) {
    peer_send(peer, STREAM_CONTROL, "\xff\xff\xff\xff", 4);
}

static void send_nothing(struct peer *peer) {
    (void)peer;
}

static void send_final(struct peer *peer) {
    peer_send_final(peer);
}

static void send_wrong_role(struct peer *peer) {
    Fxnode__Wire__Finish finish = FXNODE__WIRE__FINISH__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    control.body_case = FXNODE__WIRE__CONTROL__BODY_FINISH;
    control.finish = &finish;
    peer_send_control(peer, &control);
}

static void send_record(struct peer *peer, uint32_t entry, uint64_t offset, uint32_t length) {
    uint8_t *body = calloc(1, RECORD_HEADER + length);
    struct record record = {
        .kind = RECORD_BYTES, .entry = entry, .offset = offset, .length = length};

    record_write_header(body, &record);
    peer_send(peer, STREAM_DATA, body, RECORD_HEADER + length);
    free(body);
}

/* A record and the rest of it, compressed; `spoil` a byte of what was packed. */
static void send_packed(struct peer *peer, uint32_t length, bool spoil) {
    uint8_t *records = calloc(1, RECORD_HEADER + length);
    uint8_t packed[4096];
    struct record record = {.kind = RECORD_BYTES, .entry = 1, .offset = 0, .length = length};
    struct packer *packer = NULL;
    size_t used = 0;

    record_write_header(records, &record);
    ck_assert_int_eq(packer_new(&packer), 0);
    used = packer_pack(packer, records, RECORD_HEADER + length, packed, sizeof packed);
    ck_assert_uint_gt(used, 0);
    packed[3] ^= spoil ? 1 : 0;
    peer_send(peer, STREAM_PACKED, packed, used);
    packer_free(packer);
    free(records);
}

static void send_packed_first(struct peer *peer) {
    send_packed(peer, FILE_SIZE, false);
}

static void send_data_first(struct peer *peer) {
    send_record(peer, 1, 0, FILE_SIZE);
}

static void offer_and_leave(struct peer *peer) {
    peer_offer(peer, &summary);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_VERDICT);
}

static void offer_then_data(struct peer *peer) {
    offer_and_leave(peer);
    send_record(peer, 1, 0, FILE_SIZE);
}

static void offer_twice(struct peer *peer) {
    offer_and_leave(peer);
    peer_offer(peer, &summary);
}

static void offer_another_manifest(struct peer *peer) {
    offer_and_leave(peer);
    batch[batch_length - 1] ^= 1;
    peer_manifest(peer, batch, batch_length);
}

/* A manifest that keeps to every figure of its offer, but leads out of the destination. */
static void make_way_out(void) {
    Fxnode__Wire__Entry entry = FXNODE__WIRE__ENTRY__INIT;
    Fxnode__Wire__Entry *entries[] = {&entry};
    Fxnode__Wire__ManifestBatch body = FXNODE__WIRE__MANIFEST_BATCH__INIT;
    uint8_t prefixed[MANIFEST_PREFIX + 256] = {0};
    char path[] = "d/../../../evil";

    entry.type = FXNODE__WIRE__ENTRY__TYPE__FILE;
    entry.path = (ProtobufCBinaryData){.len = strlen(path), .data = (uint8_t *)path};
    entry.mode = 0644;
    entry.size = FILE_SIZE;
    body.n_entries = 1;
    body.entries = entries;
    batch_length = fxnode__wire__manifest_batch__pack(&body, prefixed + MANIFEST_PREFIX);
    prefixed[3] = (uint8_t)batch_length;
    memcpy(batch, prefixed + MANIFEST_PREFIX, batch_length);
    summary.entries = 1;
    summary.length = MANIFEST_PREFIX + batch_length;
    crypto_generichash(summary.hash, sizeof summary.hash, prefixed, summary.length, NULL, 0);
    memcpy(lab.manifest_hash, summary.hash, LIMIT_HASH);
}

static void offer_manifest(struct peer *peer) {
    offer_and_leave(peer);
    peer_manifest(peer, batch, batch_length);
}

static void agree(struct peer *peer) {
    offer_and_leave(peer);
    peer_manifest(peer, batch, batch_length);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_HOLDING);
}

static void agree_and_leave(struct peer *peer) {
    agree(peer);
}

static void agree_then_half(struct peer *peer) {
    agree(peer);
    send_record(peer, 1, 0, FILE_SIZE / 2);
}

static void agree_then_packed(struct peer *peer) {
    agree(peer);
    send_packed(peer, FILE_SIZE, false);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_DURABLE);
}

static void agree_then_packed_spoilt(struct peer *peer) {
    agree(peer);
    send_packed(peer, FILE_SIZE, true);
}

static void agree_then_packed_beyond(struct peer *peer) {
    agree(peer);
    send_packed(peer, FILE_SIZE + 1, false);
}

static void agree_then_packed_control(struct peer *peer) {
    static const uint8_t ping[] = {0,    0, 0,    3, 0x28, 0xb5, 0x2f, 0xfd,
                                   0x20, 3, 0x19, 0, 0,    1,    2,    3};

    agree(peer);
    peer_send(peer, STREAM_PACKED, ping, sizeof ping);
}

static void agree_then_beyond(struct peer *peer) {
    agree(peer);
    send_record(peer, 1, FILE_SIZE - 1, 2);
}

static void agree_then_directory(struct peer *peer) {
    agree(peer);
    send_record(peer, 0, 0, 1);
}

static void agree_then_nowhere(struct peer *peer) {
    agree(peer);
    send_record(peer, 77, 0, 1);
}

static void agree_then_cut(struct peer *peer) {
    agree(peer);
    peer_send(peer, STREAM_DATA, "\0\0\0\0\0", 5);
}

static void send_hole(struct peer *peer, uint32_t entry, uint64_t offset, uint64_t length) {
    uint8_t body[RECORD_HEADER];
    struct record record = {
        .kind = RECORD_HOLE, .entry = entry, .offset = offset, .length = length};

    record_write_header(body, &record);
    peer_send(peer, STREAM_DATA, body, sizeof body);
}

static void agree_then_hole_beyond(struct peer *peer) {
    agree(peer);
    send_hole(peer, 1, 0, FILE_SIZE + 1);
}

static void agree_then_hole_over_chunks(struct peer *peer) {
    agree(peer);
    send_hole(peer, 1, LIMIT_CHUNK - 1, 2);
}

static void agree_then_vast_hole(struct peer *peer) {
    agree(peer);
    send_hole(peer, 1, 0, UINT64_MAX);
}

/* Over what came in before it. */
static void agree_then_hole_over_data(struct peer *peer) {
    agree(peer);
    send_record(peer, 1, 0, FILE_SIZE / 2);
    send_hole(peer, 1, FILE_SIZE / 4, FILE_SIZE / 4);
}

static void agree_then_out_of_order(struct peer *peer) {
    agree(peer);
    send_record(peer, 1, FILE_SIZE / 2, FILE_SIZE / 2);
}

static void agree_then_sent(struct peer *peer) {
    Fxnode__Wire__Sent sent = FXNODE__WIRE__SENT__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    agree(peer);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_SENT;
    control.sent = &sent;
    peer_send_control(peer, &control);
}

static void confirm(struct peer *peer, uint32_t first, uint32_t count) {
    Fxnode__Wire__Confirm body = FXNODE__WIRE__CONFIRM__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    uint8_t digest[LIMIT_CHUNK_HASH] = "not its digest";

    body.first_entry = first;
    body.count = count;
    body.digest = (ProtobufCBinaryData){.len = sizeof digest, .data = digest};
    control.body_case = FXNODE__WIRE__CONTROL__BODY_CONFIRM;
    control.confirm = &body;
    peer_send_control(peer, &control);
}

static void agree_then_confirm_nothing(struct peer *peer) {
    agree(peer);
    confirm(peer, 0, 2);
}

static void agree_then_confirm_too_much(struct peer *peer) {
    agree(peer);
    confirm(peer, 0, 3);
}

/* A digest that never fits: sent again a few times, then it is enough. */
static void confirm_wrongly(struct peer *peer) {
    agree(peer);
    do {
        send_record(peer, 1, 0, FILE_SIZE);
        if (!peer_await(peer, FXNODE__WIRE__CONTROL__BODY_DURABLE))
            break;
        confirm(peer, 0, 2);
    } while (peer_await(peer, FXNODE__WIRE__CONTROL__BODY_AGAIN));
}

static const struct {
    const char *name;
    script *play;
    lab_outcome outcome;
} towards_receiver[] = {
    {"garbage", send_garbage, LAB_ENDED(PROTOCOL)},
    {"length", send_length, LAB_ENDED(PROTOCOL)},
    {"nonsense", send_nonsense, LAB_ENDED(PROTOCOL)},
    {"nothing", send_nothing, LAB_ENDED(LOST)},
    {"final", send_final, LAB_ENDED(LOST)},
    {"wrong role", send_wrong_role, LAB_ENDED(PROTOCOL)},
    {"data first", send_data_first, LAB_ENDED(PROTOCOL)},
    {"packed first", send_packed_first, LAB_ENDED(PROTOCOL)},
    {"offer and leave", offer_and_leave, LAB_ENDED(LOST)},
    {"offer then data", offer_then_data, LAB_ENDED(PROTOCOL)},
    {"offer twice", offer_twice, LAB_ENDED(PROTOCOL)},
    {"another manifest", offer_another_manifest, LAB_ENDED(PROTOCOL)},
    {"a way out", offer_manifest, LAB_ENDED(PROTOCOL)},
    {"agree and leave", agree_and_leave, LAB_ENDED(LOST)},
    {"half", agree_then_half, LAB_ENDED(LOST)},
    {"beyond", agree_then_beyond, LAB_ENDED(PROTOCOL)},
    {"packed", agree_then_packed, LAB_ENDED(LOST)},
    {"packed spoilt", agree_then_packed_spoilt, LAB_ENDED(PROTOCOL)},
    {"packed beyond", agree_then_packed_beyond, LAB_ENDED(PROTOCOL)},
    {"packed that is no data", agree_then_packed_control, LAB_ENDED(PROTOCOL)},
    {"directory", agree_then_directory, LAB_ENDED(PROTOCOL)},
    {"nowhere", agree_then_nowhere, LAB_ENDED(PROTOCOL)},
    {"cut", agree_then_cut, LAB_ENDED(PROTOCOL)},
    {"out of order", agree_then_out_of_order, LAB_ENDED(PROTOCOL)},
    {"hole beyond", agree_then_hole_beyond, LAB_ENDED(PROTOCOL)},
    {"hole over chunks", agree_then_hole_over_chunks, LAB_ENDED(PROTOCOL)},
    {"vast hole", agree_then_vast_hole, LAB_ENDED(PROTOCOL)},
    {"hole over data", agree_then_hole_over_data, LAB_ENDED(PROTOCOL)},
    {"sent too soon", agree_then_sent, LAB_ENDED(PROTOCOL)},
    {"confirm nothing", agree_then_confirm_nothing, LAB_ENDED(PROTOCOL)},
    {"confirm too much", agree_then_confirm_too_much, LAB_ENDED(PROTOCOL)},
    {"confirm wrongly", confirm_wrongly, LAB_ENDED(FAILED)},
};

/* Plays in a child, while this process serves the session. */
static pid_t play(struct peer *peer, int other, script *what) {
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

static void play_to_receiver(script *what) {
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
    if (towards_receiver[_i].play == offer_manifest)
        make_way_out();
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
    play_to_receiver(agree_then_packed);
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
        send_record(&lanes[i], 1, 0, FILE_SIZE / 2);
    }
    send_record(&lane_zero, 1, 0, FILE_SIZE);
}

/* More than there is room for, at once and for the same unit. */
static void all_at_once(void) {
    for (unsigned i = 0; i < LANES; i++) {
        open_lane(&lanes[i]);
        send_packed(&lanes[i], FILE_SIZE, false);
    }
}

/* What lane 0 has begun it may end, however many wait for it. */
static void all_wait_for_control(void) {
    send_record(&lane_zero, 1, 0, FILE_SIZE / 2);
    all_at_once();
    send_record(&lane_zero, 1, FILE_SIZE / 2, FILE_SIZE / 2);
}

/* Nothing comes on them but their end. */
static void all_are_cut(void) {
    for (unsigned i = 0; i < LANES; i++) {
        open_lane(&lanes[i]);
        shutdown(lanes[i].fd, SHUT_RDWR);
    }
    send_record(&lane_zero, 1, 0, FILE_SIZE);
}

static void (*const with_lanes[])(void) = {each_takes_over, all_at_once, all_wait_for_control,
                                           all_are_cut};

static void *play_with_lanes(void *arg) {
    void (*const *what)(void) = arg;

    agree(&lane_zero);
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

static void hear_offer(struct peer *peer) {
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_OFFER);
}

static void send_data_back(struct peer *peer) {
    hear_offer(peer);
    send_record(peer, 0, 0, 1);
}

static void accept_offer(struct peer *peer, bool held) {
    Fxnode__Wire__Verdict verdict = FXNODE__WIRE__VERDICT__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    hear_offer(peer);
    verdict.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT;
    verdict.manifest_held = held;
    verdict.lanes = 1;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_VERDICT;
    control.verdict = &verdict;
    peer_send_control(peer, &control);
}

static void accept_and_leave(struct peer *peer) {
    accept_offer(peer, false);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_MANIFEST);
}

static void hold(struct peer *peer, uint64_t first, uint64_t count) {
    Fxnode__Wire__Extent extent = FXNODE__WIRE__EXTENT__INIT;
    Fxnode__Wire__Extent *extents[] = {&extent};
    Fxnode__Wire__Holding holding = FXNODE__WIRE__HOLDING__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    extent.first = first;
    extent.count = count;
    holding.n_extents = count == 0 ? 0 : 1;
    holding.extents = extents;
    holding.last = true;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_HOLDING;
    control.holding = &holding;
    peer_send_control(peer, &control);
}

static void hold_too_much(struct peer *peer) {
    accept_offer(peer, true);
    hold(peer, 0, 1000);
}

static void hold_and_leave(struct peer *peer) {
    accept_offer(peer, true);
    hold(peer, 0, 0);
}

static void deliver(struct peer *peer) {
    Fxnode__Wire__Delivered delivered = FXNODE__WIRE__DELIVERED__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    control.body_case = FXNODE__WIRE__CONTROL__BODY_DELIVERED;
    control.delivered = &delivered;
    peer_send_control(peer, &control);
}

static void deliver_at_once(struct peer *peer) {
    hear_offer(peer);
    deliver(peer);
}

static void deliver_unconfirmed(struct peer *peer) {
    hold_and_leave(peer);
    deliver(peer);
}

static const struct {
    const char *name;
    script *play;
    lab_outcome outcome;
} towards_sender[] = {
    {"garbage", send_garbage, LAB_ENDED(PROTOCOL)},
    {"length", send_length, LAB_ENDED(PROTOCOL)},
    {"nonsense", send_nonsense, LAB_ENDED(PROTOCOL)},
    {"nothing", send_nothing, LAB_ENDED(LOST)},
    {"final", send_final, LAB_ENDED(LOST)},
    {"wrong role", send_wrong_role, LAB_ENDED(PROTOCOL)},
    {"data back", send_data_back, LAB_ENDED(PROTOCOL)},
    {"hear and leave", hear_offer, LAB_ENDED(LOST)},
    {"accept and leave", accept_and_leave, LAB_ENDED(LOST)},
    {"hold too much", hold_too_much, LAB_ENDED(PROTOCOL)},
    {"hold and leave", hold_and_leave, LAB_ENDED(LOST)},
    {"deliver at once", deliver_at_once, LAB_ENDED(PROTOCOL)},
    {"deliver unconfirmed", deliver_unconfirmed, LAB_ENDED(PROTOCOL)},
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
