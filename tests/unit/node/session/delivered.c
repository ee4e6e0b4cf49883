#include "delivered.h"

#include "../../files/room.h"
#include "base/chan.h"
#include "base/io.h"
#include "files/hash.h"
#include "files/walk.h"
#include "node/session/catalog.h"
#include "node/session/job.h"
#include "proto/local.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct making {
    struct delivered *delivered;
    struct manifest_builder *builder;
    uint64_t length;
};

static void take_batch(struct making *making) {
    const uint8_t *data = NULL;
    size_t length = manifest_builder_take(making->builder, &data);

    ck_assert_int_eq(io_pwrite_full(making->delivered->receipt, data, length, making->length), 0);
    making->length += length;
}

static int take_entry(void *context, const struct entry *entry, const struct stamp *stamp) {
    struct making *making = context;
    struct delivered *delivered = making->delivered;
    uint32_t number = delivered->summary.entries++;

    ck_assert_uint_lt(number, DELIVERED_ENTRIES);
    snprintf(delivered->names[number], sizeof delivered->names[number], "%.*s",
             (int)entry->path_length, entry->path);
    delivered->stamps[number] = *stamp;
    delivered->stamps[number].fresh = false;
    if (manifest_builder_add(making->builder, entry, &room_fail) == MANIFEST_BATCH_READY)
        take_batch(making);
    return 0;
}

static void refuse(void *context, const char *path, size_t length, const char *line,
                   enum walk_loss loss) {
    (void)context;
    (void)path;
    (void)length;
    (void)loss;
    ck_abort_msg("not walked: %s", line);
}

static void make_manifest(struct delivered *delivered) {
    struct making making = {.delivered = delivered};
    const struct walk_sink sink = {.context = &making, .entry = take_entry, .skipped = refuse};
    const struct walk_rules rules = {0};
    struct items *items = NULL;

    ck_assert_int_eq(items_new(&items, delivered->paths, delivered->path_count, &room_fail), 0);
    ck_assert_int_eq(manifest_builder_new(&making.builder), 0);
    ck_assert_int_eq(walk_items(items, &rules, &sink, &room_fail), 0);
    if (manifest_builder_end(making.builder, &room_fail) == MANIFEST_BATCH_READY)
        take_batch(&making);
    manifest_builder_summary(making.builder, &delivered->summary);
    manifest_builder_free(making.builder);
    items_free(items);
}

