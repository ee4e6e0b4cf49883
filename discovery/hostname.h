/*
 * The host name of an embedded Avahi: its address records follow the addresses of this machine.
 * They are shared records (RFC 6762 2): nobody is asked whether the name is free, so the name must
 * be this node's own.
 */
#ifndef DISCOVERY_HOSTNAME_H
#define DISCOVERY_HOSTNAME_H

#include "discovery/timer.h"

#include <avahi-core/core.h>

struct hostname;

/* Publishes the addresses of the server's host name and watches for changes. NULL where memory or
 * descriptors ran out. */
struct hostname *hostname_new(AvahiServer *server, const AvahiPoll *poll);

/* Withdraws them. NULL is nothing. Before the server is freed. */
void hostname_free(struct hostname *hostname);

#endif
