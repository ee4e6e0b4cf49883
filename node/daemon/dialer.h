/*
 * Calling a peer: candidates are tried in order, each 250 ms after the one before or as soon as
 * that one failed; the first that finishes the handshake with an acceptable key wins. At most two
 * handshakes with one peer are unfinished at a time; one that gets no answer for 2 s gives its
 * place to a candidate that waits. Runs on the loop; nothing blocks.
 */
#ifndef NODE_DAEMON_DIALER_H
#define NODE_DAEMON_DIALER_H

#include "node/common/identity.h"
#include "node/daemon/link.h"

#include <uv.h>

#define DIALER_CANDIDATES 16

enum dialer_outcome {
    DIALER_CONNECTED,
    DIALER_UNREACHABLE, /* nobody answered, or not in this protocol */
    DIALER_WRONG_KEY,   /* somebody answered, but nobody with the right key */
    DIALER_VERSION,     /* no version in common */
    DIALER_SELF,        /* only this node itself answered */
};

struct dialer_result {
    enum dialer_outcome outcome;
    struct link link;       /* CONNECTED: taken over by the callee */
    struct address address; /* otherwise: the candidate that `text` is about */
    uint8_t met[LIMIT_KEY]; /* WRONG_KEY: the key that answered */
    char text[256];         /* otherwise: one escaped line, why */
};

struct dialer_call {
    uv_loop_t *loop;
    const struct identity *identity;
    const char *name;  /* our device name */
    uint32_t features; /* that we have (proto/features.h) */
    enum handshake_purpose purpose;
    const uint8_t *expected;          /* key, LIMIT_KEY bytes; NULL: `decide` judges */
    const uint8_t *session;           /* a lane's session id; else NULL */
    const struct address *candidates; /* copied; the best first */
    size_t count;                     /* at most DIALER_CANDIDATES; more are not tried */

    /* With expected NULL: whether to go on with the peer that showed `key`. NULL: any. */
    bool (*decide)(void *context, const uint8_t *key, const struct address *address);
    /* Once, never from within dialer_start(). */
    void (*done)(void *context, struct dialer_result *result);
    void *context;
};

struct dialer;

/* Starts calling. 10 s after that it is over in any case. 0 with *out for dialer_cancel(), valid
 * until `done`; -ENOMEM, or -EINVAL for no candidates. */
int dialer_start(struct dialer **out, const struct dialer_call *call);

/* Ends it; `done` is not called. */
void dialer_cancel(struct dialer *dialer);

#endif
