/*
 * `fxnode daemon`: the node.
 */
#ifndef NODE_DAEMON_DAEMON_H
#define NODE_DAEMON_DAEMON_H

/* Runs a node until SIGINT, SIGTERM, or, for a transient one, until it is not needed any more.
 * argv[0] is "daemon". Returns the exit status. */
int daemon_main(int argc, char **argv);

#endif
