/*
 * The control socket: what commands ask of the node (proto/control.proto). Only the node's own
 * user, and root, get an answer. A client that does not read is dropped. Loop's thread; nothing
 * blocks after control_open().
 */
#ifndef NODE_DAEMON_CONTROL_H
#define NODE_DAEMON_CONTROL_H

#include "base/fail.h"
#include "node/daemon/discover.h"
#include "node/daemon/node.h"
#include "node/daemon/transfer.h"

#include <stdbool.h>
#include <stdint.h>

struct control;

struct control_events {
    void (*retire)(struct node *node);   /* a daemon takes over from this transient node */
    void (*deserted)(struct node *node); /* the last client of a transient node is gone */
};

/* Makes the socket (its directory 0700 where it is missing) and listens. The state's lock is held,
 * so a socket that nobody answers is a dead node's and is replaced. 0, or -errno with `fail`
 * filled. */
int control_open(struct control **out, struct node *node, const struct control_events *events,
                 struct fail *fail);

/* Removes the socket and ends all clients, but for the descriptor of one that asked to retire: it
 * stays open until the process ends, which tells the daemon that waits. */
void control_close(struct control *control);

/* What happened, for the clients that follow it. */
void control_transfer_changed(struct control *control, const struct transfer *transfer);
void control_transfer_progress(struct control *control, const struct transfer *transfer);
void control_transfer_noted(struct control *control, const struct transfer *transfer,
                            const struct note *note);
void control_peer_changed(struct control *control, const struct discover_entry *entry, bool gone);
/* What is remembered of a peer has changed, or is forgotten. */
void control_peer_updated(struct control *control, const uint8_t *key);
void control_peers_settled(struct control *control);

#endif
