#include "node/daemon/incoming.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/clean.h"
#include "node/daemon/held.h"
#include "node/daemon/lanes.h"
#include "node/daemon/neighbours.h"
#include "node/daemon/peers.h"
#include "node/daemon/policy.h"
#include "node/daemon/receiving.h"
#include "node/daemon/replaced.h"
#include "node/daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Any lane but the control connection: a receiver numbers them itself. */
#define ANOTHER_LANE 1u

int incoming_new(struct incoming **out, struct node *node) {
    struct incoming *incoming = calloc(1, sizeof *incoming);
    if (incoming == NULL)
        return -ENOMEM;
    incoming->node = node;
    *out = incoming;
    return 0;
}

void incoming_free(struct incoming *incoming) {
    free(incoming);
}

/* Nobody waits for one that is gone. */
static void leave_queues(struct receiving *gone) {
    for (struct receiving *at = gone->node->incoming->first; at != NULL; at = at->next)
        if (at->successor == gone)
            at->successor = NULL;
}

/* Whether something that peers can cause as often as they like may get a line in the log now. */
static bool may_log(struct incoming *incoming) {
    uint32_t dropped = 0;
    if (!log_limit_take(&incoming->said, io_now_ms(), &dropped))
        return false;
    if (dropped > 0)
        log_warn("%u lines about what comes in were left out", dropped);
    return true;
}

/* What a transfer looks like after its session has ended. */
static void show_end(struct transfer *transfer, worker_outcome outcome, const char *text) {
    switch (outcome) {
    case WORKER_ENDED(CANCELLED):
        if (transfer->record.state == STORE_OFFERED)
            transfer_forget(transfer, "cancelled by the sender");
        else
            transfer_set_state(transfer, STORE_CANCELLED, "cancelled by the sender");
        return;
    case WORKER_ENDED(PAUSED):
        text = "paused by the sender";
        break;
    case WORKER_ENDED(LOST):
        text = text[0] != '\0' ? text : "the connection was lost";
        break;
    default:
        break;
    }
    if (transfer->record.state == STORE_RUNNING || transfer->record.state == STORE_PLACING)
        transfer_show(transfer, TRANSFER_SHOWN(WAITING), text);
    else if (transfer->record.state == STORE_OFFERED)
        transfer_show(transfer, TRANSFER_SHOWN(OFFERED), text); /* a yes would wait for it */
}

static void after_end(struct transfer *transfer, worker_outcome outcome, const char *text) {
    if (!transfer_is_finished(transfer))
        show_end(transfer, outcome, text);
    if (transfer->record.state == STORE_DELIVERED && outcome == WORKER_ENDED(COMPLETE))
        clean_done(transfer->node, transfer->record.number);
    else if (transfer_is_finished(transfer))
        clean_transfer(transfer->node, &transfer->record);
}

/* Gives up the staging directory: to whoever waits for it. True where somebody does. */
static bool hand_over(struct receiving *receiving) {
    struct receiving *successor = receiving->successor;
    receiving->successor = NULL;
    if (receiving->transfer != NULL && receiving->transfer->receiving == receiving)
        receiving->transfer->receiving = NULL;
    if (successor != NULL)
        offer_look_up(successor);
    return successor != NULL;
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    struct receiving *receiving = arg;
    struct transfer *transfer = receiving->transfer;
    char peer[ESCAPE_ROOM(LIMIT_NAME)];

    receiving->worker = NULL;
    leave_queues(receiving);
    escape_text(peer, sizeof peer, receiving->name);
    if ((outcome == WORKER_ENDED(PROTOCOL) || outcome == WORKER_ENDED(FAILED) ||
         outcome == WORKER_ENDED(NO_SPACE)) &&
        may_log(receiving->node->incoming))
        log_warn("receiving from %s: %s", peer[0] != '\0' ? peer : "a peer", text);
    bool owner = transfer != NULL && transfer->receiving == receiving;
    bool followed = hand_over(receiving);
    /* Whoever follows in one that is finished is only told so. */
    if (owner && (!followed || transfer_is_finished(transfer)))
        after_end(transfer, outcome, text);
    if (owner && transfer_is_finished(transfer))
        replaced_end_by(receiving, transfer->record.number);
    if (outcome == WORKER_ENDED(LOST)) /* or it was killed */
        clean_areas(receiving->node);
    receiving_drop_if_over(receiving);
}

