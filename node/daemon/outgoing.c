#include "node/daemon/outgoing.h"
#include "node/daemon/outgoing_run.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/log.h"
#include "node/daemon/clean.h"
#include "node/daemon/database.h"
#include "node/daemon/peers.h"
#include "node/daemon/policy.h"
#include "node/daemon/trust.h"
#include "store/store_source.h"

#include <sodium.h>
#include <stdlib.h>

static void attempt(struct outgoing_run *run);

/* Ends of attempts. */

static void on_time(uv_timer_t *timer) {
    attempt(timer->data);
}

static enum store_state final_state(enum queue_event event) {
    switch (event) {
    case QUEUE_REFUSED:
    case QUEUE_PEER_CANCELLED:
        return STORE_REFUSED;
    default:
        return STORE_FAILED;
    }
}

static bool wants_to_run(const struct outgoing_run *run) {
    enum store_state state = run->transfer->record.state;
    return !run->resting && !run->node->stopping &&
           (state == STORE_QUEUED || state == STORE_RUNNING || state == STORE_OFFERED);
}

void outgoing_log_end(const struct transfer *transfer, const char *how) {
    char peer[ESCAPE_ROOM(LIMIT_NAME)];
    escape_text(peer, sizeof peer, transfer->record.peer_name);
    log_info("transfer %llu to %s: %s", (unsigned long long)transfer->record.number, peer, how);
}

void outgoing_attempt_over(struct outgoing_run *run, enum queue_event event, const char *text) {
    struct transfer *transfer = run->transfer;
    if (!wants_to_run(run)) {
        outgoing_end_if_over(run);
        return;
    }
    struct queue_decision decision =
        queue_judge(&run->tries, event, run->progressed, randombytes_random());
    run->progressed = false;
    if (decision.action == QUEUE_FINISH) {
        outgoing_log_end(transfer, text);
        transfer_set_state(transfer, final_state(event), text);
        outgoing_end_if_over(run);
        return;
    }
    transfer_show(transfer,
                  decision.action == QUEUE_AWAIT ? TRANSFER_SHOWN(QUEUED) : TRANSFER_SHOWN(WAITING),
                  text);
    uv_timer_start(&run->timer, on_time, decision.delay_ms, 0);
}

/* Calling the peer. */

static bool is_calling(const struct outgoing_run *run) {
    return run->resolve != NULL || run->dialer != NULL;
}

static void stop_calling(struct outgoing_run *run) {
    resolve_cancel(run->resolve);
    run->resolve = NULL;
    if (run->dialer != NULL)
        dialer_cancel(run->dialer);
    run->dialer = NULL;
}

/* The run's own end. */

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void outgoing_end_if_over(struct outgoing_run *run) {
    struct transfer *transfer = run->transfer;
    if (!transfer_is_finished(transfer) || run->worker != NULL || run->jobs > 0)
        return;
    stop_calling(run);
    link_drop(&run->link);
    store_names_clear(&run->paths);
    transfer->run = NULL;
    clean_transfer(run->node, &transfer->record);
    uv_close((uv_handle_t *)&run->timer, on_closed);
    transfer_release(transfer);
}

/* Nobody reached the peer. That another key is in its place says more than that nobody answered.
 */
static void not_reached(struct outgoing_run *run, const struct dialer_result *result) {
    const struct peers *peers = run->node->peers;
    const uint8_t *key = run->transfer->record.peer_key;
    const char *name = peers_name(peers, key);
    char text[TRUST_TEXT];
    struct trust_change change = {
        .name = name[0] != '\0' ? name : run->transfer->record.peer_name,
        .before = key,
        .now = peers_announced_instead(peers, key),
    };
    if (result->outcome == DIALER_WRONG_KEY) {
        change.where = &result->address;
        change.now = result->met;
    }
    outgoing_attempt_over(run, QUEUE_UNREACHABLE,
                          change.now != NULL ? trust_awaited(text, &change) : result->text);
}

static void on_dialed(void *context, struct dialer_result *result) {
    struct outgoing_run *run = context;
    run->dialer = NULL;
    if (result->outcome == DIALER_CONNECTED && wants_to_run(run))
        outgoing_session_start(run, &result->link);
    else if (result->outcome == DIALER_CONNECTED)
        link_drop(&result->link);
    else if (result->outcome == DIALER_VERSION)
        outgoing_attempt_over(run, QUEUE_NO_VERSION, result->text);
    else
        not_reached(run, result);
}

static void call_at(struct outgoing_run *run, const struct address *candidates, size_t count) {
    struct dialer_call call = {
        .loop = run->node->loop,
        .identity = &run->node->identity,
        .name = run->node->config.name,
        .features = config_features(&run->node->config),
        .purpose = HANDSHAKE_CONTROL,
        .expected = run->transfer->record.peer_key,
        .candidates = candidates,
        .count = count,
        .done = on_dialed,
        .context = run,
    };
    if (count == 0) {
        /* Nothing to call: discovery, or somebody who knows an address, has to speak first. */
        transfer_show(run->transfer, TRANSFER_SHOWN(QUEUED),
                      run->node->discover != NULL
                          ? "the peer is away"
                          : "no address of the peer is known and discovery is off: name it once by "
                            "its host:port");
    } else if (dialer_start(&run->dialer, &call) != 0) {
        outgoing_attempt_over(run, QUEUE_UNREACHABLE, "cannot call the peer");
    }
}

