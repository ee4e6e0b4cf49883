/*
 * How long the node's loop was away from waiting, each time it was: a debug line says where that
 * was longer than STOPWATCH_MS, because meanwhile nobody is answered. It wakes nobody up.
 */
#ifndef NODE_DAEMON_STOPWATCH_H
#define NODE_DAEMON_STOPWATCH_H

#include <uv.h>

#define STOPWATCH_MS 20u

struct stopwatch;

/* Begins to watch `loop`, which must not have run yet. NULL where there is no memory. */
struct stopwatch *stopwatch_new(uv_loop_t *loop);

/* Lets go of the loop, which frees it then. NULL is allowed. */
void stopwatch_free(struct stopwatch *stopwatch);

#endif
