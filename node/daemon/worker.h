/*
 * Session processes as the node sees them: messages of proto/helper.proto, a tidy end, and one
 * report when it is over. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_WORKER_H
#define NODE_DAEMON_WORKER_H

#include "base/fail.h"
#include "base/rangeset.h"
#include "node/daemon/link.h"
#include "node/daemon/node.h"
#include "proto/helper.pb-c.h"
#include "store/store_names.h"

#include <stdbool.h>

#define WORKER_ENDED(outcome) FXNODE__HELPER__ENDED__OUTCOME__##outcome
#define WORKER_STOP(reason) FXNODE__HELPER__STOP__REASON__##reason

typedef Fxnode__Helper__Ended__Outcome worker_outcome;

struct worker;
struct workers;

struct worker_events {
    /* A checked message, valid during the call. Ended is not among them. */
    void (*message)(void *arg, const Fxnode__Helper__ToNode *message);
    /* It has said that its work is complete and does nothing more; `gone` follows. May be NULL. */
    void (*complete)(void *arg);
    /* The process is reaped; its staging is free. `text` is escaped and may be empty. A session
     * that ended without saying how counts as LOST, one that talked nonsense as FAILED. Called
     * once, from the loop; the worker frees itself after it. */
    void (*gone)(void *arg, worker_outcome outcome, const char *text);
    void *arg;
};

/* The set of them; `idle` is called whenever the last one has gone. 0 or -ENOMEM. */
int workers_new(struct workers **out, struct node *node, void (*idle)(struct node *node));
void workers_free(struct workers *workers);

/* How many sessions there are. */
size_t workers_count(const struct workers *workers);

/* Stops all of them (worker_stop). */
void workers_stop(struct workers *workers, Fxnode__Helper__Stop__Reason reason);

/* Starts a session process. 0, or -errno with `fail` filled; then no callback follows. */
int worker_start(struct worker **out, struct node *node, const struct worker_events *events,
                 struct fail *fail);

/* Sends one message. */
void worker_send(struct worker *worker, const Fxnode__Helper__ToSession *message);

/* Sends a job, after what goes before it. */
void worker_send_job(struct worker *worker, const Fxnode__Helper__Job *job);

/* The same with a descriptor, which is taken over. */
void worker_send_job_with(struct worker *worker, const Fxnode__Helper__Job *job, int fd);

/* Sends names, in as many messages as it takes. */
void worker_send_paths(struct worker *worker, const struct store_names *paths);

/* The same with extents: of the transfer that a session is for, or of the one that it replaces. */
void worker_send_extents(struct worker *worker, const struct rangeset *extents, bool replaced);

/* Sends a connection as `lane` and wipes it here: takes the link over. */
void worker_send_link(struct worker *worker, struct link *link, uint32_t lane);

/* Whether it takes what it is sent (helperproc_keeps_up). */
bool worker_keeps_up(const struct worker *worker);

/* Says that the newest change asked for is durable. */
void worker_send_committed(struct worker *worker, uint64_t ticket);

/* Asks it to stop; after WORKER_GRACE_MS it is killed. */
#define WORKER_GRACE_MS 5000u
void worker_stop(struct worker *worker, Fxnode__Helper__Stop__Reason reason);

/* SIGKILL; `gone` follows from the loop. */
void worker_kill(struct worker *worker);

/* The same where the node cannot go on with it for now: `gone` says LOST and why. */
void worker_give_up(struct worker *worker, const char *why);

#endif
