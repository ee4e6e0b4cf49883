/*
 * The way of units at a sender, without messages: free -> claimed by a lane -> durable at the peer;
 * back to free, when a lane is lost or the peer asks again; or dropped for good with an entry that
 * failed. What is durable or dropped is settled. Used by sender.c, which says what each step means
 * to its callers. No lock.
 */
#ifndef PROTO_CLAIMS_H
#define PROTO_CLAIMS_H

#include "base/limits.h"
#include "base/rangeset.h"

#include <stdbool.h>
#include <stdint.h>

/* Plain value; zeroed, then claims_init. To be read only. */
struct claims {
    uint64_t units;
    uint64_t cursor;         /* no unit below it is free */
    struct rangeset durable; /* without dropped units */
    struct rangeset dropped; /* units of failed entries */
    struct rangeset settled; /* durable or dropped */
    struct rangeset busy;    /* settled, or claimed by a lane */
    struct rangeset ever;    /* claimed at any time: what may become durable */
    struct {
        bool open;
        struct rangeset units; /* claimed and not settled */
    } lanes[LIMIT_LANES];
};

/* `held` is durable from before and lies below `units`. 0 or -ENOMEM, as all of these. */
int claims_init(struct claims *claims, uint64_t units, const struct rangeset *held);
void claims_clear(struct claims *claims);

/* The lane is closed, and what it had claimed is free. */
int claims_lane_lost(struct claims *claims, uint32_t lane);

/* The lowest free units: all adjacent ones. False where none is free. */
bool claims_free(const struct claims *claims, struct range *range);

/* An open lane claims the lowest free units, adjacent ones, `most` (1 at least) in all. 1 and
 * *range; 0 where none is free. */
int claims_take(struct claims *claims, uint32_t lane, uint64_t most, struct range *range);

/* [first, first + count), which was claimed once, is durable, but for dropped units. */
int claims_durable(struct claims *claims, uint64_t first, uint64_t count);

/* The units of an entry that failed. */
int claims_drop(struct claims *claims, uint64_t first, uint64_t count);

/* [first, first + count), which is settled, is free again, but for dropped units. *freed: whether
 * any is. */
int claims_again(struct claims *claims, uint64_t first, uint64_t count, bool *freed);

#endif
