/* Manifests of a peer that means harm, at a receiver: refused, and nothing is written anywhere; or
 * legal, and what arrives is exactly what they say. FXNODE_MUTANTS says how many, and
 * FXNODE_MUTANTS_SEED which is the first. */
#include "../../proto/mutant.h"
#include "lab.h"
#include "peer.h"
#include "tree.h"

#include "base/escape.h"
#include "proto/record.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#define MUTANTS 200
#define SENT_MOST (1u << 20) /* a file with more than that is not sent in earnest */

static struct lab lab;
static struct mutant mutant;

static unsigned long setting(const char *name, unsigned long otherwise) {
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

static bool is_small(void) {
    return mutant.summary.bytes <= SENT_MOST;
}

/* All content is zeros, in one record for each file: those of up to a chunk only. */
static void send_content(struct peer *peer) {
    for (uint32_t i = 0; i < mutant.count; i++) {
        uint32_t length = (uint32_t)mutant.entries[i].size;
        struct record record = {.kind = RECORD_BYTES, .entry = i, .length = length};
        uint8_t *body = calloc(1, RECORD_HEADER + length);
        if (mutant.entries[i].type == ENTRY_FILE) {
            record_write_header(body, &record);
            peer_send(peer, STREAM_DATA, body, RECORD_HEADER + length);
        }
        free(body);
    }
}

static void confirm_all(struct peer *peer) {
    Fxnode__Wire__Confirm body = FXNODE__WIRE__CONFIRM__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Sent sent = FXNODE__WIRE__SENT__INIT;
    XXH128_canonical_t hashes[MUTANT_ENTRIES];
    XXH128_canonical_t digest;
    size_t units = 0;

    for (size_t i = 0; i < mutant.count; i++) {
        uint8_t *zeros = calloc(1, mutant.entries[i].size + 1);
        if (mutant.entries[i].type == ENTRY_FILE)
            XXH128_canonicalFromHash(&hashes[units++], XXH3_128bits(zeros, mutant.entries[i].size));
        free(zeros);
    }
    XXH128_canonicalFromHash(&digest, XXH3_128bits(hashes, units * sizeof *hashes));
    body.count = (uint32_t)mutant.count;
    body.digest = (ProtobufCBinaryData){.len = sizeof digest, .data = digest.digest};
    control.body_case = FXNODE__WIRE__CONTROL__BODY_CONFIRM;
    control.confirm = &body;
    peer_send_control(peer, &control);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_SENT;
    control.sent = &sent;
    peer_send_control(peer, &control);
}

/* The receiver reports all in one batch, for nothing here fills one. */
static void deliver(struct peer *peer) {
    Fxnode__Wire__Finish finish = FXNODE__WIRE__FINISH__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    send_content(peer);
    if (mutant.summary.units > 0 && !peer_await(peer, FXNODE__WIRE__CONTROL__BODY_DURABLE))
        return;
    confirm_all(peer);
    if (!peer_await(peer, FXNODE__WIRE__CONTROL__BODY_DELIVERED))
        return;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_FINISH;
    control.finish = &finish;
    peer_send_control(peer, &control);
    peer_send_final(peer);
}

static void play(struct peer *peer) {
    peer_offer(peer, &mutant.summary);
    if (!peer_await(peer, FXNODE__WIRE__CONTROL__BODY_VERDICT))
        return;
    peer_manifest(peer, mutant.batch, mutant.length);
    if (peer_await(peer, FXNODE__WIRE__CONTROL__BODY_HOLDING) && is_small())
        deliver(peer);
}

/* The peer, in a process of its own, while this one serves the session. */
static void run(void) {
    struct peer peer;
    int status = 0;
    int fd = -1;

    peer_open(&peer, &fd);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(fd);
        play(&peer);
        shutdown(peer.fd, SHUT_WR);
        peer_await(&peer, FXNODE__WIRE__CONTROL__BODY__NOT_SET);
        _exit(0);
    }
    lab_start_receiver(&lab, fd, peer.receive_key, peer.send_key);
    peer_close(&peer);
    lab_serve(&lab);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

static void expect_kind(const struct entry *entry, const struct stat *st) {
    mode_t kind = entry->type == ENTRY_DIRECTORY ? S_IFDIR
                  : entry->type == ENTRY_SYMLINK ? S_IFLNK
                                                 : S_IFREG;

    ck_assert_uint_eq(st->st_mode & S_IFMT, kind);
    if (entry->type == ENTRY_HARDLINK)
        return;
    ck_assert_int_eq(st->st_mtim.tv_sec, entry->mtime_s);
    ck_assert_int_eq(st->st_mtim.tv_nsec, entry->mtime_ns);
    if (entry->type != ENTRY_SYMLINK)
        ck_assert_uint_eq(st->st_mode & 07777, entry->mode);
    if (entry->type == ENTRY_FILE)
        ck_assert_uint_eq((uint64_t)st->st_size, entry->size);
}

static int look(const struct entry *entry, struct stat *st) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%.*s", lab.destination, (int)entry->path_length,
                          entry->path);

    return length < PATH_MAX ? lstat(path, st) : -1;
}

