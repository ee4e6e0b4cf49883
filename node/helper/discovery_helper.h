/*
 * fxnode-discovery: joins discovery/ to the node's channel.
 */
#ifndef NODE_HELPER_DISCOVERY_HELPER_H
#define NODE_HELPER_DISCOVERY_HELPER_H

/* Runs until the channel `chan` (SOCK_SEQPACKET, taken over) ends, SIGTERM comes or the parent
 * dies; then withdraws what is published, within DISCOVERY_HELPER_EXIT_S seconds. To be called
 * once, as the whole of a process of its own with one thread. Exit status. */
int discovery_helper_main(int chan);
#define DISCOVERY_HELPER_EXIT_S 2u

#endif
