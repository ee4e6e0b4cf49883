/*
 * Sockets of simulated machines: within one (SOCK_SEQPACKET, with descriptors) at once, between two
 * (TCP) with delays that each connection has of its own, so that lanes overtake each other, with
 * connections that are cut and times in which nothing gets through. Sizes or -errno.
 */
#ifndef TESTS_SIM_SOCKET_H
#define TESTS_SIM_SOCKET_H

#include "tests/sim/handle.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct machine;
struct socket;

/* The network of a new seed; `machines` are those that there are, `slowest` the longest delay. */
void socket_network(struct machine *const *machines, size_t count, uint64_t slowest);

/* New connections are at most so slow from here on. */
void socket_pace(uint64_t slowest);

/* Between machines nothing gets through before this time. */
void socket_partition(uint64_t until);

/* Cuts a connection between machines that is drawn, or all of them: either end gets to know. */
void socket_cut(bool all);

/* `flags` of send(2) and recv(2). `handles` go with a packet, and are used once more by it. */
ssize_t socket_send(struct handle *handle, const void *data, size_t length, int flags,
                    struct handle *const *handles, size_t count);
ssize_t socket_receive(struct handle *handle, void *data, size_t length, int flags);

/* A packet comes in as if the other end had sent it. */
void socket_feed(struct socket *socket, const void *data, size_t length);

/* What poll(2) says of it. */
short socket_ready(const struct socket *socket);

/* By handle.c: the last descriptor is gone. */
void socket_close(struct socket *socket);

#endif
