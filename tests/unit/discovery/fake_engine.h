/*
 * An engine with no network: tests say what it finds and see what it is asked to do.
 */
#ifndef TESTS_UNIT_DISCOVERY_FAKE_ENGINE_H
#define TESTS_UNIT_DISCOVERY_FAKE_ENGINE_H

#include "discovery/engine.h"

struct fake_engine {
    struct engine engine; /* first */
    size_t room;          /* queries it still grants */
    size_t resolving;     /* open queries */
    size_t browsing;
    struct engine_listener *listener; /* of the last query */
    char host[256];                   /* of the last address query */
    size_t publications;
    size_t withdrawals;
    struct discovery_setup published;
};

/* An engine that grants `room` queries. */
void fake_engine_init(struct fake_engine *fake, size_t room);

#endif
