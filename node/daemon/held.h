/*
 * What is held of an incoming transfer: the units that are durable and, once it is being placed,
 * the final names. Loaded from the database for the session that goes on with it. Loop's thread.
 */
#ifndef NODE_DAEMON_HELD_H
#define NODE_DAEMON_HELD_H

#include "base/rangeset.h"
#include "node/daemon/node.h"
#include "node/daemon/worker.h"
#include "store/store_placing.h"

#include <stdint.h>

struct held {
    struct rangeset extents;
    struct store_placing_list items;
};

/* Loads it, behind the changes that were given before. `done` is called once, from the loop, with
 * what is held, valid during the call, or NULL where it cannot be read (which was logged). 0 or
 * -ENOMEM: then `done` is not called. */
int held_load(struct node *node, uint64_t number,
              void (*done)(void *context, const struct held *held), void *context);

/* Sends it to a session, in as many messages as it takes. */
void held_send(struct worker *worker, const struct held *held);

#endif
