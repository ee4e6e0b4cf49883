/*
 * A host name of our own on an embedded Avahi: its address records follow the addresses of this
 * machine. After a collision it goes on under another name.
 */
#ifndef DISCOVERY_HOSTNAME_H
#define DISCOVERY_HOSTNAME_H

#include "discovery/service.h"
#include "discovery/timer.h"

#include <avahi-core/core.h>

struct hostname;

/* Registers `label`.local and watches for changes. `renamed(context, name)` is called from the loop
 * when it had to take another name. NULL where memory or descriptors ran out. */
struct hostname *hostname_new(AvahiServer *server, const AvahiPoll *poll, const char *label,
                              void (*renamed)(void *context, const char *name), void *context);

/* Withdraws it. NULL is nothing. Before the server is freed. */
void hostname_free(struct hostname *hostname);

/* The full name in use, valid until it is renamed or freed. */
const char *hostname_get(const struct hostname *hostname);

#endif
