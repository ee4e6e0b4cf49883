#include "node/daemon/sending.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/dialer.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/outwork.h"
#include "node/daemon/peers.h"
#include "node/daemon/worker.h"
#include "store/store_source.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENDING_LINK_MS 5000u /* a peer waits no longer for an offer, with some margin */

enum { STATUS_FAILED = 1, STATUS_UNREACHABLE = 3, STATUS_TRUST = 6 };

/* Goes on until resolving, scanning and calling are over; then recording; then it is freed. */
struct sending {
    struct node *node;
    struct sending_events events;
    bool over; /* an end was reported or cancelled: only waits for what it started */
    struct store_names paths;
    uint64_t rate;
    bool has_id;      /* the command chose record.transfer_id */
    uv_timer_t timer; /* how long the link may wait for the scan */

    struct resolve *resolve;
    struct resolve_target target;
    struct dialer *dialer;
    struct link link; /* fd -1: none */
    bool called;      /* resolving and calling are over */

    char work[OUTWORK_NAME_ROOM]; /* "" once it belongs to a transfer or is removed */
    struct worker *scan;
    bool scanned;
    uint32_t skipped;
    struct store_transfer record; /* what was found */

    bool recording; /* a job of the database is under way */
    uint64_t same;  /* number of the unfinished transfer of the same paths, 0: none */
    int result;
    struct fail fail;
};

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

/* Frees it once nothing that it started is left. */
static void free_if_over(struct sending *sending) {
    if (!sending->over || sending->scan != NULL || sending->recording)
        return;
    remove_work(sending);
    uv_close((uv_handle_t *)&sending->timer, on_closed);
}

