#include "node/daemon/outgoing.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/clean.h"
#include "node/daemon/database.h"
#include "node/daemon/dialer.h"
#include "node/daemon/lanes.h"
#include "node/daemon/outwork.h"
#include "node/daemon/peers.h"
#include "node/daemon/policy.h"
#include "node/daemon/queue.h"
#include "node/daemon/worker.h"
#include "store/store_source.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lives from the first attempt until the transfer is finished, and holds it. */
struct outgoing_run {
    struct transfer *transfer;
    struct node *node;
    uv_timer_t timer; /* the next attempt */
    struct queue_tries tries;
    unsigned jobs; /* of the database that refer to this */
    bool resting;  /* no attempt until outgoing_begin() */
    struct store_names paths;
    struct dialer *dialer;
    struct link link; /* while the paths are loaded; fd -1: none */
    struct worker *worker;
    struct lanes *lanes;
    uint64_t done_before; /* when the session began */
    bool progressed;
};

static void attempt(struct outgoing_run *run);
static void end_if_over(struct outgoing_run *run);

/* Ends of attempts. */

static void on_time(uv_timer_t *timer) {
    attempt(timer->data);
}

static enum store_state final_state(enum queue_event event) {
    switch (event) {
    case QUEUE_REFUSED:
        return STORE_REFUSED;
    case QUEUE_PEER_CANCELLED:
        return STORE_CANCELLED;
    default:
        return STORE_FAILED;
    }
}

static bool wants_to_run(const struct outgoing_run *run) {
    enum store_state state = run->transfer->record.state;
    return !run->resting && !run->node->stopping &&
           (state == STORE_QUEUED || state == STORE_RUNNING || state == STORE_OFFERED);
}

static void log_end(const struct transfer *transfer, const char *how) {
    char peer[ESCAPE_ROOM(LIMIT_NAME)];
    escape_text(peer, sizeof peer, transfer->record.peer_name);
    log_info("transfer %llu to %s: %s", (unsigned long long)transfer->record.number, peer, how);
}

/* An attempt has ended: what follows. `text` is escaped. */
static void judge(struct outgoing_run *run, enum queue_event event, const char *text) {
    struct transfer *transfer = run->transfer;
    if (!wants_to_run(run)) {
        end_if_over(run);
        return;
    }
    struct queue_decision decision =
        queue_judge(&run->tries, event, run->progressed, randombytes_random());
    run->progressed = false;
    if (decision.action == QUEUE_FINISH) {
        log_end(transfer, text);
        transfer_set_state(transfer, final_state(event), text);
        end_if_over(run);
        return;
    }
    transfer_show(transfer,
                  decision.action == QUEUE_AWAIT ? TRANSFER_SHOWN(QUEUED) : TRANSFER_SHOWN(WAITING),
                  text);
    uv_timer_start(&run->timer, on_time, decision.delay_ms, 0);
}

/* The run's own end. */

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void end_if_over(struct outgoing_run *run) {
    struct transfer *transfer = run->transfer;
    if (!transfer_is_finished(transfer) || run->worker != NULL || run->jobs > 0)
        return;
    if (run->dialer != NULL)
        dialer_cancel(run->dialer);
    link_drop(&run->link);
    store_names_clear(&run->paths);
    transfer->run = NULL;
    clean_transfer(run->node, &transfer->record);
    uv_close((uv_handle_t *)&run->timer, on_closed);
    transfer_release(transfer);
}

/* Delivery. */

struct delivery {
    struct outgoing_run *run;
    uint64_t number;
    uint64_t ticket;
    int64_t now;
    uint32_t failed;
    struct store_names names;
    int result;
    struct fail fail;
};

static void run_deliver(struct store *store, void *arg) {
    struct delivery *job = arg;
    struct store_transfer_delivery delivery = {job->names.items, job->names.length, job->failed,
                                               job->now};
    job->result = store_transfer_deliver(store, job->number, &delivery, &job->fail);
}

static void delivered(void *arg) {
    struct delivery *job = arg;
    struct outgoing_run *run = job->run;
    struct transfer *transfer = run->transfer;
    run->jobs--;
    if (job->result == 0) {
        transfer->record.failed = job->failed;
        store_names_clear(&transfer->record.final_names);
        transfer->record.final_names = job->names;
        job->names = (struct store_names){0};
        transfer->done = transfer->record.bytes;
        if (run->worker != NULL)
            worker_send_committed(run->worker, job->ticket);
        log_end(transfer, "delivered");
        transfer_has_state(transfer, STORE_DELIVERED, "");
    } else {
        log_error("cannot record the delivery of transfer %llu: %s",
                  (unsigned long long)job->number,
                  job->result < 0 ? job->fail.text : "its state does not allow it");
        if (run->worker != NULL)
            worker_kill(run->worker);
    }
    store_names_clear(&job->names);
    free(job);
    end_if_over(run);
}

