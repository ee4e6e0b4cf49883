#include "base/rangeset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rangeset_init(struct rangeset *set) {
    *set = (struct rangeset){0};
}

void rangeset_clear(struct rangeset *set) {
    free(set->ranges);
    rangeset_init(set);
}

static uint64_t range_end(const struct range *range) {
    return range->first + range->count;
}

/* Index of the first range that ends at or after `at` (touch) or strictly after it. */
static size_t find(const struct rangeset *set, uint64_t at, bool touch) {
    size_t low = 0;
    size_t high = set->length;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t end = range_end(&set->ranges[middle]);
        if (touch ? end < at : end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int reserve(struct rangeset *set) {
    if (set->length < set->room)
        return 0;
    size_t room = set->room == 0 ? 8 : set->room * 2;
    struct range *ranges = reallocarray(set->ranges, room, sizeof *ranges);
    if (ranges == NULL)
        return -ENOMEM;
    set->ranges = ranges;
    set->room = room;
    return 0;
}

/* Replaces ranges [from, to) by nothing. */
static void drop(struct rangeset *set, size_t from, size_t to) {
    if (from == to)
        return;
    memmove(set->ranges + from, set->ranges + to, (set->length - to) * sizeof *set->ranges);
    set->length -= to - from;
}

static int insert(struct rangeset *set, size_t at, struct range range) {
    int rc = reserve(set);
    if (rc < 0)
        return rc;
    memmove(set->ranges + at + 1, set->ranges + at, (set->length - at) * sizeof *set->ranges);
    set->ranges[at] = range;
    set->length++;
    return 0;
}

int rangeset_add(struct rangeset *set, uint64_t first, uint64_t count) {
    if (count > UINT64_MAX - first)
        return -ERANGE;
    if (count == 0)
        return 0;
    uint64_t end = first + count;
    size_t from = find(set, first, true);
    size_t to = from;
    while (to < set->length && set->ranges[to].first <= end)
        to++;
    if (from == to)
        return insert(set, from, (struct range){first, count});
    if (set->ranges[from].first < first)
        first = set->ranges[from].first;
    if (range_end(&set->ranges[to - 1]) > end)
        end = range_end(&set->ranges[to - 1]);
    set->ranges[from] = (struct range){first, end - first};
    drop(set, from + 1, to);
    return 0;
}

int rangeset_remove(struct rangeset *set, uint64_t first, uint64_t count) {
    if (count > UINT64_MAX - first)
        return -ERANGE;
    if (count == 0)
        return 0;
    uint64_t end = first + count;
    size_t from = find(set, first, false);
    if (from == set->length || set->ranges[from].first >= end)
        return 0;
    struct range *hit = &set->ranges[from];
    if (hit->first < first && range_end(hit) > end) {
        struct range tail = {end, range_end(hit) - end};
        int rc = insert(set, from + 1, tail);
        if (rc == 0)
            set->ranges[from].count = first - set->ranges[from].first;
        return rc;
    }
    if (hit->first < first) {
        hit->count = first - hit->first;
        from++;
    }
    size_t to = from;
    while (to < set->length && range_end(&set->ranges[to]) <= end)
        to++;
    if (to < set->length && set->ranges[to].first < end) {
        set->ranges[to].count = range_end(&set->ranges[to]) - end;
        set->ranges[to].first = end;
    }
    drop(set, from, to);
    return 0;
}

int rangeset_add_all(struct rangeset *set, const struct rangeset *other) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < other->length; i++)
        rc = rangeset_add(set, other->ranges[i].first, other->ranges[i].count);
    return rc;
}

int rangeset_remove_all(struct rangeset *set, const struct rangeset *other) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < other->length; i++)
        rc = rangeset_remove(set, other->ranges[i].first, other->ranges[i].count);
    return rc;
}

bool rangeset_contains(const struct rangeset *set, uint64_t first, uint64_t count) {
    if (count == 0)
        return true;
    size_t at = find(set, first, false);
    return at < set->length && set->ranges[at].first <= first &&
           count <= range_end(&set->ranges[at]) - first;
}

bool rangeset_intersects(const struct rangeset *set, uint64_t first, uint64_t count) {
    if (count == 0)
        return false;
    size_t at = find(set, first, false);
    return at < set->length &&
           (set->ranges[at].first <= first || set->ranges[at].first - first < count);
}

uint64_t rangeset_total(const struct rangeset *set) {
    uint64_t total = 0;
    for (size_t i = 0; i < set->length; i++)
        total += set->ranges[i].count;
    return total;
}

bool rangeset_next_gap(const struct rangeset *set, uint64_t from, uint64_t end, struct range *gap) {
    size_t at = find(set, from, false);
    if (at < set->length && set->ranges[at].first <= from) {
        from = range_end(&set->ranges[at]);
        at++;
    }
    if (from >= end)
        return false;
    uint64_t stop = at < set->length && set->ranges[at].first < end ? set->ranges[at].first : end;
    *gap = (struct range){from, stop - from};
    return true;
}

void rangeset_move(struct rangeset *to, struct rangeset *from) {
    rangeset_clear(to);
    *to = *from;
    rangeset_init(from);
}
