/*
 * One run of pairing (proto/pairing.h) over a connection that was opened for it, in either role:
 * exact sizes, one deadline of 10 s for all of it. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_PAIRING_RUN_H
#define NODE_DAEMON_PAIRING_RUN_H

#include "base/limits.h"
#include "node/daemon/link.h"
#include "proto/pairing.h"

#include <stdbool.h>
#include <uv.h>

#define PAIRING_RUN_DEADLINE_MS 10000u

enum pairing_run_outcome {
    PAIRING_RUN_PROVEN = 1,  /* both know the code, and both know that. A responder's confirmation
                              * has left; it cannot know more */
    PAIRING_RUN_WRONG = 2,   /* the codes differ, or somebody is in between */
    PAIRING_RUN_REFUSED = 3, /* the peer does not keep to the protocol */
    PAIRING_RUN_CLOSED = 4,  /* initiator: the peer closed without a word */
    PAIRING_RUN_LOST = 5,    /* the connection was lost, or the deadline came */
};

struct pairing_run_events {
    /* Responder only: what the peer's confirmation was worth, the moment it is known and before the
     * peer is told. Where it is right: record it, then pairing_run_confirm(). */
    void (*judged)(void *context, bool right);
    /* The last thing: the run is gone. `name`: what the peer calls itself, for an initiator with
     * PROVEN, else "". Foreign; valid during the call. */
    void (*over)(void *context, enum pairing_run_outcome outcome, const char *name);
    void *context;
};

/* Copied, secrets into guarded memory. */
struct pairing_run_setup {
    uv_loop_t *loop;
    bool initiator;
    const uint8_t *own_key; /* our static public key */
    const char *code;       /* PAIRING_CODE digits */
    const char *name;       /* our device name: a responder tells it */
    struct pairing_run_events events;
};

struct pairing_run;

/* Begins, over *link, which is taken over in any case. Events never come from within. 0 with *out
 * for pairing_run_cancel(), valid until `over`; or -errno. */
int pairing_run_start(struct pairing_run **out, const struct pairing_run_setup *setup,
                      struct link *link);

/* Responder, after judged(true), also from within it: tells the peer. `over` follows, also from
 * within. */
void pairing_run_confirm(struct pairing_run *run);

/* Ends it without a further event; NULL is fine. */
void pairing_run_cancel(struct pairing_run *run);

#endif
