#include "node/daemon/transfer.h"

#include "base/io.h"
#include "base/log.h"
#include "base/rangeset.h"
#include "node/common/landing.h"
#include "node/daemon/database.h"
#include "store/store_extent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct transfers {
    struct node *node;
    struct transfer *first;
    struct transfers_watch watch;
};

static const transfer_shown shown_of[] = {
    [STORE_QUEUED] = TRANSFER_SHOWN(QUEUED),       [STORE_OFFERED] = TRANSFER_SHOWN(OFFERED),
    [STORE_RUNNING] = TRANSFER_SHOWN(WAITING),     [STORE_PAUSED] = TRANSFER_SHOWN(PAUSED),
    [STORE_PLACING] = TRANSFER_SHOWN(PLACING),     [STORE_DELIVERED] = TRANSFER_SHOWN(DELIVERED),
    [STORE_FAILED] = TRANSFER_SHOWN(FAILED),       [STORE_REFUSED] = TRANSFER_SHOWN(REFUSED),
    [STORE_CANCELLED] = TRANSFER_SHOWN(CANCELLED),
};

transfer_shown transfer_shown_of(enum store_state state) {
    return shown_of[state];
}

/* What is known to be durable before any session has said so: about what the extents cover. */
static uint64_t done_before(struct store *store, const struct store_transfer *record) {
    struct rangeset extents;
    struct fail fail;
    uint64_t done = TRANSFER_DONE_UNKNOWN;

    if (record->direction == STORE_OUTGOING)
        return done;
    rangeset_init(&extents);
    if (store_extent_load(store, record->number, &extents, &fail) == 0) {
        uint64_t units = rangeset_total(&extents);
        bool all = units >= record->units || units * LIMIT_CHUNK > record->bytes;
        done = units > 0 && all ? record->bytes : units * LIMIT_CHUNK;
    }
    rangeset_clear(&extents);
    return done;
}

static int load_one(struct transfers *transfers, struct store *store,
                    struct store_transfer *record) {
    uint64_t done = done_before(store, record);
    struct transfer *transfer = transfers_add(transfers, record);
    if (transfer == NULL)
        return -ENOMEM;
    transfer->done = done;
    if (transfer->record.direction == STORE_INCOMING && transfer->record.state == STORE_OFFERED)
        snprintf(transfer->reason, sizeof transfer->reason, "the sender is away");
    return 0;
}

int transfers_load(struct transfers **out, struct node *node, struct store *store,
                   struct fail *fail) {
    struct store_transfer_list list = {0};
    struct transfers *transfers = calloc(1, sizeof *transfers);
    if (transfers == NULL)
        return fail_set(fail, -ENOMEM, "cannot load the transfers");
    transfers->node = node;

    int error = store_transfer_list(store, STORE_TRANSFERS_ACTIVE, 0, &list, fail);
    for (size_t i = 0; error == 0 && i < list.length; i++)
        if ((error = load_one(transfers, store, &list.items[i])) != 0)
            fail_set(fail, error, "cannot load the transfers");
    store_transfer_list_clear(&list);
    if (error != 0)
        transfers_free(transfers);
    else
        *out = transfers;
    return error;
}

void transfers_watch(struct transfers *transfers, const struct transfers_watch *watch) {
    transfers->watch = *watch;
}

struct transfer *transfer_new(void) {
    return calloc(1, sizeof(struct transfer));
}

void transfer_free(struct transfer *transfer) {
    if (transfer == NULL)
        return;
    store_transfer_clear(&transfer->record);
    free(transfer);
}

void transfers_free(struct transfers *transfers) {
    while (transfers != NULL && transfers->first != NULL) {
        struct transfer *transfer = transfers->first;
        transfers->first = transfer->next;
        transfer_free(transfer);
    }
    free(transfers);
}

struct transfer *transfers_first(struct transfers *transfers) {
    return transfers->first;
}

struct transfer *transfers_find(struct transfers *transfers, uint64_t number) {
    struct transfer *transfer = transfers->first;
    while (transfer != NULL && transfer->record.number != number)
        transfer = transfer->next;
    return transfer;
}