static void on_note(struct receiving *receiving, const Fxnode__Helper__Note *note) {
    if (receiving->transfer == NULL)
        return;
    if (may_log(receiving->node->incoming))
        log_info("transfer %llu: %s", (unsigned long long)receiving->transfer->record.number,
                 note->text);
    transfer_note(receiving->transfer,
                  &(struct note){note->text, note->failed, note->path.data, note->path.len});
}

static bool handle(struct receiving *receiving, const Fxnode__Helper__ToNode *message) {
    switch (message->body_case) {
    case FXNODE__HELPER__TO_NODE__BODY_OFFERED:
        if (receiving->offered || receiving->placing)
            return false;
        offer_made(receiving, message->offered);
        return true;
    case FXNODE__HELPER__TO_NODE__BODY_COMMIT:
        return commit_extents(receiving, message->commit);
    case FXNODE__HELPER__TO_NODE__BODY_PLACING:
        return commit_placing(receiving, message->placing);
    case FXNODE__HELPER__TO_NODE__BODY_KEPT:
        return commit_kept(receiving, message->kept);
    case FXNODE__HELPER__TO_NODE__BODY_DONE:
        return commit_done(receiving, message->done);
    case FXNODE__HELPER__TO_NODE__BODY_FINISHED:
        return commit_finished(receiving);
    case FXNODE__HELPER__TO_NODE__BODY_INHERITED:
        if (receiving->inherits == 0)
            return false;
        replaced_end_by(receiving, receiving->transfer->record.number);
        receiving->inherits = 0;
        return true;
    case FXNODE__HELPER__TO_NODE__BODY_PROGRESS:
        if (receiving->accepted)
            transfer_progress(receiving->transfer, message->progress->done);
        return true;
    case FXNODE__HELPER__TO_NODE__BODY_NOTE:
        on_note(receiving, message->note);
        return true;
    default:
        return false;
    }
}

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    struct receiving *receiving = arg;
    if (handle(receiving, message))
        return;
    if (may_log(receiving->node->incoming))
        log_error("a receiving session asked for what it may not: it is stopped");
    worker_kill(receiving->worker);
}

static int start_worker(struct receiving *receiving) {
    struct worker_events events = {.message = on_message, .gone = on_gone, .arg = receiving};
    struct fail fail;
    int error = worker_start(&receiving->worker, receiving->node, &events, &fail);
    if (error != 0)
        log_error("%s", fail.text);
    return error;
}

/* Connections. */

static struct policy_sessions count_sessions(const struct incoming *incoming,
                                             const struct link *link) {
    struct policy_sessions sessions = {0};
    for (struct receiving *at = incoming->first; at != NULL; at = at->next) {
        if (at->worker == NULL || at->placing)
            continue;
        sessions.all++;
        if (id_equal(at->key, link->result.peer))
            sessions.of_key++;
        if (peers_is_known(incoming->node->peers, at->key))
            continue;
        sessions.unknown++;
        if (address_same_host(&at->address, &link->address))
            sessions.unknown_from_address++;
    }
    return sessions;
}

/* A session opens its directory before it reads its peer. An unfinished transfer of that peer may
 * have begun in another one than today's; which comes now only the peer knows. */
static bool choose_landing(struct receiving *receiving) {
    struct transfer *transfer = transfers_first(receiving->node->transfers);
    while (transfer != NULL &&
           (transfer->elsewhere == 0 || !id_equal(transfer->record.peer_key, receiving->key)))
        transfer = transfer->next;
    if (transfer == NULL)
        return receiving_landing(receiving, receiving->destination);
    transfer->elsewhere--;
    snprintf(receiving->destination, sizeof receiving->destination, "%s",
             transfer->record.destination);
    return true;
}

/* Whether what the peer sends now may be something that replaces files: no other session is given
 * the right to. */
static bool may_replace(const struct receiving *receiving) {
    const struct transfer *at = transfers_first(receiving->node->transfers);
    if (receiving_exists(receiving->node, receiving->key) == STORE_EXISTS_OVERWRITE)
        return true;
    while (at != NULL && (at->record.direction != STORE_INCOMING || transfer_is_finished(at) ||
                          at->record.exists != STORE_EXISTS_OVERWRITE ||
                          !id_equal(at->record.peer_key, receiving->key)))
        at = at->next;
    return at != NULL;
}

static void send_receive_job(struct receiving *receiving, bool known) {
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    job.kind = FXNODE__HELPER__JOB__KIND__RECEIVE;
    transfer_describe_landing(receiving->destination, &job);
    job.lanes = lanes_most(&receiving->node->config);
    job.batch_bytes = receiving->node->config.batch;
    job.batch_ms = CONFIG_BATCH_MS;
    job.known = known;
    job.record_layer = (Fxnode__Helper__RecordLayer)receiving->node->config.record_layer;
    job.outside_links = receiving->node->config.links == CONFIG_LINKS_ALL;
    job.replaces = receiving->replaces = may_replace(receiving);
    worker_send_job(receiving->worker, &job);
}

