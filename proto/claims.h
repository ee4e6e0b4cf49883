/*
 * The way of units at a sender, without messages: free -> claimed by a lane -> begun by it ->
 * durable at the peer; back to free, when a lane is lost or the peer asks again; or dropped for
 * good with an entry that failed. What is durable or dropped is settled. What a lane has claimed
 * and not begun others may take over. Used by sender.c, which says what each step means to its
 * callers. No lock.
 */
#ifndef PROTO_CLAIMS_H
#define PROTO_CLAIMS_H

#include "base/limits.h"
#include "base/rangeset.h"

#include <stdbool.h>
#include <stdint.h>

struct claims_lane {
    bool open;
    struct rangeset units; /* claimed and not settled */
    struct range rest;     /* of what it claimed last: not begun, or settled meanwhile */
};

/* Plain value; zeroed, then claims_init. To be read only. */
struct claims {
    uint64_t units;
    uint64_t cursor;         /* no unit below it is free */
    struct rangeset durable; /* without dropped units */
    struct rangeset dropped; /* units of failed entries */
    struct rangeset settled; /* durable or dropped */
    struct rangeset busy;    /* settled, or claimed by a lane */
    struct rangeset ever;    /* claimed at any time: what may become durable */
    struct claims_lane lanes[LIMIT_LANES];
};

/* `held` is durable from before and lies below `units`. 0 or -ENOMEM, as all of these. */
int claims_init(struct claims *claims, uint64_t units, const struct rangeset *held);
void claims_clear(struct claims *claims);

/* The lane is closed, and what it had claimed is free. */
int claims_lane_lost(struct claims *claims, uint32_t lane);

/* The lowest free units: all adjacent ones. False where none is free. */
bool claims_free(const struct claims *claims, struct range *range);

/* An open lane that has begun all that it had claims the lowest free units, adjacent ones, `most`
 * (1 at least) in all. 1 and *range; 0 where none is free. */
int claims_take(struct claims *claims, uint32_t lane, uint64_t most, struct range *range);

/* The same lane, where none is free, takes over the end, half or more, of what another has not
 * begun: of the one that has most. 1; 0 where none has any. */
int claims_steal(struct claims *claims, uint32_t lane);

/* The lane begins the next unit of what it claimed. False where it has begun all of it. */
bool claims_begin(struct claims *claims, uint32_t lane, uint64_t *unit);

/* [first, first + count), which was claimed once, is durable, but for dropped units. */
int claims_durable(struct claims *claims, uint64_t first, uint64_t count);

/* The units of an entry that failed. */
int claims_drop(struct claims *claims, uint64_t first, uint64_t count);

/* [first, first + count), which is settled, is free again, but for dropped units. *freed: whether
 * any is. */
int claims_again(struct claims *claims, uint64_t first, uint64_t count, bool *freed);

#endif
