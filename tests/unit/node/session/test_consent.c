/* Before the yes nothing is taken, and after it nothing but what it was given for. */
#include "lab.h"
#include "peer.h"
#include "tree.h"

#include "base/limits.h"
#include "proto/msg.h"
#include "proto/record.h"

#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_SIZE 1000

static struct lab lab;

/* What the peer has: its manifest as it goes over the wire, and what it says of it. */
static struct manifest_summary summary;
static uint8_t batch[LIMIT_MANIFEST_BATCH];
static size_t batch_length;

/* An honest offer of one file "f", which each test makes less so. */

static void fill_entry(Fxnode__Wire__Entry *entry, Fxnode__Wire__Entry__Type type,
                       const char *path) {
    fxnode__wire__entry__init(entry);
    entry->type = type;
    entry->path = (ProtobufCBinaryData){.len = strlen(path), .data = (uint8_t *)(uintptr_t)path};
    entry->mode = 0755;
    entry->size = type == FXNODE__WIRE__ENTRY__TYPE__FILE ? FILE_SIZE : 0;
}

/* The manifest with these entries; its hash and length go into the offer. */
static void make_manifest(Fxnode__Wire__Entry *entries, size_t count) {
    Fxnode__Wire__ManifestBatch body = FXNODE__WIRE__MANIFEST_BATCH__INIT;
    Fxnode__Wire__Entry *list[3] = {&entries[0], &entries[1], &entries[2]};
    uint8_t prefixed[MANIFEST_PREFIX + 256] = {0};

    body.n_entries = count;
    body.entries = list;
    batch_length = (size_t)msg_encode(&body.base, batch, sizeof batch);
    ck_assert_uint_lt(batch_length, 256);
    prefixed[MANIFEST_PREFIX - 1] = (uint8_t)batch_length;
    memcpy(prefixed + MANIFEST_PREFIX, batch, batch_length);
    summary.length = MANIFEST_PREFIX + batch_length;
    crypto_generichash(summary.hash, LIMIT_HASH, prefixed, summary.length, NULL, 0);
}

static void make_honest(void) {
    Fxnode__Wire__Entry entries[3];

    fill_entry(&entries[0], FXNODE__WIRE__ENTRY__TYPE__FILE, "f");
    make_manifest(entries, 1);
    summary.entries = 1;
    summary.units = 1;
    summary.bytes = FILE_SIZE;
    summary.name_count = summary.names_shown = 1;
    summary.names[0] = (struct manifest_name){.length = 1, .bytes = "f"};
}

/* Lies: what is sent is what the hash says, but not what is shown. */

static void make_one_entry_more(void) {
    Fxnode__Wire__Entry entries[3];

    fill_entry(&entries[0], FXNODE__WIRE__ENTRY__TYPE__DIRECTORY, "d");
    fill_entry(&entries[1], FXNODE__WIRE__ENTRY__TYPE__FILE, "d/f");
    fill_entry(&entries[2], FXNODE__WIRE__ENTRY__TYPE__FILE, "d/g");
    make_manifest(entries, 3);
    summary.entries = 2;
    summary.names[0].bytes[0] = 'd';
}

static void make_one_byte_more(void) {
    summary.bytes--;
}

static void make_one_byte_less(void) {
    summary.bytes++;
}

static void make_one_unit_more(void) {
    summary.units++;
    summary.bytes = summary.units * LIMIT_CHUNK;
}

static void make_another_name(void) {
    summary.names[0].bytes[0] = 'g';
}

static void make_longer(void) {
    summary.length--;
}

static void make_shorter(void) {
    summary.length++;
}

/* What is in a staging area is trusted to be our own. */
static void make_area(void) {
    Fxnode__Wire__Entry entries[3];

    fill_entry(&entries[0], FXNODE__WIRE__ENTRY__TYPE__DIRECTORY, "d");
    fill_entry(&entries[1], FXNODE__WIRE__ENTRY__TYPE__DIRECTORY, "d/.fxnode");
    fill_entry(&entries[2], FXNODE__WIRE__ENTRY__TYPE__FILE, "d/.fxnode/f");
    make_manifest(entries, 3);
    summary.entries = 3;
    summary.names[0].bytes[0] = 'd';
}

/* What the peer does: a process of its own. */

typedef void script(struct peer *peer);

static void offer(struct peer *peer) {
    peer_offer(peer, &summary);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_VERDICT);
}

static void send_record(struct peer *peer) {
    uint8_t body[RECORD_HEADER + FILE_SIZE] = {0};
    struct record record = {.kind = RECORD_BYTES, .length = FILE_SIZE};

    record_write_header(body, &record);
    peer_send(peer, STREAM_DATA, body, sizeof body);
}

