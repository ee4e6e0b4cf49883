/*
 * What outgoing.c (attempts, and what follows them) and outgoing_session.c (the session of one)
 * share. Loop's thread.
 */
#ifndef NODE_DAEMON_OUTGOING_RUN_H
#define NODE_DAEMON_OUTGOING_RUN_H

#include "node/daemon/dialer.h"
#include "node/daemon/kept.h"
#include "node/daemon/lanes.h"
#include "node/daemon/link.h"
#include "node/daemon/node.h"
#include "node/daemon/queue.h"
#include "node/daemon/resolve.h"
#include "node/daemon/transfer.h"
#include "node/daemon/worker.h"
#include "store/store_names.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Lives from the first attempt until the transfer is finished, and holds it. */
struct outgoing_run {
    struct transfer *transfer;
    struct node *node;
    uv_timer_t timer; /* the next attempt */
    struct queue_tries tries;
    unsigned jobs; /* of the database that refer to this */
    bool resting;  /* no attempt until outgoing_begin() */
    struct store_names paths;
    struct resolve *resolve; /* finds out where to call */
    struct dialer *dialer;
    struct link link; /* while the paths are loaded; fd -1: none */
    struct worker *worker;
    struct lanes *lanes;
    struct kept kept;     /* of the receipt that its session gives */
    bool delivering;      /* its session has reported the delivery, which is being recorded */
    uint64_t done_before; /* when the session began */
    bool progressed;
};

/* outgoing.c */

/* An attempt has ended: what follows. `text` is escaped. The run may be gone afterwards. */
void outgoing_attempt_over(struct outgoing_run *run, enum queue_event event, const char *text);

/* Frees the run where the transfer is finished and nothing is under way. */
void outgoing_end_if_over(struct outgoing_run *run);

/* A line in the log about the transfer's end. */
void outgoing_log_end(const struct transfer *transfer, const char *how);

/* outgoing_session.c */

/* Sends over `link`, which it takes over. */
void outgoing_session_start(struct outgoing_run *run, struct link *link);

#endif