struct transfer *transfers_find_id(struct transfers *transfers, enum store_direction direction,
                                   const uint8_t *key, const uint8_t *id) {
    struct transfer *transfer = transfers->first;
    while (transfer != NULL && (transfer->record.direction != direction ||
                                memcmp(transfer->record.peer_key, key, LIMIT_KEY) != 0 ||
                                memcmp(transfer->record.transfer_id, id, LIMIT_TRANSFER_ID) != 0))
        transfer = transfer->next;
    return transfer;
}

void transfers_put(struct transfers *transfers, struct transfer *transfer,
                   struct store_transfer *record) {
    transfer->node = transfers->node;
    transfer->record = *record;
    *record = (struct store_transfer){0};
    transfer->shown = transfer_shown_of(transfer->record.state);
    snprintf(transfer->reason, sizeof transfer->reason, "%s", transfer->record.reason);
    struct transfer **at = &transfers->first;
    while (*at != NULL)
        at = &(*at)->next;
    *at = transfer;
}

struct transfer *transfers_add(struct transfers *transfers, struct store_transfer *record) {
    struct transfer *transfer = transfer_new();
    if (transfer != NULL)
        transfers_put(transfers, transfer, record);
    return transfer;
}

static void drop_if_over(struct transfer *transfer) {
    struct transfer **at = &transfer->node->transfers->first;
    if (transfer->holds > 0 || !transfer_is_finished(transfer))
        return;
    while (*at != transfer)
        at = &(*at)->next;
    *at = transfer->next;
    transfer_free(transfer);
}

void transfer_show(struct transfer *transfer, transfer_shown shown, const char *reason) {
    const struct transfers_watch *watch = &transfer->node->transfers->watch;
    if (reason == NULL)
        reason = "";
    if (transfer->shown == shown && strcmp(transfer->reason, reason) == 0)
        return;
    transfer->shown = shown;
    snprintf(transfer->reason, sizeof transfer->reason, "%s", reason);
    transfer->record.changed = io_wall_s();
    if (watch->changed != NULL)
        watch->changed(watch->context, transfer);
}

void transfer_has_state(struct transfer *transfer, enum store_state state, const char *reason) {
    transfer_hold(transfer);
    transfer->record.state = state;
    if (store_transfer_is_finished(state))
        transfer->record.finished = io_wall_s();
    transfer_show(transfer, transfer_shown_of(state), reason);
    transfer_release(transfer);
}

struct state_job {
    struct transfer *transfer;
    uint64_t number;
    enum store_state state;
    int64_t now;
    enum store_exists exists; /* of one that is accepted */
    int result;
    char reason[512];
};

static void run_set_state(struct store *store, void *arg) {
    struct state_job *job = arg;
    struct fail fail;
    job->result =
        store_transfer_set_state(store, job->number, job->state, job->reason, job->now, &fail);
    if (job->result < 0)
        log_error("cannot record the state of transfer %llu: %s", (unsigned long long)job->number,
                  fail.text);
}

/* Both, or none: what was accepted is placed as it was accepted, also after an interruption. */
static void run_accept(struct store *store, void *arg) {
    struct state_job *job = arg;
    struct fail fail;
    job->result = store_begin(store, &fail);
    if (job->result == 0) {
        int result = store_transfer_set_exists(store, job->number, job->exists, &fail);
        if (result == 0)
            result =
                store_transfer_set_state(store, job->number, STORE_RUNNING, "", job->now, &fail);
        job->result = store_end(store, result, &fail);
    }
    if (job->result < 0)
        log_error("cannot record that transfer %llu is accepted: %s",
                  (unsigned long long)job->number, fail.text);
}

static void run_forget(struct store *store, void *arg) {
    struct state_job *job = arg;
    struct fail fail;
    job->result = store_transfer_forget(store, job->number, &fail);
    if (job->result < 0)
        log_error("cannot forget transfer %llu: %s", (unsigned long long)job->number, fail.text);
}

static void state_is_set(void *arg) {
    struct state_job *job = arg;
    struct transfer *transfer = job->transfer;
    bool lives = job->state == STORE_QUEUED || job->state == STORE_RUNNING;
    /* A later change may be under way: that one is shown. */
    if (transfer->record.state == job->state && !lives)
        transfer_has_state(transfer, job->state, job->reason);
    /* The analyzer does not see that the job's own reference is the one that is given back. */
    transfer_release(transfer); /* NOLINT(clang-analyzer-unix.Malloc) */
    free(job);
}

