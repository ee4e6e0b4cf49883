/*
 * Starting a transient node for a command: `fxnode daemon --transient` in a session of its own.
 */
#ifndef NODE_CLI_STARTER_H
#define NODE_CLI_STARTER_H

#include "base/fail.h"
#include "node/common/locations.h"

/* Starts one and waits until it is ready (sd_notify protocol) or has ended. 0; or -errno with
 * `fail` filled with what it said. */
int starter_run(const struct locations *where, struct fail *fail);

#endif
