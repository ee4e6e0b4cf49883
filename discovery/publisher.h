/*
 * Keeps this node published through whichever engine is in use: finds another name after a
 * collision, tries again after a failure.
 */
#ifndef DISCOVERY_PUBLISHER_H
#define DISCOVERY_PUBLISHER_H

#include "discovery/engine.h"
#include "discovery/timer.h"

struct publisher {
    struct engine *engine; /* borrowed; NULL while there is none */
    struct discovery_setup wanted;
    struct discovery_setup current; /* as wanted, under the name in use or being tried */
    bool established;
    char text[DISCOVERY_TEXT_ROOM]; /* why it is not, for people; or empty */
    unsigned collisions;
    struct timer retry;
    void (*changed)(void *context); /* `established` or `text` changed */
    void *context;
};

/* Wants nothing yet. `changed` is kept. 0 or -ENOMEM. */
int publisher_init(struct publisher *publisher, const AvahiPoll *poll,
                   void (*changed)(void *context), void *context);
void publisher_clear(struct publisher *publisher);

/* What is to be published from now on; checked by the caller. */
void publisher_want(struct publisher *publisher, const struct discovery_setup *setup);

/* Goes on with another engine (up), or with none (NULL); withdraws from the one before. */
void publisher_use(struct publisher *publisher, struct engine *engine);

/* What the engine reported (engine_events.published). */
void publisher_report(struct publisher *publisher, AvahiEntryGroupState state, const char *why);

#endif
