/*
 * The engine that asks avahi-daemon over D-Bus.
 */
#ifndef DISCOVERY_REMOTE_H
#define DISCOVERY_REMOTE_H

#include "discovery/engine.h"

/* Connects. `events.up` comes once there is a daemon: within the call, or any time later, without
 * any polling; `events.down` when it is gone. NULL with *error set (Avahi's number) where there is
 * no bus to wait on: try again later. Blocks while the bus starts or asks the daemon. */
struct engine *remote_new(const AvahiPoll *poll, const struct engine_events *events, int *error);

#endif
