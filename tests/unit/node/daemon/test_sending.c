/* What becomes of a send whose command goes away while it is being recorded, or asks a node anew;
 * and which sends a node begins. */
#include "base/chan.h"
#include "base/io.h"
#include "node/common/ask.h"
#include "node/daemon/client.h"
#include "node/daemon/database.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/sending_run.h"
#include "node/daemon/transfer.h"
#include "peers_fixture.h"
#include "proto/local.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PEER 1

static const uint8_t id[LIMIT_TRANSFER_ID] = {7};
static char state[32];

static void set_up(void) {
    struct node *node = &fixture_node;
    struct fail fail;
    fixture_set_up();
    ck_assert_int_eq(transfers_load(&node->transfers, node, database_store(node->database), &fail),
                     0);
    snprintf(state, sizeof state, "/tmp/fxnode-sending-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state));
    node->statedir.fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(node->statedir.fd, 0);
    ck_assert_int_eq(outwork_make(node->statedir.fd, &fail), 0);
}

static void tear_down(void) {
    char command[64];
    close(fixture_node.statedir.fd);
    transfers_free(fixture_node.transfers);
    fixture_tear_down();
    snprintf(command, sizeof command, "rm -r %s", state);
    ck_assert_int_eq(system(command), 0);
}

static const struct store_name path = {"/srv/data", 9};
static const struct store_name name = {"data", 4};

/* One that is scanned, and has found its peer. */
static struct sending *scanned(void) {
    struct sending *sending = calloc(1, sizeof *sending);
    struct fail fail;
    ck_assert_ptr_nonnull(sending);
    sending->node = &fixture_node;
    sending->has_id = sending->called = sending->scanned = sending->complete = true;
    sending->link.fd = -1;
    memcpy(sending->target.key, fixture_key(PEER), LIMIT_KEY);
    memcpy(sending->record.transfer_id, id, sizeof id);
    sending->record.entries = sending->record.name_count = 1;
    ck_assert_int_eq(store_names_copy(&sending->paths, &path, 1), 0);
    ck_assert_int_eq(store_names_copy(&sending->record.names, &name, 1), 0);
    ck_assert_int_eq(outwork_begin(fixture_node.statedir.fd, sending->work, &fail), 0);
    uv_timer_init(fixture_node.loop, &sending->timer);
    sending->timer.data = sending;
    return sending;
}

/* As the disk has it, once all that was under way is over. */
static enum store_state recorded_state(void) {
    struct store_transfer record = {0};
    struct fail fail;
    fixture_restart();
    ck_assert_int_eq(
        store_transfer_find_sent(database_store(fixture_node.database), id, &record, &fail), 0);
    enum store_state found = record.state;
    store_transfer_clear(&record);
    return found;
}

START_TEST(given_up_by_its_command) {
    struct sending *sending = scanned();
    sending_record(sending);
    sending_cancel(sending);
    ck_assert_int_eq(recorded_state(), STORE_CANCELLED);
}
END_TEST

/* The command asks the next node for it: it must not hear that it was given up. */
START_TEST(left_by_a_node_that_ends) {
    struct sending *sending = scanned();
    sending_record(sending);
    fixture_node.stopping = true;
    sending_leave(sending);
    ck_assert_int_eq(recorded_state(), STORE_QUEUED);
}
END_TEST

/* One that was recorded before: its number. */
static uint64_t recorded(bool moves) {
    static const uint8_t before[LIMIT_TRANSFER_ID] = {9};
    static const uint8_t hash[LIMIT_HASH];
    const struct store_transfer_new with = {.direction = STORE_OUTGOING,
                                            .state = STORE_QUEUED,
                                            .peer_key = fixture_key(PEER),
                                            .peer_name = "",
                                            .transfer_id = before,
                                            .manifest_hash = hash,
                                            .entries = 1,
                                            .names = &name,
                                            .names_length = 1,
                                            .name_count = 1,
                                            .paths = &path,
                                            .paths_length = 1,
                                            .moves = moves,
                                            .now = 1};
    struct store *store = database_store(fixture_node.database);
    uint64_t number = 0;
    struct fail fail;
    ck_assert_msg(store_transfer_create(store, &with, &number, &fail) == 0, "%s", fail.text);
    return number;
}

/* The same, and it is known to the node. */
static struct transfer *queued(bool moves) {
    struct store_transfer record = {0};
    struct fail fail;
    ck_assert_int_eq(
        store_transfer_get(database_store(fixture_node.database), recorded(moves), &record, &fail),
        0);
    struct transfer *transfer = transfers_add(fixture_node.transfers, &record);
    ck_assert_ptr_nonnull(transfer);
    return transfer;
}

static void run_nothing(struct store *store, void *arg) {
    (void)store;
    (void)arg;
}

static void finished(void *arg) {
    fixture_finished(arg, 0);
}

/* Else what is removed once it is delivered would be another thing in memory than on the disk. */
START_TEST(joined_by_a_command_that_is_gone) {
    struct transfer *transfer = queued(true);
    struct sending *sending = scanned();
    sending_record(sending);
    sending_cancel(sending);
    ck_assert_int_eq(database_submit(fixture_node.database, run_nothing, finished, NULL), 0);
    fixture_wait(1);
    ck_assert_int_eq(transfer->record.moving, STORE_MOVING_NO);
    ck_assert_int_eq(transfer->record.state, STORE_QUEUED);
}
END_TEST

/* What earlier commands have left waits for a daemon, or for the same command. */
START_TEST(a_node_of_one_command_begins_no_others) {
    struct transfer *transfer = queued(false);
    fixture_node.transient = true;
    outgoing_seen(&fixture_node, fixture_key(PEER));
    ck_assert_ptr_null(transfer->run);
}
END_TEST

/* A command that asks what has become of its transfer, as one whose node went away. */
static int ask_again(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    ProtobufCBinaryData bytes = {path.length, (uint8_t *)(uintptr_t)path.bytes};
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Paths paths = FXNODE__CONTROL__PATHS__INIT;
    Fxnode__Control__Send send = FXNODE__CONTROL__SEND__INIT;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path, fixture_node.locations.socket, sizeof at.sun_path);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(ask_hello(fd), 0);
    paths.n_paths = 1;
    paths.paths = &bytes;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_PATHS;
    request.paths = &paths;
    ck_assert_int_eq(ask_send(fd, &request), 0);
    send.peer = "peer";
    send.id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, (uint8_t[LIMIT_TRANSFER_ID]){9}};
    send.again = send.move = true;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_SEND;
    request.send = &send;
    ck_assert_int_eq(ask_send(fd, &request), 0);
    return fd;
}

