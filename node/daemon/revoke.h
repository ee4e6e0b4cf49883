/*
 * Taking back what a peer may do. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_REVOKE_H
#define NODE_DAEMON_REVOKE_H

#include "node/daemon/node.h"

#include <stdint.h>

/* Ends what goes on with a remembered peer and forgets its key: its unfinished transfers, both
 * ways, are paused and their sessions stopped (one that is all here and being placed is finished),
 * its unanswered offers are refused, and peers_forget() follows. `done` is called once that is
 * durable, with 0 or -errno; it may be called from within where memory is short. */
void revoke_peer(struct node *node, const uint8_t *key, void (*done)(void *context, int error),
                 void *context);

#endif
