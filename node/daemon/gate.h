/*
 * Who among strangers may have a connection: caps and token buckets for connections that have not
 * authenticated. Pure: the clock (monotonic milliseconds) is an argument, connections are slots.
 *
 * An "address" is an IPv4 address or a whole IPv6 address: on a LAN a /64 is everybody. A stranger
 * there has as many IPv6 addresses as it likes, and keys cost it nothing. So what it cannot get
 * past are the caps for all together, and those who are protected from it are addresses from which
 * a remembered key was proven lately: they have slots and a rate that strangers cannot use up.
 */
#ifndef NODE_DAEMON_GATE_H
#define NODE_DAEMON_GATE_H

#include "node/common/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_SLOTS 64      /* unauthenticated connections in all */
#define GATE_PER_ADDRESS 4 /* of one address */
#define GATE_KEPT 16       /* slots that only addresses of known keys get */
#define GATE_RECENT 64     /* addresses that proved a known key last, remembered */
#define GATE_STALE_MS 500  /* when full, the oldest connection over this age goes */
#define GATE_BURST 64      /* connections of an address at once, */
#define GATE_RATE 8        /* and a second after that */
#define GATE_BURST_ALL 256 /* the same for all strangers together */
#define GATE_RATE_ALL 64
#define GATE_ADDRESSES 256 /* addresses whose bucket is remembered */

struct gate_bucket {
    struct address address;
    uint64_t last_ms; /* when it was last refilled */
    uint32_t used;    /* tokens taken */
};

struct gate_slot {
    struct address address;
    uint64_t since_ms;
    bool taken;
    bool recent; /* its address proved a known key lately */
};

struct gate {
    struct gate_slot slots[GATE_SLOTS];
    struct address recent[GATE_RECENT];
    size_t recent_next;
    size_t recent_count;
    struct gate_bucket buckets[GATE_ADDRESSES];
    size_t bucket_count;
    struct gate_bucket all;
};

void gate_init(struct gate *gate);

/* Asks for a slot. >= 0: the slot. -1: refused. *evict receives the slot of a connection that has
 * to be closed now to make room (its slot is the one returned), or -1. */
int gate_enter(struct gate *gate, const struct address *from, uint64_t now_ms, int *evict);

/* The connection of `slot` is over, or has authenticated: the slot is free. */
void gate_leave(struct gate *gate, int slot);

/* Its peer has proven a key. `known`: a remembered one, which gets its token back and whose address
 * is no stranger's from now on. */
void gate_authenticated(struct gate *gate, const struct address *from, bool known);

#endif
