/*
 * Directories that other peers have of their own, in or below the one where a transfer goes: what
 * the transfer brings is not to get between what is theirs. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_NEIGHBOURS_H
#define NODE_DAEMON_NEIGHBOURS_H

#include "node/daemon/transfer.h"
#include "node/daemon/worker.h"

/* Tells the session of an incoming transfer where they are, before it is told to go on, if it may
 * put anything into directories that exist. */
void neighbours_send(struct worker *worker, const struct transfer *transfer);

#endif
