/*
 * Network addresses of peers as plain values: IPv4 or IPv6, port, and the interface a link-local
 * one belongs to.
 */
#ifndef NODE_COMMON_ADDRESS_H
#define NODE_COMMON_ADDRESS_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_PORT 42420   /* default TCP port */
#define ADDRESS_ROOM 80      /* "[v6%interface]:port" with its NUL */
#define ADDRESS_HOST_MAX 255 /* bytes of a host name */

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    char interface[IF_NAMESIZE]; /* to bind to; empty: whatever the routes say */
};

/* "10.0.0.1:42420", "[fd77::1]:42420", "[fe80::1%eth0]:42420". */
void address_format(char out[ADDRESS_ROOM], const struct address *address);

/* The same without port and brackets. */
void address_format_host(char out[ADDRESS_ROOM], const struct address *address);

/* From a numeric host ("fe80::1%eth0" too), a port and an interface name (may be empty). False
 * where it is not numeric. */
bool address_parse(struct address *out, const char *host, uint16_t port, const char *interface);

/* From bytes in network order (4 or 16), port and interface index (0: none). False for other
 * lengths, what is no single host's (any, multicast, broadcast), or an index that is gone. */
bool address_from_bytes(struct address *out, const void *bytes, size_t length, uint16_t port,
                        unsigned interface);

/* From what accept() or getaddrinfo() gave. False for other families. An IPv4-mapped address
 * becomes IPv4. */
bool address_from_sockaddr(struct address *out, const struct sockaddr *from);

socklen_t address_length(const struct address *address);
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);

/* Same host, port and interface. */
bool address_equal(const struct address *a, const struct address *b);

/* Same host, whatever the port. */
bool address_same_host(const struct address *a, const struct address *b);

/* Splits "host", "host:port", "v6", "[v6]", "[v6]:port" into host (ADDRESS_HOST_MAX + 1 bytes of
 * room) and port (ADDRESS_PORT where none is given). False where it is none of these. */
bool address_split(const char *text, char host[ADDRESS_HOST_MAX + 1], uint16_t *port);

#endif
