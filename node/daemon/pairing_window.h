/*
 * The window in which this node shows a code and peers may pair with it: one at a time, in memory
 * only, under the limits of pairing_rules.h. A connection for pairing that finds none open is
 * closed at once. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_PAIRING_WINDOW_H
#define NODE_DAEMON_PAIRING_WINDOW_H

#include "node/daemon/link.h"
#include "node/daemon/node.h"
#include "proto/pairing.h"

#include <stdbool.h>
#include <stdint.h>

struct pairing_window;

enum pairing_window_outcome {
    PAIRING_WINDOW_PAIRED = 1,  /* and the peer was told so */
    PAIRING_WINDOW_UNTOLD = 2,  /* paired here; the connection was lost before the peer knew */
    PAIRING_WINDOW_BURNT = 3,   /* wrong codes used up its tries */
    PAIRING_WINDOW_EXPIRED = 4, /* nobody came in time */
    PAIRING_WINDOW_FAILED = 5,  /* the right code came, but the peer could not be recorded */
};

struct pairing_window_events {
    /* A wrong code was tried; so many tries are left. */
    void (*tried)(void *context, uint32_t left);
    /* The window is closed. `key`: of the peer that is paired, else NULL. */
    void (*over)(void *context, enum pairing_window_outcome outcome, const uint8_t *key);
    void *context;
};

/* The node's window, closed. 0 or -ENOMEM. */
int pairing_window_new(struct pairing_window **out, struct node *node);

/* Drops all runs; the memory goes when the loop has let go. NULL is fine. */
void pairing_window_free(struct pairing_window *window);

/* Opens it with a new code. 0; -EBUSY where it is open, or a peer is just being recorded; -ENOMEM.
 * Events never come from within. */
int pairing_window_open(struct pairing_window *window, const struct pairing_window_events *events);

/* While it is open: its code, PAIRING_CODE digits without a NUL, in guarded memory; and whole
 * seconds that are left. */
const char *pairing_window_code(const struct pairing_window *window);
uint32_t pairing_window_seconds(const struct pairing_window *window);

/* Closes it without a further event. A peer that has proven itself is still recorded and told. */
void pairing_window_close(struct pairing_window *window);

/* An authenticated connection for pairing. Takes *link over. */
void pairing_window_arrived(struct pairing_window *window, struct link *link);

#endif