static void on_resolved(void *context, enum resolve_outcome outcome,
                        const struct resolve_target *target, const char *text) {
    struct outgoing_run *run = context;
    (void)outcome;
    (void)text;
    run->resolve = NULL;
    if (wants_to_run(run))
        call_at(run, target->candidates, target->count);
    else
        outgoing_end_if_over(run);
}

/* What was recorded before the configuration said so, or before the peer was unpaired, waits. */
static bool may_send(const struct outgoing_run *run) {
    const struct node *node = run->node;
    return trust_may_send(node->config.send_to,
                          trust_of(node->peers, run->transfer->record.peer_key));
}

/* Where the peer was is tried at once; after a failure the name that was typed for it may have
 * another address, and looking that up may take its time. */
static void dial(struct outgoing_run *run) {
    const uint8_t *key = run->transfer->record.peer_key;
    struct address candidates[DIALER_CANDIDATES];
    if (run->tries.failures == 0)
        call_at(run, candidates, peers_candidates(run->node->peers, key, candidates));
    else if (resolve_again(&run->resolve, run->node, key, on_resolved, run) != 0)
        outgoing_attempt_over(run, QUEUE_UNREACHABLE, "cannot call the peer");
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
        outgoing_attempt_over(run, QUEUE_LOCAL_FAULT, "its paths are not recorded");
    }
    free(job);
}

static void load_paths(struct outgoing_run *run) {
    struct source_load *job = NULL;
    if (run->jobs > 0)
        return;
    job = calloc(1, sizeof *job);
    if (job != NULL) {
        job->run = run;
        job->number = run->transfer->record.number;
        if (database_submit(run->node->database, run_load, loaded, job) == 0) {
            run->jobs++;
            return;
        }
        free(job);
    }
    outgoing_attempt_over(run, QUEUE_LOST, "out of memory");
}

static void attempt(struct outgoing_run *run) {
    uv_timer_stop(&run->timer);
    if (!wants_to_run(run) || run->worker != NULL || is_calling(run)) {
        outgoing_end_if_over(run);
    } else if (run->paths.length == 0) {
        load_paths(run);
    } else if (!may_send(run)) {
        link_drop(&run->link);
        transfer_show(run->transfer, TRANSFER_SHOWN(QUEUED),
                      "waits: send-to in the configuration does not allow this peer");
    } else if (run->link.fd >= 0) {
        struct link link = run->link;
        run->link.fd = -1;
        outgoing_session_start(run, &link);
        sodium_memzero(&link, sizeof link);
    } else if (workers_count(run->node->workers) >= POLICY_SESSIONS) {
        outgoing_attempt_over(run, QUEUE_LOST, "waits until other transfers are done");
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

void outgoing_begin(struct transfer *transfer, struct link *link, struct store_names *paths) {
    struct outgoing_run *run = run_of(transfer);
    if (run == NULL) {
        if (link != NULL)
            link_drop(link);
        transfer_show(transfer, TRANSFER_SHOWN(QUEUED), "out of memory");
        return;
    }
    run->resting = false;
    if (paths != NULL && run->paths.length == 0) {
        run->paths = *paths;
        *paths = (struct store_names){0};
    }
    if (link != NULL && (run->worker != NULL || is_calling(run))) {
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
            outgoing_begin(at, NULL, NULL);
    }
}

void outgoing_seen(struct node *node, const uint8_t *key) {
    struct transfer *next = NULL;
    for (struct transfer *at = transfers_first(node->transfers); at != NULL; at = next) {
        next = at->next;
        if (!is_open(at) || !id_equal(at->record.peer_key, key))
            continue;
        if (at->run == NULL) { /* there was no memory to begin it, or it is not for this node */
            if (!node->transient)
                outgoing_begin(at, NULL, NULL);
            continue;
        }
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
    stop_calling(run);
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
        stop_calling(at->run);
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
    outgoing_begin(transfer, NULL, NULL);
    return 0;
}

static void end(struct transfer *transfer, const char *why, Fxnode__Helper__Stop__Reason reason) {
    struct outgoing_run *run = run_of(transfer);
    transfer_set_state(transfer, STORE_CANCELLED, why);
    if (run == NULL)
        return; /* its files go when it expires */
    halt(transfer, reason);
    outgoing_end_if_over(run);
}

void outgoing_cancel(struct transfer *transfer, const char *why) {
    end(transfer, why, WORKER_STOP(CANCEL));
}

/* A peer that heard of a cancellation would remove what the other transfer is to take over. */
void outgoing_replace(struct transfer *transfer, const char *why) {
    end(transfer, why, WORKER_STOP(REPLACED));
}