static void offer_then_manifest(struct peer *peer) {
    offer(peer);
    peer_manifest(peer, batch, batch_length);
}

static void offer_then_data(struct peer *peer) {
    offer(peer);
    send_record(peer);
}

static void offer_then_both(struct peer *peer) {
    offer_then_manifest(peer);
    send_record(peer);
}

static void offer_twice(struct peer *peer) {
    offer(peer);
    peer_offer(peer, &summary);
}

static void manifest_twice(struct peer *peer) {
    offer_then_manifest(peer);
    peer_manifest(peer, batch, batch_length);
}

static void manifest_alone(struct peer *peer) {
    peer_manifest(peer, batch, batch_length);
}

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

static void run(script *what) {
    struct peer peer;
    pid_t pid = 0;
    int status = 0;
    int fd = -1;

    memcpy(lab.manifest_hash, summary.hash, LIMIT_HASH);
    peer_open(&peer, &fd);
    pid = play(&peer, fd, what);
    lab_start_receiver(&lab, fd, peer.receive_key, peer.send_key);
    peer_close(&peer);
    lab_serve(&lab);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

static const struct {
    const char *name;
    lab_answer answer; /* NONE: somebody is still being asked */
    script *play;
    lab_outcome outcome;
} before[] = {
    {"manifest without an offer", LAB_ADMIT(ACCEPT), manifest_alone, LAB_ENDED(PROTOCOL)},
    {"data while asked", LAB_ADMIT(NONE), offer_then_data, LAB_ENDED(PROTOCOL)},
    {"manifest while asked", LAB_ADMIT(NONE), offer_then_manifest, LAB_ENDED(PROTOCOL)},
    {"both while asked", LAB_ADMIT(NONE), offer_then_both, LAB_ENDED(PROTOCOL)},
    {"another offer while asked", LAB_ADMIT(NONE), offer_twice, LAB_ENDED(PROTOCOL)},
    {"gone while asked", LAB_ADMIT(NONE), offer, LAB_ENDED(LOST)},
    {"data after a no", LAB_ADMIT(REFUSE), offer_then_data, LAB_ENDED(STOPPED)},
    {"both after a no", LAB_ADMIT(REFUSE), offer_then_both, LAB_ENDED(STOPPED)},
    {"both after a later", LAB_ADMIT(BUSY), offer_then_both, LAB_ENDED(STOPPED)},
    {"both after a conflict", LAB_ADMIT(CONFLICT), offer_then_both, LAB_ENDED(STOPPED)},
};

START_TEST(without_a_yes_nothing_is_left) {
    lab.answer = before[_i].answer;
    lab.ask_first = lab.answer == LAB_ADMIT(NONE);
    run(before[_i].play);
    ck_assert_msg(lab.receiver.outcome == before[_i].outcome, "%s: %d %s", before[_i].name,
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert_int_eq(tree_count(lab.destination), 0);
    ck_assert_uint_eq(lab.commits, 0);
}
END_TEST

static void (*const lies[])(void) = {make_one_entry_more, make_one_byte_more, make_one_byte_less,
                                     make_one_unit_more,  make_another_name,  make_longer,
                                     make_shorter,        make_area};

START_TEST(what_was_not_shown_is_not_taken) {
    lies[_i]();
    run(offer_then_both);
    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(PROTOCOL), "lie %d: %d %s", _i,
                  lab.receiver.outcome, lab.receiver.text);
    ck_assert_uint_eq(lab.commits, 0);
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode/7/tree")), 0);
    ck_assert_int_eq(tree_count(lab.destination), 1);
}
END_TEST

START_TEST(one_manifest_is_enough) {
    run(manifest_twice);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(PROTOCOL));
}
END_TEST

/* So that the others fail for the reason that they name. */
START_TEST(what_was_shown_is_taken) {
    run(offer_then_both);
    ck_assert_int_eq(lab.receiver.outcome, LAB_ENDED(LOST));
    ck_assert_int_eq(tree_count(lab_path(lab.destination, ".fxnode/7/tree")), 1);
}
END_TEST

static void set_up(void) {
    lab_open(&lab);
    make_honest();
}

static void tear_down(void) {
    lab_close(&lab);
}

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

int main(void) {
    TCase *tests = tcase_create("consent");
    Suite *suite = suite_create("session-consent");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, without_a_yes_nothing_is_left, 0, COUNT(before));
    tcase_add_loop_test(tests, what_was_not_shown_is_not_taken, 0, COUNT(lies));
    tcase_add_test(tests, one_manifest_is_enough);
    tcase_add_test(tests, what_was_shown_is_taken);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
