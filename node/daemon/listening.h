/*
 * Sockets that listen: bound, and not blocking.
 */
#ifndef NODE_DAEMON_LISTENING_H
#define NODE_DAEMON_LISTENING_H

#include "node/common/address.h"

#include <stdint.h>

/* On one address; "::" serves IPv4 too. Port 0: any free one. A descriptor, or -errno. */
int listening_open(const struct address *address);

/* On all addresses: IPv6 with IPv4, or IPv4 alone where there is no IPv6. */
int listening_open_any(uint16_t port);

/* Port of such a socket; 0 where it cannot be told. */
uint16_t listening_port(int fd);

#endif
