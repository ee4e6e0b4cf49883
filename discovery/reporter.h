/*
 * What is told to the owner of a discovery, and when: changes of one packet together, those that
 * undo each other not at all, a flood thinned, and "settled" only after what it stands for.
 */
#ifndef DISCOVERY_REPORTER_H
#define DISCOVERY_REPORTER_H

#include "discovery/discovery.h"
#include "discovery/table.h"
#include "discovery/timer.h"

struct reporter {
    struct discovery_events events;
    struct table *table; /* owned; who changes it calls reporter_changed() */
    struct timer flush;
    bool flush_set;
    bool settling; /* the first look around is over, but not yet all of it reported */
    uint64_t reported_ms;
    uint32_t tokens;
    struct discovery_state told;
};

/* `events` is copied. 0 or -ENOMEM; to be cleared in any case. */
int reporter_init(struct reporter *reporter, const AvahiPoll *poll,
                  const struct discovery_events *events);
void reporter_clear(struct reporter *reporter);

/* The table may have changed: reports follow, from the loop. */
void reporter_changed(struct reporter *reporter);

/* The first look around is over. Once is enough, more do nothing. */
void reporter_settle(struct reporter *reporter);

/* Reports `state`, at once, where it differs from what was told; its `settled` is ignored. */
void reporter_state(struct reporter *reporter, const struct discovery_state *state);

#endif
