/*
 * More connections for a sending session: each is called at the address of the control connection,
 * names that connection's session and must show the same key. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_LANES_H
#define NODE_DAEMON_LANES_H

#include "node/daemon/link.h"
#include "node/daemon/node.h"
#include "node/daemon/worker.h"

#include <stdint.h>

struct lanes;

/* How many a transfer has at most: as configured, or else LIMIT_LANES. */
uint32_t lanes_most(const struct config *config);

/* The same where the peer is so near that only processors count: as configured, or else as many as
 * this machine has, up to a few. */
uint32_t lanes_near(const struct config *config);

/* Remembers what it takes of the control connection. 0 or -ENOMEM. */
int lanes_new(struct lanes **out, struct node *node, const struct link *control);

/* The session that gets them; borrowed until lanes_free(). */
void lanes_feed(struct lanes *lanes, struct worker *worker);

/* The session wants one more connection, to be lane `lane` (1 to LIMIT_LANES - 1): it gets that, or
 * is told that there is none. */
void lanes_want(struct lanes *lanes, uint32_t lane);

/* Ends calling. NULL is fine. */
void lanes_free(struct lanes *lanes);

#endif