static bool on_delivered(struct outgoing_run *run, const Fxnode__Helper__Delivered *from) {
    struct store_name names[LIMIT_OFFER_NAMES];
    size_t count = from->n_names < LIMIT_OFFER_NAMES ? from->n_names : LIMIT_OFFER_NAMES;
    struct delivery *job = calloc(1, sizeof *job);
    if (job == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct store_name){(const char *)from->names[i].data, from->names[i].len};
    job->run = run;
    job->number = run->transfer->record.number;
    job->ticket = from->ticket;
    job->failed = from->failed;
    job->now = io_wall_s();
    if (store_names_copy(&job->names, names, count) != 0 ||
        database_submit(run->node->database, run_deliver, delivered, job) != 0) {
        store_names_clear(&job->names);
        free(job);
        return false;
    }
    run->jobs++;
    return true;
}

/* The session. */

static void on_progress(struct outgoing_run *run, const Fxnode__Helper__Progress *progress) {
    struct transfer *transfer = run->transfer;
    if (progress->done > run->done_before)
        run->progressed = true;
    if (transfer->record.state == STORE_QUEUED || transfer->record.state == STORE_OFFERED)
        transfer_set_state(transfer, STORE_RUNNING, "");
    if (transfer->record.state == STORE_RUNNING)
        transfer_show(transfer, TRANSFER_SHOWN(RUNNING), "");
    transfer_progress(transfer, progress->done);
}

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    struct outgoing_run *run = arg;
    switch (message->body_case) {
    case FXNODE__HELPER__TO_NODE__BODY_ASKED:
        transfer_show(run->transfer, TRANSFER_SHOWN(OFFERED), "");
        return;
    case FXNODE__HELPER__TO_NODE__BODY_NEED_LANES:
        lanes_want(run->lanes, message->need_lanes->lanes);
        return;
    case FXNODE__HELPER__TO_NODE__BODY_PROGRESS:
        on_progress(run, message->progress);
        return;
    case FXNODE__HELPER__TO_NODE__BODY_NOTE:
        transfer_note(run->transfer, message->note->text, true);
        return;
    case FXNODE__HELPER__TO_NODE__BODY_DELIVERED:
        if (on_delivered(run, message->delivered))
            return;
        break;
    default:
        break;
    }
    log_error("a sending session asked for what it may not: it is stopped");
    worker_kill(run->worker);
}

static enum queue_event event_of(worker_outcome outcome) {
    switch (outcome) {
    case WORKER_ENDED(COMPLETE):
        return QUEUE_COMPLETE;
    case WORKER_ENDED(BUSY):
        return QUEUE_BUSY;
    case WORKER_ENDED(NO_SPACE):
        return QUEUE_NO_SPACE;
    case WORKER_ENDED(REFUSED):
        return QUEUE_REFUSED;
    case WORKER_ENDED(PAUSED):
        return QUEUE_PEER_PAUSED;
    case WORKER_ENDED(CANCELLED):
        return QUEUE_PEER_CANCELLED;
    case WORKER_ENDED(FAILED):
        return QUEUE_LOCAL_FAULT;
    case WORKER_ENDED(PROTOCOL):
        return QUEUE_PROTOCOL;
    default:
        return QUEUE_LOST;
    }
}

static const char *text_of(enum queue_event event) {
    switch (event) {
    case QUEUE_BUSY:
        return "the peer is busy";
    case QUEUE_NO_SPACE:
        return "a disk is full";
    case QUEUE_REFUSED:
        return "refused by the peer";
    case QUEUE_PEER_PAUSED:
        return "paused by the peer";
    case QUEUE_PEER_CANCELLED:
        return "cancelled by the peer";
    case QUEUE_PROTOCOL:
        return "the peer broke the protocol";
    case QUEUE_LOCAL_FAULT:
        return "it cannot be sent";
    default:
        return "the connection was lost";
    }
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    struct outgoing_run *run = arg;
    enum queue_event event = event_of(outcome);
    run->worker = NULL;
    lanes_free(run->lanes);
    run->lanes = NULL;
    judge(run, event, text[0] != '\0' ? text : text_of(event));
}