/* Everything that was said, and with hard links counted nothing else. */
static void expect_exactly(void) {
    for (size_t i = 0; i < mutant.count; i++) {
        const struct entry *entry = &mutant.entries[i];
        struct stat st;
        struct stat original;
        ck_assert_int_eq(look(entry, &st), 0);
        expect_kind(entry, &st);
        if (entry->type == ENTRY_HARDLINK) {
            ck_assert_int_eq(look(&mutant.entries[entry->original], &original), 0);
            ck_assert_uint_eq(st.st_ino, original.st_ino);
        }
    }
    ck_assert_int_eq(tree_count(lab.destination), (int)mutant.summary.name_count);
}

/* Refused as one that breaks the protocol, in a line for people, and nothing is there. What no disk
 * has room for is turned away before anything of it is known. */
static void expect_refused(void) {
    char mended[sizeof lab.receiver.text];

    ck_assert_msg(lab.receiver.outcome == LAB_ENDED(PROTOCOL) ||
                      (lab.receiver.outcome == LAB_ENDED(NO_SPACE) && !is_small()),
                  "%d %s", lab.receiver.outcome, lab.receiver.text);
    ck_assert_uint_gt(strlen(lab.receiver.text), 10);
    strcpy(mended, lab.receiver.text);
    escape_mend(mended);
    ck_assert_str_eq(mended, lab.receiver.text);
    ck_assert_int_eq(lab.commits, 0);
    ck_assert(!lab.placing);
    ck_assert_int_le(tree_count(lab_path(lab.destination, ".fxnode/7/tree")), 0);
    lab_recover(&lab, FXNODE__HELPER__JOB__KIND__CLEAN);
    ck_assert_int_le(tree_count(lab.destination), 0);
}

START_TEST(refused_or_exactly_that) {
    unsigned long seed = setting("FXNODE_MUTANTS_SEED", 1) + (unsigned long)_i;

    mutant_make(&mutant, seed, (unsigned)(seed % 3));
    printf("mutant %lu: %s (FXNODE_MUTANTS=1 FXNODE_MUTANTS_SEED=%lu makes only that)\n", seed,
           mutant.what == NULL ? "unchanged" : mutant.what, seed);
    lab_open(&lab);
    memcpy(lab.manifest_hash, mutant.summary.hash, LIMIT_HASH);
    run();
    if (!mutant_is_legal(&mutant)) {
        expect_refused();
    } else if (is_small()) {
        ck_assert_msg(lab.receiver.outcome == LAB_ENDED(COMPLETE), "%d %s", lab.receiver.outcome,
                      lab.receiver.text);
        ck_assert(lab.placed && lab.finished);
        expect_exactly();
    } else {
        ck_assert_int_ne(lab.receiver.outcome, LAB_ENDED(PROTOCOL));
    }
    /* Source, destination and work: nothing was made beside them. */
    ck_assert_int_eq(tree_count(lab.root), 3);
    ck_assert_int_eq(tree_count(lab.source), 0);
    lab_close(&lab);
}
END_TEST

int main(void) {
    Suite *s = suite_create("session-mutants");
    TCase *mutants = tcase_create("mutants");

    setvbuf(stdout, NULL, _IOLBF, 0);
    tcase_set_timeout(mutants, 60);
    tcase_add_loop_test(mutants, refused_or_exactly_that, 0,
                        (int)setting("FXNODE_MUTANTS", MUTANTS));
    suite_add_tcase(s, mutants);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
