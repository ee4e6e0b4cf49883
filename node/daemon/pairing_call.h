/*
 * Pairing with a peer that shows a code: finds it, has its code asked for, calls it, and makes it
 * paired where the code was right; after a wrong one it asks again. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_PAIRING_CALL_H
#define NODE_DAEMON_PAIRING_CALL_H

#include "node/daemon/node.h"
#include "node/daemon/resolve.h"

#include <stdbool.h>
#include <stdint.h>

#define PAIRING_CALL_TRIES 3u

struct pairing_call;

struct pairing_call_events {
    /* The code that `target` shows is wanted: pairing_call_code(). `left`: tries. */
    void (*ask)(void *context, const struct resolve_target *target, bool again, uint32_t left);
    /* It is over, with an exit status and one escaped line. `key`: of the peer that is paired now;
     * NULL where it is not. */
    void (*over)(void *context, int status, const char *text, const uint8_t *key);
    void *context;
};

/* Begins with what the user typed for the peer. 0 with *out for pairing_call_cancel(), valid until
 * `over`; -ENOMEM. Events never come from within. */
int pairing_call_start(struct pairing_call **out, struct node *node, const char *peer,
                       const struct pairing_call_events *events);

/* The answer to `ask`: PAIRING_CODE digits, copied into guarded memory. False where none was asked
 * for. */
bool pairing_call_code(struct pairing_call *call, const char *code);

/* Ends it without a further event; what is being recorded still is. NULL is fine. */
void pairing_call_cancel(struct pairing_call *call);

#endif
