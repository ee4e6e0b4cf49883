/*
 * Who this node is, for commands that need no node to run.
 */
#ifndef NODE_CLI_OWN_H
#define NODE_CLI_OWN_H

#include "base/limits.h"
#include "node/cli/options.h"

#include <stdint.h>

/* Plain value. */
struct own {
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1]; /* not escaped */
};

/* Asks the running node; where none runs it is the name of the configuration and the key of the
 * state directory, which is made where there is none yet. CLI_DONE, or the exit status: the failure
 * was said. */
int own_find(struct own *own, const struct options *options);

#endif