static void send_job(struct outgoing_run *run) {
    const struct store_transfer *record = &run->transfer->record;
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    char name[OUTWORK_NAME_ROOM];
    char work[PATH_MAX];

    outwork_name(name, record->number);
    if (!outwork_path(work, sizeof work, run->node->locations.state, name))
        work[0] = '\0';
    job.kind = FXNODE__HELPER__JOB__KIND__SEND;
    job.work = (ProtobufCBinaryData){strlen(work), (uint8_t *)work};
    job.number = record->number;
    job.transfer_id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, (uint8_t *)record->transfer_id};
    job.manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, (uint8_t *)record->manifest_hash};
    job.manifest_length = record->manifest_length;
    job.entries = record->entries;
    job.bytes = record->bytes;
    job.units = record->units;
    job.lanes = run->node->config.lanes;
    job.rate = record->rate;
    worker_send_paths(run->worker, &run->paths);
    worker_send_job(run->worker, &job);
}

/* Takes the link over. */
static void start_session(struct outgoing_run *run, struct link *link) {
    struct worker_events events = {.message = on_message, .gone = on_gone, .arg = run};
    struct fail fail;
    int error = lanes_new(&run->lanes, run->node, link);
    if (error != 0)
        fail_set(&fail, error, "cannot start a session");
    else
        error = worker_start(&run->worker, run->node, &events, &fail);
    if (error != 0) {
        log_error("%s", fail.text);
        lanes_free(run->lanes);
        run->lanes = NULL;
        link_drop(link);
        judge(run, QUEUE_LOST, fail.text);
        return;
    }
    lanes_feed(run->lanes, run->worker);
    run->done_before = run->transfer->done;
    peers_remember(run->node->peers, run->transfer->record.peer_key, "", &link->address, NULL);
    transfer_show(run->transfer, TRANSFER_SHOWN(CONNECTING), "");
    send_job(run);
    worker_send_link(run->worker, link, 0);
}

/* Calling the peer. */

static void on_dialed(void *context, struct dialer_result *result) {
    struct outgoing_run *run = context;
    run->dialer = NULL;
    if (result->outcome == DIALER_CONNECTED && wants_to_run(run))
        start_session(run, &result->link);
    else if (result->outcome == DIALER_CONNECTED)
        link_drop(&result->link);
    else
        judge(run, result->outcome == DIALER_VERSION ? QUEUE_NO_VERSION : QUEUE_UNREACHABLE,
              result->text);
}

static void dial(struct outgoing_run *run) {
    struct address candidates[DIALER_CANDIDATES];
    const uint8_t *key = run->transfer->record.peer_key;
    size_t count = peers_candidates(run->node->peers, key, candidates);
    struct dialer_call call = {
        .loop = run->node->loop,
        .identity = &run->node->identity,
        .name = run->node->config.name,
        .purpose = HANDSHAKE_CONTROL,
        .expected = key,
        .candidates = candidates,
        .count = count,
        .done = on_dialed,
        .context = run,
    };
    if (count == 0) {
        /* Nothing to call: discovery, or the peer itself, has to speak first. */
        transfer_show(run->transfer, TRANSFER_SHOWN(QUEUED), "the peer is away");
        return;
    }
    if (dialer_start(&run->dialer, &call) != 0)
        judge(run, QUEUE_UNREACHABLE, "cannot call the peer");
}

struct source_load {
    struct outgoing_run *run;
    uint64_t number;
    struct store_names paths;
    int result;
    struct fail fail;
};

static void run_load(struct store *store, void *arg) {
    struct source_load *job = arg;
    job->result = store_source_load(store, job->number, &job->paths, &job->fail);
}

static void loaded(void *arg) {
    struct source_load *job = arg;
    struct outgoing_run *run = job->run;
    run->jobs--;
    if (job->result == 0 && job->paths.length > 0) {
        store_names_clear(&run->paths);
        run->paths = job->paths;
        attempt(run);
    } else {
        log_error("cannot send transfer %llu: %s", (unsigned long long)job->number,
                  job->result < 0 ? job->fail.text : "its paths are not recorded");
        judge(run, QUEUE_LOCAL_FAULT, "its paths are not recorded");
    }
    free(job);
}

static void load_paths(struct outgoing_run *run) {
    struct source_load *job = calloc(1, sizeof *job);
    if (job == NULL || run->jobs > 0) {
        free(job);
        return;
    }
    job->run = run;
    job->number = run->transfer->record.number;
    if (database_submit(run->node->database, run_load, loaded, job) == 0)
        run->jobs++;
    else
        free(job);
}

static void attempt(struct outgoing_run *run) {
    uv_timer_stop(&run->timer);
    if (!wants_to_run(run) || run->worker != NULL || run->dialer != NULL) {
        end_if_over(run);
    } else if (run->paths.length == 0) {
        load_paths(run);
    } else if (run->link.fd >= 0) {
        struct link link = run->link;
        run->link.fd = -1;
        start_session(run, &link);
        sodium_memzero(&link, sizeof link);
    } else if (workers_count(run->node->workers) >= POLICY_SESSIONS) {
        judge(run, QUEUE_LOST, "waits until other transfers are done");
    } else {
        dial(run);
    }
}

