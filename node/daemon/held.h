/*
 * What is held of an incoming transfer: the units that are durable and, once it is being placed,
 * the final names. Loaded from the database for the session that goes on with it. Loop's thread.
 */
#ifndef NODE_DAEMON_HELD_H
#define NODE_DAEMON_HELD_H

#include "base/limits.h"
#include "base/rangeset.h"
#include "node/daemon/node.h"
#include "node/daemon/worker.h"
#include "store/store_placing.h"

#include <stddef.h>
#include <stdint.h>

struct held {
    struct rangeset extents;
    struct store_placing_list items;
    uint64_t replaced; /* the first of the replaced transfers that has anything, or 0 */
    struct rangeset replaced_extents;
};

/* What is to be loaded. */
struct held_of {
    uint64_t number;
    uint64_t replaced[LIMIT_LINEAGE]; /* transfers in whose place it comes */
    size_t replaced_count;
};

/* Loads it, behind the changes that were given before. `done` is called once, from the loop, with
 * what is held, valid during the call, or NULL where it cannot be read (which was logged). 0 or
 * -ENOMEM: then `done` is not called. */
int held_load(struct node *node, const struct held_of *of,
              void (*done)(void *context, const struct held *held), void *context);

/* Sends what is held of the transfer itself to a session, in as many messages as it takes. */
void held_send(struct worker *worker, const struct held *held);

#endif
