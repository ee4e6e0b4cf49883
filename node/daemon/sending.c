#include "node/daemon/sending_run.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/outwork.h"
#include "node/daemon/peers.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENDING_LINK_MS 5000u /* a peer waits no longer for an offer, with some margin */

/* The end. */

static void on_closed(uv_handle_t *handle) {
    struct sending *sending = handle->data;
    store_names_clear(&sending->paths);
    store_transfer_clear(&sending->record);
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
    if (sending->scan != NULL)
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

/* Goes on as soon as everything is known. */
static void advance(struct sending *sending) {
    if (sending->over || sending->recording || !sending->called || !sending->scanned ||
        sending->scan != NULL)
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
}

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    struct sending *sending = arg;
    if (sending->over)
        return;
    if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_NOTE)
        sending->events.noted(sending->events.context, message->note->text, true);
    else if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_SCANNED)
        take_scanned(sending, message->scanned);
    else
        worker_kill(sending->scan);
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    struct sending *sending = arg;
    sending->scan = NULL;
    if (sending->over)
        sending_free_if_over(sending);
    else if (outcome == WORKER_ENDED(COMPLETE) && sending->scanned)
        advance(sending);
    else
        sending_fail(sending, SENDING_FAILED, text[0] != '\0' ? text : "the files cannot be read");
}

static int start_scan(struct sending *sending, struct fail *fail) {
    struct worker_events events = {.message = on_message, .gone = on_gone, .arg = sending};
    char work[PATH_MAX];
    int error = outwork_begin(sending->node->statedir.fd, sending->work, fail);
    if (error != 0) {
        sending->work[0] = '\0';
        return error;
    }
    if (!outwork_path(work, sizeof work, sending->node->locations.state, sending->work))
        return fail_set(fail, -ENAMETOOLONG, "cannot send");
    error = worker_start(&sending->scan, sending->node, &events, fail);
    if (error != 0)
        return error;
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    job.kind = FXNODE__HELPER__JOB__KIND__SCAN;
    job.work = (ProtobufCBinaryData){strlen(work), (uint8_t *)work};
    worker_send_paths(sending->scan, &sending->paths);
    worker_send_job(sending->scan, &job);
    return 0;
}

/* Calling. */

static void on_link_old(uv_timer_t *timer) {
    struct sending *sending = timer->data;
    link_drop(&sending->link); /* called again when there is something to offer */
}

static void warn_unknown(struct sending *sending) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];
    char text[sizeof name + sizeof id + 80];
    if (peers_is_known(sending->node->peers, sending->target.key))
        return;
    escape_text(name, sizeof name, sending->target.name);
    id_format_grouped(id, sending->target.key);
    snprintf(text, sizeof text,
             "%s (%s) is not known yet: whoever answers to that name gets the files", name, id);
    sending->events.noted(sending->events.context, text, true);
}

static void connected(struct sending *sending, struct link *link) {
    memcpy(sending->target.key, link->result.peer, LIMIT_KEY);
    sending->target.has_key = true;
    sending->reached = link->address;
    sending->answered = true;
    sending->link = *link;
    sodium_memzero(link, sizeof *link);
    link->fd = -1;
    uv_timer_start(&sending->timer, on_link_old, SENDING_LINK_MS, 0);
    warn_unknown(sending);
}

/* Somebody else answered and nobody with the right key. Where the peer only used to be, another
 * one that is remembered has got its address, and it is just not there; a stranger may be more. */
static void wrong_key(struct sending *sending, const struct dialer_result *result) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char met[ID_GROUPED_ROOM];
    char text[1536];
    struct peers_line line;
    const struct resolve_target *target = &sending->target;
    bool online = peers_line(sending->node->peers, target->key, "", &line) && line.online;

    if (target->typed[0] == '\0' && !online && peers_is_known(sending->node->peers, result->met))
        return;
    escape_text(name, sizeof name, target->name);
    id_format_grouped(met, result->met);
    snprintf(text, sizeof text,
             "whoever answers for %s now has another key (%s) than the one that is expected: it is "
             "another machine, was set up anew, or somebody pretends to be it. `fxnode unpair %s` "
             "forgets the old key; or name the new one by its id",
             name, met, name);
    sending_fail(sending, SENDING_TRUST, text);
}

static void not_connected(struct sending *sending, const struct dialer_result *result) {
    bool known =
        sending->target.has_key && peers_is_known(sending->node->peers, sending->target.key);
    if (result->outcome == DIALER_WRONG_KEY)
        wrong_key(sending, result);
    else if (result->outcome == DIALER_VERSION)
        sending_fail(sending, SENDING_FAILED, result->text);
    else if (!known)
        sending_fail(sending, SENDING_UNREACHABLE, result->text);
}

static void on_dialed(void *context, struct dialer_result *result) {
    struct sending *sending = context;
    sending->dialer = NULL;
    sending->called = true;
    if (result->outcome == DIALER_CONNECTED)
        connected(sending, &result->link);
    else
        not_connected(sending, result);
    advance(sending);
}

static void call_peer(struct sending *sending) {
    struct resolve_target *target = &sending->target;
    struct dialer_call call = {
        .loop = sending->node->loop,
        .identity = &sending->node->identity,
        .name = sending->node->config.name,
        .purpose = HANDSHAKE_CONTROL,
        .expected = target->has_key ? target->key : NULL,
        .candidates = target->candidates,
        .count = target->count,
        .done = on_dialed,
        .context = sending,
    };
    if (target->count == 0) { /* known, and nowhere to be seen */
        sending->called = true;
        advance(sending);
    } else if (dialer_start(&sending->dialer, &call) != 0) {
        sending_fail(sending, SENDING_FAILED, "cannot call the peer");
    }
}

static void on_resolved(void *context, enum resolve_outcome outcome,
                        const struct resolve_target *target, const char *text) {
    struct sending *sending = context;
    sending->resolve = NULL;
    if (outcome != RESOLVE_FOUND) {
        sending_fail(sending, (int)outcome, text);
        return;
    }
    sending->target = *target;
    sending->events.shown(sending->events.context, TRANSFER_SHOWN(CONNECTING), &sending->target);
    call_peer(sending);
}

int sending_start(struct sending **out, struct node *node, struct sending_request *request,
                  const struct sending_events *events, struct fail *fail) {
    struct sending *sending = calloc(1, sizeof *sending);
    if (sending == NULL)
        return fail_set(fail, -ENOMEM, "cannot send");
    sending->node = node;
    sending->events = *events;
    sending->paths = request->paths;
    request->paths = (struct store_names){0};
    sending->rate = request->rate;
    sending->has_id = request->has_id;
    memcpy(sending->record.transfer_id, request->id, LIMIT_TRANSFER_ID);
    sending->link.fd = -1;
    uv_timer_init(node->loop, &sending->timer);
    sending->timer.data = sending;

    int error = start_scan(sending, fail);
    if (error == 0 &&
        (error = resolve_start(&sending->resolve, node, request->peer, on_resolved, sending)) != 0)
        fail_set(fail, error, "cannot send");
    if (error != 0) {
        sending_cancel(sending);
        return error;
    }
    *out = sending;
    return 0;
}
