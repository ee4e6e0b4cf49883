#include "node/daemon/outgoing_run.h"

#include "base/io.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/moving.h"
#include "node/daemon/outwork.h"
#include "node/daemon/peers.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Delivery. */

struct delivery {
    struct outgoing_run *run;
    uint64_t number;
    uint64_t ticket;
    int64_t now;
    uint32_t failed;
    struct kept kept;
    struct store_names names;
    int result;
    struct fail fail;
};

static void run_deliver(struct store *store, void *arg) {
    struct delivery *job = arg;
    struct store_transfer_delivery delivery = {job->names.items, job->names.length, job->failed,
                                               job->now};
    job->result = store_begin(store, &job->fail);
    if (job->result != 0)
        return;
    int result = kept_seal(&job->kept, store, job->number, &job->fail);
    if (result == 0)
        result = store_transfer_deliver(store, job->number, &delivery, &job->fail);
    job->result = store_end(store, result, &job->fail);
}

static void delivery_free(struct delivery *job) {
    store_names_clear(&job->names);
    kept_drop(&job->kept);
    free(job);
}

static void delivered(void *arg) {
    struct delivery *job = arg;
    struct outgoing_run *run = job->run;
    struct transfer *transfer = run->transfer;
    run->jobs--;
    run->delivering = false;
    if (job->result == 0) {
        transfer->record.failed = job->failed;
        store_names_clear(&transfer->record.final_names);
        transfer->record.final_names = job->names;
        job->names = (struct store_names){0};
        transfer->done = transfer->record.bytes;
        if (run->worker != NULL)
            worker_send_committed(run->worker, job->ticket);
        outgoing_log_end(transfer, "delivered");
        if (transfer->record.moving == STORE_MOVING_WANTED)
            moving_begin(run->node->moving, transfer);
        transfer_has_state(transfer, STORE_DELIVERED, "");
    } else {
        log_error("cannot record the delivery of transfer %llu: %s",
                  (unsigned long long)job->number,
                  job->result < 0 ? job->fail.text : "its state does not allow it");
        if (run->worker != NULL)
            worker_give_up(run->worker, job->result < 0 ? job->fail.text : "it was ended before");
    }
    delivery_free(job);
    outgoing_end_if_over(run);
}

static bool on_delivered(struct outgoing_run *run, const Fxnode__Helper__Delivered *from) {
    struct store_name names[LIMIT_OFFER_NAMES];
    size_t count = from->n_names < LIMIT_OFFER_NAMES ? from->n_names : LIMIT_OFFER_NAMES;
    struct delivery *job = run->delivering ? NULL : calloc(1, sizeof *job);
    if (job == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct store_name){(const char *)from->names[i].data, from->names[i].len};
    job->run = run;
    job->number = run->transfer->record.number;
    job->ticket = from->ticket;
    job->failed = from->failed;
    job->now = io_wall_s();
    job->kept = kept_take(&run->kept);
    if (store_names_copy(&job->names, names, count) != 0 ||
        database_submit(run->node->database, run_deliver, delivered, job) != 0) {
        delivery_free(job);
        return false;
    }
    run->jobs++;
    run->delivering = true;
    return true;
}

/* What is kept of it comes before. */

static void run_keep(struct store *store, void *arg) {
    struct delivery *job = arg;
    job->result = kept_store(&job->kept, store, job->number, &job->fail);
}

static void was_kept(void *arg) {
    struct delivery *job = arg;
    struct outgoing_run *run = job->run;
    run->jobs--;
    if (job->result != 0 && run->worker != NULL) {
        log_error("cannot keep what verifies transfer %llu: %s", (unsigned long long)job->number,
                  job->result < 0 ? job->fail.text : "its state does not allow it");
        worker_give_up(run->worker, job->result < 0 ? job->fail.text : "it was ended before");
    }
    delivery_free(job);
    outgoing_end_if_over(run);
}

static bool on_kept(struct outgoing_run *run, const Fxnode__Helper__Kept *kept) {
    if (run->delivering || !kept_add(&run->kept, kept))
        return false;
    if (!kept_is_full(&run->kept))
        return true;
    struct delivery *job = calloc(1, sizeof *job);
    if (job == NULL)
        return false;
    job->run = run;
    job->number = run->transfer->record.number;
    job->kept = kept_take(&run->kept);
    if (database_submit(run->node->database, run_keep, was_kept, job) != 0) {
        delivery_free(job);
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
    case FXNODE__HELPER__TO_NODE__BODY_NEED_LANE:
        lanes_want(run->lanes, message->need_lane->lane);
        return;
    case FXNODE__HELPER__TO_NODE__BODY_PROGRESS:
        on_progress(run, message->progress);
        return;
    case FXNODE__HELPER__TO_NODE__BODY_NOTE:
        transfer_note(run->transfer,
                      &(struct note){message->note->text, !message->note->good,
                                     message->note->path.data, message->note->path.len});
        return;
    case FXNODE__HELPER__TO_NODE__BODY_KEPT:
        if (on_kept(run, message->kept))
            return;
        break;
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
    kept_drop(&run->kept);
    lanes_free(run->lanes);
    run->lanes = NULL;
    outgoing_attempt_over(run, event, text[0] != '\0' ? text : text_of(event));
}

static void send_job(struct outgoing_run *run) {
    const struct store_transfer *record = &run->transfer->record;
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    ProtobufCBinaryData lineage[LIMIT_LINEAGE];
    char name[OUTWORK_NAME_ROOM];
    char work[PATH_MAX];

    outwork_name(name, record->number);
    if (!outwork_path(work, sizeof work, run->node->locations.state, name))
        work[0] = '\0';
    job.kind = FXNODE__HELPER__JOB__KIND__SEND;
    job.work = (ProtobufCBinaryData){strlen(work), (uint8_t *)work};
    transfer_describe(run->transfer, &job);
    job.lanes = lanes_most(&run->node->config);
    job.lanes_near = lanes_near(&run->node->config);
    job.rate = record->rate;
    job.moves = record->moving == STORE_MOVING_WANTED;
    for (size_t i = 0; i < record->lineage.count; i++)
        lineage[i] = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, (uint8_t *)record->lineage.ids[i]};
    job.n_lineage = record->lineage.count;
    job.lineage = lineage;
    job.record_layer = (Fxnode__Helper__RecordLayer)run->node->config.record_layer;
    worker_send_paths(run->worker, &run->paths);
    worker_send_job(run->worker, &job);
}

void outgoing_session_start(struct outgoing_run *run, struct link *link) {
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
        outgoing_attempt_over(run, QUEUE_LOST, fail.text);
        return;
    }
    lanes_feed(run->lanes, run->worker);
    run->done_before = run->transfer->done == TRANSFER_DONE_UNKNOWN ? 0 : run->transfer->done;
    peers_remember(run->node->peers, &(struct peers_met){.key = run->transfer->record.peer_key,
                                                         .name = "",
                                                         .address = &link->address});
    transfer_show(run->transfer, TRANSFER_SHOWN(CONNECTING), "");
    send_job(run);
    worker_send_link(run->worker, link, 0);
}
