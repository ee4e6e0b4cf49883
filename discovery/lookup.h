/*
 * From instances to addresses: resolves what an engine finds and keeps the table of addresses up to
 * date. At most LOOKUP_INSTANCES are followed at a time, so that a flood of names costs bounded
 * memory and stays within what avahi-daemon grants one client (1024 objects, two for each).
 */
#ifndef DISCOVERY_LOOKUP_H
#define DISCOVERY_LOOKUP_H

#include "discovery/engine.h"
#include "discovery/table.h"

#define LOOKUP_INSTANCES 480u /* an instance on two interfaces or two protocols counts as two */

struct lookup;

/* What happens in the table, and `id` of this node, so that its own instance is known. `changed` is
 * called whenever the table may have something to report or settled() may have become true. */
struct lookup_owner {
    struct table *table;
    const char *id;
    void (*changed)(void *context);
    void *context;
};

/* Follows what `engine` finds. `owner` is copied, its members are borrowed. NULL where memory ran
 * out. */
struct lookup *lookup_new(struct engine *engine, const struct lookup_owner *owner);

/* Ends all queries; the table stays as it is. Before the engine is freed. NULL is nothing. */
void lookup_free(struct lookup *lookup);

/* What the engine reported (engine_events.browsed). */
void lookup_browsed(struct lookup *lookup, AvahiBrowserEvent event,
                    const struct engine_instance *instance);

/* Whether the first look around is over: the engine expects no more instances for now, and each
 * one found has answered or will not. */
bool lookup_settled(const struct lookup *lookup);

#endif
