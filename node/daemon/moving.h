/*
 * Transfers that move: once one is delivered, a session of its own removes here what was sent, one
 * transfer at a time. That it is wanted, and that it is over, is in the database, so that what is
 * interrupted goes on when a node is started again. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_MOVING_H
#define NODE_DAEMON_MOVING_H

#include "node/daemon/node.h"
#include "node/daemon/transfer.h"

struct moving;

/* 0 or -ENOMEM. */
int moving_new(struct moving **out, struct node *node);
void moving_free(struct moving *moving);

/* A transfer that moves was delivered, and that is recorded: its sources go, in its turn. It is
 * held until then, and shown again (transfer_moved). */
void moving_begin(struct moving *moving, struct transfer *transfer);

/* Takes up what an earlier node has not come to the end of. */
void moving_start_all(struct moving *moving);

#endif