static struct receiving *receiving_for(struct incoming *incoming, const struct link *link) {
    struct receiving *receiving = receiving_new(incoming);
    if (receiving == NULL)
        return NULL;
    memcpy(receiving->key, link->result.peer, LIMIT_KEY);
    memcpy(receiving->session, link->result.session, LIMIT_SESSION_ID);
    memcpy(receiving->name, link->result.name, link->result.name_length);
    receiving->address = link->address;
    if (choose_landing(receiving) && start_worker(receiving) == 0)
        return receiving;
    receiving_drop_if_over(receiving);
    return NULL;
}

static void begin_session(struct incoming *incoming, struct link *link, bool known) {
    struct receiving *receiving = receiving_for(incoming, link);
    if (receiving == NULL) {
        link_drop(link);
        return;
    }
    send_receive_job(receiving, known);
    worker_send_link(receiving->worker, link, 0);
}

static void control_arrived(struct incoming *incoming, struct link *link) {
    struct policy_sessions sessions = count_sessions(incoming, link);
    bool known = peers_is_known(incoming->node->peers, link->result.peer);
    uint32_t dropped = 0;

    if (policy_admits_session(&sessions, known)) {
        begin_session(incoming, link, known);
        return;
    }
    /* A closed connection says "later" to the peer as a session would, at no cost here. */
    if (log_limit_take(&incoming->full, io_now_ms(), &dropped)) {
        char address[ADDRESS_ROOM];
        address_format(address, &link->address);
        log_warn("too many sessions: a connection from %s was turned away (and %u before)", address,
                 dropped);
    }
    link_drop(link);
}

/* How many there may be, and which one a new one replaces, is the session's to say. While it is
 * busy otherwise there are none: a known peer may call as often as it likes, and each call that
 * waits is an open descriptor of this node. */
static void lane_arrived(struct incoming *incoming, struct link *link) {
    struct receiving *at = incoming->first;
    while (at != NULL &&
           (at->worker == NULL || !at->accepted || !id_equal(at->key, link->result.peer) ||
            memcmp(at->session, link->result.session, LIMIT_SESSION_ID) != 0))
        at = at->next;
    if (at == NULL || !worker_keeps_up(at->worker))
        link_drop(link);
    else
        worker_send_link(at->worker, link, ANOTHER_LANE);
}

void incoming_arrived(struct incoming *incoming, struct link *link) {
    bool stopping = incoming->node->stopping;
    if (!stopping && link->result.purpose == HANDSHAKE_CONTROL)
        control_arrived(incoming, link);
    else if (!stopping && link->result.purpose == HANDSHAKE_LANE)
        lane_arrived(incoming, link);
    else
        link_drop(link);
}

/* Recovery of placements. */

static void send_place_job(struct receiving *receiving) {
    const struct store_transfer *record = &receiving->transfer->record;
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    job.kind = FXNODE__HELPER__JOB__KIND__PLACE;
    job.exists = transfer_exists(receiving->transfer);
    transfer_describe_landing(record->destination, &job);
    transfer_describe(receiving->transfer, &job);
    worker_send_job(receiving->worker, &job);
}

static void recovery_is_loaded(void *context, const struct held *held) {
    struct receiving *receiving = context;
    if (held != NULL && start_worker(receiving) == 0) {
        held_send(receiving->worker, held);
        neighbours_send(receiving->worker, receiving->transfer);
        send_place_job(receiving);
    } else {
        hand_over(receiving);
    }
    receiving_release(receiving);
}

static void recover(struct incoming *incoming, struct transfer *transfer) {
    struct receiving *receiving = receiving_new(incoming);
    if (receiving == NULL)
        return;
    receiving->placing = true;
    receiving->accepted = true;
    receiving_take(receiving, transfer);
    receiving_hold(receiving);
    if (held_load(incoming->node, &(struct held_of){.number = transfer->record.number},
                  recovery_is_loaded, receiving) != 0)
        recovery_is_loaded(receiving, NULL);
}

void incoming_recover(struct incoming *incoming) {
    struct transfer *transfer = transfers_first(incoming->node->transfers);
    for (; transfer != NULL; transfer = transfer->next)
        if (transfer->record.direction == STORE_INCOMING && transfer->record.state == STORE_PLACING)
            recover(incoming, transfer);
}