/* Ends everything that is under way, without a report. */
static void wind_up(struct sending *sending) {
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

static void fail_with(struct sending *sending, int status, const char *text) {
    if (sending->over)
        return;
    wind_up(sending);
    sending->events.failed(sending->events.context, status, text);
    free_if_over(sending);
}

void sending_cancel(struct sending *sending) {
    wind_up(sending);
    free_if_over(sending);
}

/* Recording. */

static int adopt(uint64_t number, void *context) {
    struct sending *sending = context;
    return outwork_adopt(sending->node->statedir.fd, sending->work, number);
}

static struct store_transfer_new describe(struct sending *sending, int64_t now) {
    const struct store_transfer *record = &sending->record;
    return (struct store_transfer_new){
        .direction = STORE_OUTGOING,
        .state = STORE_QUEUED,
        .peer_key = sending->target.key,
        .peer_name = sending->target.name,
        .transfer_id = record->transfer_id,
        .manifest_hash = record->manifest_hash,
        .manifest_length = record->manifest_length,
        .entries = record->entries,
        .bytes = record->bytes,
        .units = record->units,
        .names = record->names.items,
        .names_length = record->names.length,
        .name_count = record->name_count,
        .paths = sending->paths.items,
        .paths_length = sending->paths.length,
        .rate = sending->rate,
        .now = now,
        .before_commit = adopt,
        .context = sending,
    };
}

static bool is_same_manifest(struct sending *sending, struct store *store) {
    struct store_transfer same = {0};
    bool equal = store_transfer_get(store, sending->same, &same, &sending->fail) == 0 &&
                 memcmp(same.manifest_hash, sending->record.manifest_hash, LIMIT_HASH) == 0;
    store_transfer_clear(&same);
    return equal;
}

static int create(struct sending *sending, struct store *store) {
    struct store_transfer created = {0};
    struct store_transfer_new with = describe(sending, io_wall_s());
    uint64_t number = 0;
    int result = store_transfer_create(store, &with, &number, &sending->fail);
    if (result == 0)
        result = store_transfer_get(store, number, &created, &sending->fail);
    if (result == 0) {
        sending->work[0] = '\0';
        store_transfer_clear(&sending->record);
        sending->record = created;
    }
    return result;
}

/* On the database's thread; the loop leaves the sending alone meanwhile but for `over`. */
static void run_record(struct store *store, void *arg) {
    struct sending *sending = arg;
    sending->result = store_source_find(store, sending->target.key, sending->paths.items,
                                        sending->paths.length, &sending->same, &sending->fail);
    if (sending->result == 0 && is_same_manifest(sending, store))
        sending->result =
            store_transfer_set_rate(store, sending->same, sending->rate, &sending->fail);
    else if (sending->result >= 0)
        sending->result = create(sending, store);
}

static struct transfer *use_same(struct sending *sending) {
    struct transfer *transfer = transfers_find(sending->node->transfers, sending->same);
    if (transfer == NULL || transfer_is_finished(transfer))
        return NULL;
    transfer->record.rate = sending->rate;
    if (transfer->record.state == STORE_PAUSED) {
        transfer_set_state(transfer, STORE_QUEUED, "");
        transfer_show(transfer, TRANSFER_SHOWN(QUEUED), "");
    }
    sending->events.noted(sending->events.context,
                          "going on with the unfinished transfer of the same paths", false);
    return transfer;
}

static struct transfer *use_new(struct sending *sending) {
    struct transfer *before =
        sending->same == 0 ? NULL : transfers_find(sending->node->transfers, sending->same);
    struct transfer *transfer = transfers_add(sending->node->transfers, &sending->record);
    char text[96];
    if (transfer == NULL || before == NULL)
        return transfer;
    snprintf(text, sizeof text, "replaced by transfer %llu, since the files have changed",
             (unsigned long long)transfer->record.number);
    outgoing_cancel(before, text);
    return transfer;
}

static void begin(struct sending *sending, struct transfer *transfer) {
    struct resolve_target *target = &sending->target;
    bool linked = sending->link.fd >= 0;
    peers_remember(sending->node->peers, target->key, target->typed[0] != '\0' ? "" : target->name,
                   linked ? &sending->link.address : NULL, target->typed);
    transfer_hold(transfer);
    outgoing_begin(transfer, linked ? &sending->link : NULL);
    sending->events.begun(sending->events.context, transfer, sending->skipped);
    transfer_release(transfer);
}

static void recorded(void *arg) {
    struct sending *sending = arg;
    struct transfer *transfer = NULL;
    sending->recording = false;
    bool created = sending->result == 0 && sending->work[0] == '\0';
    if (created)
        transfer = use_new(sending);
    if (sending->over && transfer != NULL)
        outgoing_cancel(transfer, "given up before it began");
    if (!created && !sending->over && sending->result == 0)
        transfer = use_same(sending);
    if (sending->over) {
        free_if_over(sending);
    } else if (transfer == NULL) {
        fail_with(sending, STATUS_FAILED,
                  sending->result < 0 ? sending->fail.text : "the transfer cannot be recorded");
    } else {
        begin(sending, transfer);
        wind_up(sending);
        free_if_over(sending);
    }
}

/* Goes on as soon as everything is known. */
static void advance(struct sending *sending) {
    if (sending->over || sending->recording || !sending->called || !sending->scanned ||
        sending->scan != NULL)
        return;
    uv_timer_stop(&sending->timer);
    if (!sending->has_id)
        randombytes_buf(sending->record.transfer_id, LIMIT_TRANSFER_ID);
    sending->recording = true;
    if (database_submit(sending->node->database, run_record, recorded, sending) != 0) {
        sending->recording = false;
        fail_with(sending, STATUS_FAILED, "out of memory");
    }
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
        free_if_over(sending);
    else if (outcome == WORKER_ENDED(COMPLETE) && sending->scanned)
        advance(sending);
    else
        fail_with(sending, STATUS_FAILED, text[0] != '\0' ? text : "the files cannot be read");
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
    sending->link = *link;
    sodium_memzero(link, sizeof *link);
    link->fd = -1;
    uv_timer_start(&sending->timer, on_link_old, SENDING_LINK_MS, 0);
    warn_unknown(sending);
}

/* A wrong key where the peer only used to be means that it is not there; where the user or an
 * announcement named the place it is more than that. */
static void wrong_key(struct sending *sending, const struct dialer_result *result) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char met[ID_GROUPED_ROOM];
    char text[1536];
    struct peers_line line;
    const struct resolve_target *target = &sending->target;
    bool online = peers_line(sending->node->peers, target->key, "", &line) && line.online;

    if (target->typed[0] == '\0' && !online)
        return;
    escape_text(name, sizeof name, target->name);
    id_format_grouped(met, result->met);
    snprintf(text, sizeof text,
             "whoever answers for %s now has another key (%s) than the one that is expected: it is "
             "another machine, was set up anew, or somebody pretends to be it. `fxnode unpair %s` "
             "forgets the old key; or name the new one by its id",
             name, met, name);
    fail_with(sending, STATUS_TRUST, text);
}

static void not_connected(struct sending *sending, const struct dialer_result *result) {
    bool known =
        sending->target.has_key && peers_is_known(sending->node->peers, sending->target.key);
    if (result->outcome == DIALER_WRONG_KEY)
        wrong_key(sending, result);
    else if (result->outcome == DIALER_VERSION)
        fail_with(sending, STATUS_FAILED, result->text);
    else if (!known)
        fail_with(sending, STATUS_UNREACHABLE, result->text);
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
        fail_with(sending, STATUS_FAILED, "cannot call the peer");
    }
}

static void on_resolved(void *context, enum resolve_outcome outcome,
                        const struct resolve_target *target, const char *text) {
    struct sending *sending = context;
    sending->resolve = NULL;
    if (outcome != RESOLVE_FOUND) {
        fail_with(sending, (int)outcome, text);
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
