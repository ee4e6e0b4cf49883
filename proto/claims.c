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
    claims->lanes[lane].rest = (struct range){0};
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
    claims->lanes[lane].rest = *range;
    return rc < 0 ? rc : 1;
}

/* The lane, but for `lane`, with most that is not begun, or NULL. */
static struct claims_lane *most_laden(struct claims *claims, uint32_t lane) {
    struct claims_lane *most = NULL;
    uint64_t count = 0;

    for (size_t i = 0; i < LIMIT_LANES; i++)
        if (i != lane && claims->lanes[i].rest.count > count) {
            most = &claims->lanes[i];
            count = most->rest.count;
        }
    return most;
}

/* What was settled is nobody's, and may be another lane's since it was asked for again. */
static int move(struct claims_lane *from, struct claims_lane *to, const struct range *range) {
    int rc = 0;

    for (uint64_t i = 0; rc == 0 && i < range->count; i++) {
        if (!rangeset_contains(&from->units, range->first + i, 1))
            continue;
        rc = rangeset_remove(&from->units, range->first + i, 1);
        if (rc == 0)
            rc = rangeset_add(&to->units, range->first + i, 1);
    }
    return rc;
}

int claims_steal(struct claims *claims, uint32_t lane) {
    struct claims_lane *from = most_laden(claims, lane);
    struct claims_lane *to = &claims->lanes[lane];
    int rc = 0;

    if (from == NULL)
        return 0;
    uint64_t count = from->rest.count - from->rest.count / 2;
    from->rest.count -= count;
    to->rest = (struct range){from->rest.first + from->rest.count, count};
    rc = move(from, to, &to->rest);
    return rc < 0 ? rc : 1;
}

bool claims_begin(struct claims *claims, uint32_t lane, uint64_t *unit) {
    struct claims_lane *at = &claims->lanes[lane];

    while (at->rest.count > 0) {
        *unit = at->rest.first++;
        at->rest.count--;
        if (rangeset_contains(&at->units, *unit, 1))
            return true;
    }
    return false;
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