/* From outside. */

static struct outgoing_run *run_of(struct transfer *transfer) {
    if (transfer->run != NULL)
        return transfer->run;
    struct outgoing_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return NULL;
    run->transfer = transfer;
    run->node = transfer->node;
    run->link.fd = -1;
    uv_timer_init(run->node->loop, &run->timer);
    run->timer.data = run;
    transfer_hold(transfer);
    transfer->run = run;
    return run;
}

void outgoing_begin(struct transfer *transfer, struct link *link) {
    struct outgoing_run *run = run_of(transfer);
    if (run == NULL) {
        log_error("out of memory");
        if (link != NULL)
            link_drop(link);
        return;
    }
    run->resting = false;
    if (link != NULL && (run->worker != NULL || run->dialer != NULL)) {
        link_drop(link);
    } else if (link != NULL) {
        link_drop(&run->link);
        run->link = *link;
        sodium_memzero(link, sizeof *link);
        link->fd = -1;
    }
    queue_seen(&run->tries);
    if (run->worker == NULL && wants_to_run(run))
        transfer_show(transfer, TRANSFER_SHOWN(CONNECTING), "");
    attempt(run);
}

static bool is_open(const struct transfer *transfer) {
    return transfer->record.direction == STORE_OUTGOING && !transfer_is_finished(transfer) &&
           transfer->record.state != STORE_PAUSED;
}

void outgoing_start_all(struct node *node) {
    struct transfer *next = NULL;
    for (struct transfer *at = transfers_first(node->transfers); at != NULL; at = next) {
        next = at->next;
        if (is_open(at))
            outgoing_begin(at, NULL);
    }
}

void outgoing_seen(struct node *node, const uint8_t *key) {
    struct transfer *next = NULL;
    for (struct transfer *at = transfers_first(node->transfers); at != NULL; at = next) {
        next = at->next;
        if (at->run == NULL || !is_open(at) || !id_equal(at->record.peer_key, key))
            continue;
        queue_seen(&at->run->tries);
        attempt(at->run);
    }
}

/* Ends what goes on, whatever the state. */
static void halt(struct transfer *transfer, Fxnode__Helper__Stop__Reason reason) {
    struct outgoing_run *run = transfer->run;
    if (run == NULL)
        return;
    uv_timer_stop(&run->timer);
    if (run->dialer != NULL)
        dialer_cancel(run->dialer);
    run->dialer = NULL;
    if (run->worker != NULL)
        worker_stop(run->worker, reason);
}

void outgoing_rest(struct transfer *transfer, const char *why) {
    if (transfer->run == NULL)
        return;
    transfer->run->resting = true;
    halt(transfer, WORKER_STOP(PAUSE));
    transfer_show(transfer, TRANSFER_SHOWN(WAITING), why);
}

void outgoing_stop_all(struct node *node) {
    for (struct transfer *at = transfers_first(node->transfers); at != NULL; at = at->next) {
        if (at->run == NULL)
            continue;
        uv_timer_stop(&at->run->timer);
        if (at->run->dialer != NULL)
            dialer_cancel(at->run->dialer);
        at->run->dialer = NULL;
        link_drop(&at->run->link);
    }
}

int outgoing_pause(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state == STORE_PAUSED)
        return fail_set(fail, 0, "transfer %llu is paused already",
                        (unsigned long long)transfer->record.number);
    transfer_set_state(transfer, STORE_PAUSED, "");
    halt(transfer, WORKER_STOP(PAUSE));
    return 0;
}

int outgoing_resume(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state != STORE_PAUSED && transfer->shown != TRANSFER_SHOWN(WAITING) &&
        transfer->shown != TRANSFER_SHOWN(QUEUED))
        return fail_set(fail, 0, "transfer %llu is neither paused nor waiting",
                        (unsigned long long)transfer->record.number);
    if (transfer->record.state == STORE_PAUSED)
        transfer_set_state(transfer, STORE_QUEUED, "");
    transfer_show(transfer, TRANSFER_SHOWN(QUEUED), "");
    outgoing_begin(transfer, NULL);
    return 0;
}

void outgoing_cancel(struct transfer *transfer, const char *why) {
    struct outgoing_run *run = run_of(transfer);
    transfer_set_state(transfer, STORE_CANCELLED, why);
    if (run == NULL)
        return; /* its files go when it expires */
    halt(transfer, WORKER_STOP(CANCEL));
    end_if_over(run);
}
