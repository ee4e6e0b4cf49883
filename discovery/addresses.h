/*
 * The addresses of this machine that a peer on the same link may use, and when they change
 * (rtnetlink(7)).
 */
#ifndef DISCOVERY_ADDRESSES_H
#define DISCOVERY_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESSES_MAX 64u

struct address {
    uint32_t interface;
    uint8_t length; /* 4 or 16 */
    uint8_t bytes[16];
};

struct addresses {
    size_t count;
    struct address list[ADDRESSES_MAX];
};

bool addresses_equal(const struct address *a, const struct address *b);

/* Adds what one datagram of a dump of addresses holds: those of the link or wider, in use (neither
 * tentative nor deprecated nor failed) and not temporary (RFC 8981: made to be forgotten).
 * Duplicates and what is over ADDRESSES_MAX are left out. 1: the dump goes on; 0: it is complete;
 * -EINVAL where it is malformed, or the kernel's error. */
int addresses_parse(struct addresses *addresses, const void *data, size_t length);

/* Asks the kernel. 0 or -errno. */
int addresses_scan(struct addresses *addresses);

/* A descriptor that becomes readable when addresses change, or -errno. addresses_drain() makes it
 * quiet again. */
int addresses_watch(void);
void addresses_drain(int fd);

#endif
