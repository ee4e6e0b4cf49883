/*
 * The engine that needs no avahi-daemon: avahi-core in this process.
 *
 * It gets along with an avahi-daemon or another node on the same machine: it answers for a host
 * name of its own only, to which it adds the addresses of this machine as they come and go, and
 * publishes nothing else of the machine.
 */
#ifndef DISCOVERY_EMBEDDED_H
#define DISCOVERY_EMBEDDED_H

#include "discovery/engine.h"

/* Starts avahi-core as host `label`; `events.up` comes within the call. NULL with *error set
 * (Avahi's number). */
struct engine *embedded_new(const AvahiPoll *poll, const struct engine_events *events,
                            const char *label, int *error);

#endif
