/*
 * The course of an outgoing transfer that the database knows: calling the peer, the session, its
 * lanes, and what follows when it ends, until it is delivered or given up. Loop's thread; nothing
 * blocks.
 */
#ifndef NODE_DAEMON_OUTGOING_H
#define NODE_DAEMON_OUTGOING_H

#include "base/fail.h"
#include "node/daemon/link.h"
#include "node/daemon/node.h"
#include "node/daemon/transfer.h"
#include "store/store_names.h"

#include <stdint.h>

/* Takes up every outgoing transfer that is queued or was interrupted. */
void outgoing_start_all(struct node *node);

/* Takes one up, at once: over `link` (taken over), which a handshake with its peer has just made,
 * or with NULL by calling the peer. One that is at it already goes on, and the link is dropped.
 * `paths` (taken over) is what was recorded for it just now; NULL: they are loaded. */
void outgoing_begin(struct transfer *transfer, struct link *link, struct store_names *paths);

/* Stops working at it until outgoing_begin(); its state is not changed. */
void outgoing_rest(struct transfer *transfer, const char *why);

/* Stops calling peers, for the end of the node; sessions are for workers_stop(). */
void outgoing_stop_all(struct node *node);

/* Discovery has seen the holder of `key`: what waits for it is tried now. */
void outgoing_seen(struct node *node, const uint8_t *key);

/* What a person says about an outgoing transfer that is not finished. 0, or -EINVAL with `fail`
 * filled where its state does not allow it. */
int outgoing_pause(struct transfer *transfer, struct fail *fail);
int outgoing_resume(struct transfer *transfer, struct fail *fail);

/* `why` is escaped: it stays with the transfer. */
void outgoing_cancel(struct transfer *transfer, const char *why);

/* The same where another transfer comes in its place: the peer keeps for that what it has. */
void outgoing_replace(struct transfer *transfer, const char *why);

#endif
