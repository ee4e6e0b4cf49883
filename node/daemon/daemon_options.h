/*
 * Arguments of `fxnode daemon`, on top of its configuration.
 */
#ifndef NODE_DAEMON_DAEMON_OPTIONS_H
#define NODE_DAEMON_DAEMON_OPTIONS_H

#include "node/daemon/node.h"

#include <stdbool.h>

/* Fills locations, configuration and `transient` of the node. True to go on. False to end with
 * *status: --help was shown (0), the arguments are wrong (2) or a file is (1); it was said. */
bool daemon_options_parse(struct node *node, int argc, char **argv, int *status);

#endif