/* As far as memory goes at once, and with the database as soon as it comes to it. */
static void change(struct transfer *transfer, enum store_state state, const char *reason,
                   database_run run) {
    struct state_job *job = calloc(1, sizeof *job);
    transfer->record.state = state;
    if (state == STORE_RUNNING)
        transfer->record.has_work = true;
    if (job == NULL) {
        log_error("out of memory");
        return;
    }
    job->transfer = transfer;
    job->number = transfer->record.number;
    job->state = state;
    job->now = io_wall_s();
    job->exists = transfer->record.exists;
    snprintf(job->reason, sizeof job->reason, "%s", reason == NULL ? "" : reason);
    transfer_hold(transfer);
    if (database_submit(transfer->node->database, run, state_is_set, job) != 0) {
        transfer->holds--;
        free(job);
    }
}

void transfer_set_state(struct transfer *transfer, enum store_state state, const char *reason) {
    change(transfer, state, reason, run_set_state);
}

void transfer_accept(struct transfer *transfer, enum store_exists exists) {
    transfer->record.exists = exists;
    change(transfer, STORE_RUNNING, "", run_accept);
}

void transfer_forget(struct transfer *transfer, const char *reason) {
    change(transfer, STORE_CANCELLED, reason, run_forget);
}

void transfer_moved(struct transfer *transfer, uint32_t moved, uint32_t stayed) {
    const struct transfers_watch *watch = &transfer->node->transfers->watch;
    transfer->record.moving = STORE_MOVING_OVER;
    transfer->record.moved = moved;
    transfer->record.stayed = stayed;
    if (watch->changed != NULL)
        watch->changed(watch->context, transfer);
}

void transfer_put_off(struct transfer *transfer) {
    const struct transfers_watch *watch = &transfer->node->transfers->watch;
    transfer->put_off = true;
    if (watch->changed != NULL)
        watch->changed(watch->context, transfer);
}

void transfer_progress(struct transfer *transfer, uint64_t done) {
    const struct transfers_watch *watch = &transfer->node->transfers->watch;
    transfer->done = done < transfer->record.bytes ? done : transfer->record.bytes;
    if (watch->progress != NULL)
        watch->progress(watch->context, transfer);
}

void transfer_note(struct transfer *transfer, const struct note *note) {
    const struct transfers_watch *watch = &transfer->node->transfers->watch;
    if (watch->noted != NULL)
        watch->noted(watch->context, transfer, note);
}

bool transfer_is_finished(const struct transfer *transfer) {
    return store_transfer_is_finished(transfer->record.state);
}

void transfer_describe(const struct transfer *transfer, Fxnode__Helper__Job *job) {
    transfer_describe_record(&transfer->record, job);
}

void transfer_describe_record(const struct store_transfer *record, Fxnode__Helper__Job *job) {
    job->number = record->number;
    job->transfer_id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, (uint8_t *)record->transfer_id};
    job->manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, (uint8_t *)record->manifest_hash};
    job->manifest_length = record->manifest_length;
    job->entries = record->entries;
    job->bytes = record->bytes;
    job->units = record->units;
    job->failed = record->failed;
    job->exact = record->exact;
}

Fxnode__Helper__Exists transfer_exists(const struct transfer *transfer) {
    switch (transfer->record.exists) {
    case STORE_EXISTS_SKIP:
        return FXNODE__HELPER__EXISTS__EXISTS_SKIP;
    case STORE_EXISTS_OVERWRITE:
        return FXNODE__HELPER__EXISTS__EXISTS_OVERWRITE;
    default:
        return FXNODE__HELPER__EXISTS__EXISTS_RENAME;
    }
}

void transfer_describe_landing(const char *destination, Fxnode__Helper__Job *job) {
    struct landing landing = landing_split(destination);
    job->destination = (ProtobufCBinaryData){landing.base, (uint8_t *)destination};
    job->directory = (ProtobufCBinaryData){strlen(landing.directory), (uint8_t *)landing.directory};
}

void transfer_hold(struct transfer *transfer) {
    transfer->holds++;
}

void transfer_release(struct transfer *transfer) {
    transfer->holds--;
    drop_if_over(transfer);
}