/* The hashes of all chunks of a file. */
static void hash_file(const struct delivered *delivered, const struct manifest_item *item) {
    static uint8_t room[LIMIT_CHUNK];
    uint8_t hash[LIMIT_CHUNK_HASH];
    uint64_t units = item->entry.size == 0 ? 0 : entry_units(ENTRY_FILE, item->entry.size);
    char path[LIMIT_PATH + 1];
    int fd = -1;

    snprintf(path, sizeof path, "%.*s", (int)item->entry.path_length, item->entry.path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    for (uint64_t i = 0; i < units; i++) {
        size_t length = entry_chunk_size(item->entry.size, i);
        uint64_t at = delivered->layout.hashes + (item->first_unit + i) * LIMIT_CHUNK_HASH;

        ck_assert_int_eq(io_pread_full(fd, room, length, i * LIMIT_CHUNK), (ssize_t)length);
        hash_buffer(hash, room, length);
        ck_assert_int_eq(io_pwrite_full(delivered->receipt, hash, sizeof hash, at), 0);
    }
    close(fd);
}

static void make_hashes(const struct delivered *delivered) {
    struct manifest_checker *checker = NULL;
    const struct manifest_item *item = NULL;
    struct catalog *catalog = NULL;

    ck_assert_int_eq(
        catalog_check_first(&checker, delivered->receipt, &delivered->summary, &room_fail), 0);
    ck_assert_int_eq(catalog_new(&catalog, delivered->receipt, manifest_checker_index(checker)), 0);
    for (uint32_t i = 0; i < delivered->summary.entries; i++) {
        ck_assert_int_eq(catalog_by_entry(catalog, i, &item, &room_fail), 0);
        if (item->entry.type == ENTRY_FILE)
            hash_file(delivered, item);
    }
    catalog_free(catalog);
    manifest_checker_free(checker);
}

void delivered_stamp(struct delivered *delivered) {
    struct stamps *stamps = NULL;

    ck_assert_int_eq(stamps_new_at(&stamps, delivered->receipt, delivered->layout.stamps), 0);
    for (uint32_t i = 0; i < delivered->summary.entries; i++)
        ck_assert_int_eq(stamps_add(stamps, &delivered->stamps[i]), 0);
    ck_assert_int_eq(stamps_flush(stamps), 0);
    stamps_free(stamps);
}

void delivered_open(struct delivered *delivered, bool sent, const char *const *names) {
    *delivered = (struct delivered){.sent = sent, .moves = sent};
    for (; names[delivered->path_count] != NULL; delivered->path_count++)
        delivered->paths[delivered->path_count] = strdup(room_path(names[delivered->path_count]));
    delivered->receipt = memfd_create("receipt", MFD_CLOEXEC);
    ck_assert_int_ge(delivered->receipt, 0);
    make_manifest(delivered);
    delivered->layout = receipt_lay_out(delivered->summary.length, delivered->summary.units,
                                        delivered->summary.entries, sent);
    make_hashes(delivered);
    if (sent)
        delivered_stamp(delivered);
    ck_assert_int_eq(ftruncate(delivered->receipt, (off_t)delivered->layout.marks), 0);
    receipt_marks_init(&delivered->marks);
    delivered->marks.exact = sent;
}

void delivered_close(struct delivered *delivered) {
    if (delivered->path_count == 0)
        return;
    for (size_t i = 0; i < delivered->path_count; i++)
        free((char *)(uintptr_t)delivered->paths[i]);
    receipt_marks_clear(&delivered->marks);
    io_close(&delivered->receipt);
}

void delivered_open_many(struct delivered *delivered) {
    static char names[DELIVERED_PATHS][16];
    const char *list[DELIVERED_PATHS + 1] = {NULL};
    struct rlimit limit;

    for (size_t i = 0; i < DELIVERED_PATHS; i++) {
        snprintf(names[i], sizeof names[i], "item %zu", i);
        room_text(names[i], "item\n");
        list[i] = names[i];
    }
    delivered_open(delivered, true, list);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = DELIVERED_PATHS - 8;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

uint32_t delivered_number(const struct delivered *delivered, const char *path) {
    for (uint32_t i = 0; i < delivered->summary.entries; i++)
        if (strcmp(delivered->names[i], path) == 0)
            return i;
    ck_abort_msg("%s is no entry", path);
}

void delivered_mark(struct delivered *delivered) {
    uint8_t *bytes = NULL;
    size_t length = 0;

    ck_assert_int_eq(receipt_marks_encode(&delivered->marks, &bytes, &length), 0);
    ck_assert_int_eq(ftruncate(delivered->receipt, (off_t)delivered->layout.marks), 0);
    ck_assert_int_eq(io_pwrite_full(delivered->receipt, bytes, length, delivered->layout.marks), 0);
    free(bytes);
}

/* In the process of the session, which ends with it. */
static void run_job(const struct delivered *delivered, Fxnode__Helper__Job__Kind kind, int chan) {
    struct uplink *uplink = NULL;
    struct job job;

    job_init(&job);
    job.kind = kind;
    job.manifest = delivered->summary;
    job.manifest.name_count = 0;
    job.failed = delivered->failed;
    job.moves = delivered->moves;
    job.receipt = delivered->receipt;
    job.destination = strdup(room_path(NULL));
    job.directory = strdup(delivered->directory);
    if (delivered->sent) {
        job.paths = calloc(delivered->path_count, sizeof *job.paths);
        for (; job.path_count < delivered->path_count; job.path_count++)
            job.paths[job.path_count] = strdup(delivered->paths[job.path_count]);
    }
    if (uplink_new(&uplink, chan) < 0)
        _exit(EXIT_FAILURE);
    if (kind == FXNODE__HELPER__JOB__KIND__VERIFY)
        job_verify(&job, uplink);
    else
        job_remove(&job, uplink);
    uplink_free(uplink);
    job_clear(&job);
    _exit(EXIT_SUCCESS);
}

static void tell(struct delivered_said *said, const char *text) {
    size_t used = strlen(said->told);

    snprintf(said->told + used, sizeof said->told - used, "%s\n", text);
}

static void take_message(struct delivered_said *said, const Fxnode__Helper__ToNode *message) {
    switch (message->body_case) {
    case FXNODE__HELPER__TO_NODE__BODY_NOTE:
        tell(said, message->note->text);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_FOUND:
        tell(said, message->found->text);
        break;
    case FXNODE__HELPER__TO_NODE__BODY_CHECKED:
        said->checked = *message->checked;
        break;
    case FXNODE__HELPER__TO_NODE__BODY_REMOVED:
        said->removed = true;
        said->moved = message->removed->moved;
        said->stayed = message->removed->stayed;
        break;
    case FXNODE__HELPER__TO_NODE__BODY_ENDED:
        said->outcome = message->ended->outcome;
        snprintf(said->text, sizeof said->text, "%s", message->ended->text);
        break;
    default:
        break;
    }
}

static void listen_to(struct delivered_said *said, int chan) {
    static struct chan_packet packet;
    const Fxnode__Helper__ToNode *message = NULL;
    struct msg_arena *arena = NULL;

    ck_assert_int_eq(msg_arena_new(&arena, 1u << 20), 0);
    while (chan_receive(chan, &packet, 0) == 1) {
        ck_assert_int_eq(
            local_decode_from_session(arena, packet.data, packet.length, &message, &room_fail), 0);
        take_message(said, message);
    }
    msg_arena_free(arena);
}

static void send_stop(int chan) {
    Fxnode__Helper__Stop stop = FXNODE__HELPER__STOP__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    uint8_t buffer[64];
    int length = 0;

    stop.reason = FXNODE__HELPER__STOP__REASON__CANCEL;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_STOP;
    message.stop = &stop;
    length = msg_encode(&message.base, buffer, sizeof buffer);
    ck_assert_int_gt(length, 0);
    ck_assert_int_eq(chan_send(chan, buffer, (size_t)length, NULL, 0, 0), 0);
}

void delivered_run_as_is(struct delivered *delivered, Fxnode__Helper__Job__Kind kind,
                         struct delivered_said *said) {
    int pair[2] = {-1, -1};
    pid_t pid = -1;

    *said = (struct delivered_said){0};
    ck_assert_int_eq(chan_pair(pair), 0);
    if (delivered->stopped)
        send_stop(pair[0]);
    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(pair[0]);
        run_job(delivered, kind, pair[1]);
    }
    close(pair[1]);
    listen_to(said, pair[0]);
    ck_assert_int_eq(waitpid(pid, &said->status, 0), pid);
    close(pair[0]);
}

void delivered_run(struct delivered *delivered, Fxnode__Helper__Job__Kind kind,
                   struct delivered_said *said) {
    delivered_mark(delivered);
    delivered_run_as_is(delivered, kind, said);
}