/* The status that the command is told. */
static int await_result(int fd) {
    static struct chan_packet packet;
    const Fxnode__Control__Event *event = NULL;
    struct msg_arena *arena = NULL;
    struct fail why;
    int status = -1;
    ck_assert_int_eq(msg_arena_new(&arena, 1u << 20), 0);
    while (status < 0) {
        while (chan_receive(fd, &packet, MSG_DONTWAIT) != 1)
            ck_assert_int_ne(uv_run(fixture_node.loop, UV_RUN_ONCE), 0);
        ck_assert_int_eq(local_decode_event(arena, packet.data, packet.length, &event, &why), 0);
        if (event->body_case == FXNODE__CONTROL__EVENT__BODY_RESULT)
            status = (int)event->result->status;
    }
    msg_arena_free(arena);
    return status;
}

/* Nobody is at it until the next start, so nothing would be said later. */
START_TEST(asked_for_when_its_removal_is_put_off) {
    struct control_events events = {0};
    struct store_transfer_delivery delivery = {.now = 2};
    struct node *node = &fixture_node;
    struct fail fail;
    ck_assert_int_eq(
        store_transfer_deliver(database_store(node->database), recorded(true), &delivery, &fail),
        0);
    snprintf(node->locations.socket, sizeof node->locations.socket, "%s/control", state);
    ck_assert_int_eq(msg_arena_new(&node->arena, 1u << 20), 0);
    ck_assert_int_eq(control_open(&node->control, node, &events, &fail), 0);
    int fd = ask_again();
    ck_assert_int_eq(await_result(fd), CLIENT_FAILED);
    io_close(&fd);
    control_close(node->control);
    msg_arena_free(node->arena);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("node-sending");
    TCase *tcase = tcase_create("sending");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, given_up_by_its_command);
    tcase_add_test(tcase, left_by_a_node_that_ends);
    tcase_add_test(tcase, joined_by_a_command_that_is_gone);
    tcase_add_test(tcase, a_node_of_one_command_begins_no_others);
    tcase_add_test(tcase, asked_for_when_its_removal_is_put_off);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
