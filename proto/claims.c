#include "proto/claims.h"

#include <stddef.h>

int claims_init(struct claims *claims, uint64_t units, const struct rangeset *held) {
    claims->units = units;
    int rc = rangeset_add_all(&claims->durable, held);
    if (rc == 0)
        rc = rangeset_add_all(&claims->settled, held);
    return rc == 0 ? rangeset_add_all(&claims->busy, held) : rc;
}

void claims_clear(struct claims *claims) {
    struct rangeset *sets[] = {&claims->durable, &claims->dropped, &claims->settled, &claims->busy,
                               &claims->ever};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        rangeset_clear(sets[i]);
    for (size_t i = 0; i < LIMIT_LANES; i++)
        rangeset_clear(&claims->lanes[i].units);
}

static void lower_cursor(struct claims *claims, uint64_t unit) {
    if (unit < claims->cursor)
        claims->cursor = unit;
}

int claims_lane_lost(struct claims *claims, uint32_t lane) {
    struct rangeset *units = &claims->lanes[lane].units;
    int rc = rangeset_remove_all(&claims->busy, units);
    if (units->length > 0)
        lower_cursor(claims, units->ranges[0].first);
    rangeset_clear(units);
    claims->lanes[lane].open = false;
    return rc;
}

bool claims_free(const struct claims *claims, struct range *range) {
    return rangeset_next_gap(&claims->busy, claims->cursor, claims->units, range);
}

int claims_take(struct claims *claims, uint32_t lane, uint64_t most, struct range *range) {
    if (!claims_free(claims, range)) {
        claims->cursor = claims->units;
        return 0;
    }
    if (range->count > most)
        range->count = most;
    int rc = rangeset_add(&claims->lanes[lane].units, range->first, range->count);
    if (rc == 0)
        rc = rangeset_add(&claims->busy, range->first, range->count);
    if (rc == 0)
        rc = rangeset_add(&claims->ever, range->first, range->count);
    claims->cursor = range->first + range->count;
    return rc < 0 ? rc : 1;
}

/* No lane has [first, first + count) any more, and none gets it. */
static int settle(struct claims *claims, uint64_t first, uint64_t count) {
    int rc = rangeset_add(&claims->settled, first, count);
    if (rc == 0)
        rc = rangeset_add(&claims->busy, first, count);
    for (size_t i = 0; rc == 0 && i < LIMIT_LANES; i++)
        rc = rangeset_remove(&claims->lanes[i].units, first, count);
    return rc;
}

int claims_durable(struct claims *claims, uint64_t first, uint64_t count) {
    struct range kept;
    uint64_t end = first + count;
    int rc = settle(claims, first, count);
    while (rc == 0 && rangeset_next_gap(&claims->dropped, first, end, &kept)) {
        rc = rangeset_add(&claims->durable, kept.first, kept.count);
        first = kept.first + kept.count;
    }
    return rc;
}

int claims_drop(struct claims *claims, uint64_t first, uint64_t count) {
    int rc = rangeset_add(&claims->dropped, first, count);
    if (rc == 0)
        rc = settle(claims, first, count);
    return rc == 0 ? rangeset_remove(&claims->durable, first, count) : rc;
}

int claims_again(struct claims *claims, uint64_t first, uint64_t count, bool *freed) {
    struct range lost;
    uint64_t end = first + count;
    int rc = 0;
    *freed = false;
    lower_cursor(claims, first);
    while (rc == 0 && rangeset_next_gap(&claims->dropped, first, end, &lost)) {
        *freed = true;
        first = lost.first + lost.count;
        rc = rangeset_remove(&claims->durable, lost.first, lost.count);
        if (rc == 0)
            rc = rangeset_remove(&claims->settled, lost.first, lost.count);
        if (rc == 0)
            rc = rangeset_remove(&claims->busy, lost.first, lost.count);
    }
    return rc;
}
