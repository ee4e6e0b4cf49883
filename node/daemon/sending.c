#include "node/daemon/sending_run.h"

#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/outwork.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCANS_MAX 3u

/* The end. */

static void on_closed(uv_handle_t *handle) {
    struct sending *sending = handle->data;
    store_names_clear(&sending->paths);
    store_names_clear(&sending->exclude);
    store_transfer_clear(&sending->record);
    transfer_free(sending->made);
    free(sending);
}

static void work_removed(void *arg) {
    free(arg);
}

struct removal {
    int state_fd;
    char name[OUTWORK_NAME_ROOM];
};

static void run_remove(struct store *store, void *arg) {
    struct removal *job = arg;
    struct fail fail;
    (void)store;
    if (outwork_remove_name(job->state_fd, job->name, &fail) != 0)
        log_warn("%s", fail.text);
}

static void remove_work(struct sending *sending) {
    struct removal *job = sending->work[0] == '\0' ? NULL : calloc(1, sizeof *job);
    if (job == NULL)
        return;
    job->state_fd = sending->node->statedir.fd;
    memcpy(job->name, sending->work, sizeof job->name);
    sending->work[0] = '\0';
    if (database_submit(sending->node->database, run_remove, work_removed, job) != 0)
        free(job);
}

void sending_free_if_over(struct sending *sending) {
    if (!sending->over || sending->scan != NULL || sending->recording)
        return;
    remove_work(sending);
    uv_close((uv_handle_t *)&sending->timer, on_closed);
}

void sending_wind_up(struct sending *sending) {
    sending->over = true;
    uv_timer_stop(&sending->timer);
    resolve_cancel(sending->resolve);
    sending->resolve = NULL;
    if (sending->dialer != NULL)
        dialer_cancel(sending->dialer);
    sending->dialer = NULL;
    link_drop(&sending->link);
    if (sending->scan != NULL && !sending->complete)
        worker_kill(sending->scan);
}

void sending_fail(struct sending *sending, int status, const char *text) {
    if (sending->over)
        return;
    sending_wind_up(sending);
    sending->events.failed(sending->events.context, status, text);
    sending_free_if_over(sending);
}

void sending_cancel(struct sending *sending) {
    sending_wind_up(sending);
    sending_free_if_over(sending);
}

void sending_leave(struct sending *sending) {
    sending->stays = true;
    sending_cancel(sending);
}

void sending_advance(struct sending *sending) {
    if (sending->over || sending->recording || !sending->called || !sending->complete ||
        sending_is_revoked(sending))
        return;
    uv_timer_stop(&sending->timer);
    if (!sending->has_id)
        randombytes_buf(sending->record.transfer_id, LIMIT_TRANSFER_ID);
    sending_record(sending);
}

/* Scanning. */

static int copy_scanned(struct store_transfer *record, const Fxnode__Helper__Scanned *scanned) {
    struct store_name names[LIMIT_OFFER_NAMES];
    size_t count = scanned->n_names < LIMIT_OFFER_NAMES ? scanned->n_names : LIMIT_OFFER_NAMES;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct store_name){(const char *)scanned->names[i].data, scanned->names[i].len};
    memcpy(record->manifest_hash, scanned->manifest_hash.data, LIMIT_HASH);
    record->manifest_length = scanned->manifest_length;
    record->entries = scanned->entries;
    record->bytes = scanned->bytes;
    record->units = scanned->units;
    record->name_count = scanned->name_count;
    store_names_clear(&record->names);
    return store_names_copy(&record->names, names, count);
}

static void take_scanned(struct sending *sending, const Fxnode__Helper__Scanned *scanned) {
    sending->scanned = copy_scanned(&sending->record, scanned) == 0;
    sending->skipped = scanned->skipped;
    sending->partial = scanned->partial;
}

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    struct sending *sending = arg;
    if (sending->over)
        return;
    if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_NOTE)
        sending->events.noted(sending->events.context,
                              &(struct note){message->note->text, true, message->note->path.data,
                                             message->note->path.len});
    else if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_SCANNED)
        take_scanned(sending, message->scanned);
    else
        worker_kill(sending->scan);
}

static int start_scan(struct sending *sending, struct fail *fail);

/* After a session that was killed, by whatever had reason to, another one looks; not for ever, as
 * it may be something among the files that it dies of. */
static bool scan_again(struct sending *sending, worker_outcome outcome) {
    struct fail fail;
    sending->scanned = false;
    return outcome == WORKER_ENDED(LOST) && sending->scans < SCANS_MAX &&
           start_scan(sending, &fail) == 0;
}

/* That the process ends takes as long as much of the rest, and nobody needs to wait for it. */
static void on_complete(void *arg) {
    struct sending *sending = arg;
    if (sending->over || !sending->scanned)
        return;
    sending->complete = true;
    sending_advance(sending);
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    struct sending *sending = arg;
    sending->scan = NULL;
    if (sending->over)
        sending_free_if_over(sending);
    else if (!sending->complete && !scan_again(sending, outcome))
        sending_fail(sending, SENDING_FAILED, text[0] != '\0' ? text : "the files cannot be read");
}

static void send_scan(struct sending *sending, const char *work) {
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    const char *state = sending->node->locations.state;
    ProtobufCBinaryData exclude[LIMIT_PATTERNS];
    job.kind = FXNODE__HELPER__JOB__KIND__SCAN;
    job.work = (ProtobufCBinaryData){strlen(work), (uint8_t *)work};
    job.state = (ProtobufCBinaryData){strlen(state), (uint8_t *)(uintptr_t)state};
    job.exclude = exclude;
    for (; job.n_exclude < sending->exclude.length && job.n_exclude < LIMIT_PATTERNS;
         job.n_exclude++) {
        const struct store_name *pattern = &sending->exclude.items[job.n_exclude];
        exclude[job.n_exclude] = (ProtobufCBinaryData){pattern->length, (uint8_t *)pattern->bytes};
    }
    job.one_file_system = sending->one_file_system;
    worker_send_paths(sending->scan, &sending->paths);
    worker_send_job(sending->scan, &job);
}

static int start_scan(struct sending *sending, struct fail *fail) {
    struct worker_events events = {
        .message = on_message, .complete = on_complete, .gone = on_gone, .arg = sending};
    char work[PATH_MAX];
    int error;
    if (!outwork_path(work, sizeof work, sending->node->locations.state, sending->work))
        return fail_set(fail, -ENAMETOOLONG, "cannot send");
    error = worker_start(&sending->scan, sending->node, &events, fail);
    if (error == 0) {
        sending->scans++;
        send_scan(sending, work);
    }
    return error;
}

static int begin_scan(struct sending *sending, struct fail *fail) {
    int error = outwork_begin(sending->node->statedir.fd, sending->work, fail);
    if (error != 0) {
        sending->work[0] = '\0';
        return error;
    }
    return start_scan(sending, fail);
}

int sending_start(struct sending **out, struct node *node, struct sending_request *request,
                  const struct sending_events *events, struct fail *fail) {
    struct sending *sending = calloc(1, sizeof *sending);
    if (sending == NULL)
        return fail_set(fail, -ENOMEM, "cannot send");
    sending->node = node;
    sending->events = *events;
    sending->paths = request->paths;
    sending->exclude = request->exclude;
    request->paths = request->exclude = (struct store_names){0};
    sending->one_file_system = request->one_file_system;
    sending->rate = request->rate;
    sending->moves = request->moves;
    sending->has_id = request->has_id;
    memcpy(sending->record.transfer_id, request->id, LIMIT_TRANSFER_ID);
    sending->link.fd = -1;
    uv_timer_init(node->loop, &sending->timer);
    sending->timer.data = sending;

    int error = begin_scan(sending, fail);
    if (error == 0 && (error = resolve_start(&sending->resolve, node, request->peer,
                                             sending_resolved, sending)) != 0)
        fail_set(fail, error, "cannot send");
    if (error != 0) {
        sending_cancel(sending);
        return error;
    }
    *out = sending;
    return 0;
}
