/*
 * A set of uint64 numbers kept as sorted, disjoint, non-adjacent ranges [first, first + count).
 * Adding at the end is O(1), elsewhere O(ranges). No internal lock.
 */
#ifndef BASE_RANGESET_H
#define BASE_RANGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t first;
    uint64_t count;
};

struct rangeset {
    struct range *ranges; /* owned */
    size_t length;
    size_t room;
};

void rangeset_init(struct rangeset *set);
void rangeset_clear(struct rangeset *set); /* frees; the set is empty and usable again */

/* Adds or removes [first, first + count). count 0 is nothing. Returns 0, -ENOMEM, or -ERANGE where
 * first + count overflows (nothing is changed then). */
int rangeset_add(struct rangeset *set, uint64_t first, uint64_t count);
int rangeset_remove(struct rangeset *set, uint64_t first, uint64_t count);

/* Adds or removes all of `other`, which is another set. 0 or -ENOMEM. */
int rangeset_add_all(struct rangeset *set, const struct rangeset *other);
int rangeset_remove_all(struct rangeset *set, const struct rangeset *other);

bool rangeset_contains(const struct rangeset *set, uint64_t first, uint64_t count);
bool rangeset_intersects(const struct rangeset *set, uint64_t first, uint64_t count);

/* How many numbers are in the set. */
uint64_t rangeset_total(const struct rangeset *set);

/* The first maximal gap in [from, end): fills *gap and returns true, or false where there is none.
 */
bool rangeset_next_gap(const struct rangeset *set, uint64_t from, uint64_t end, struct range *gap);

/* Moves the contents of `from` into `to` (cleared first); `from` is empty afterwards. */
void rangeset_move(struct rangeset *to, struct rangeset *from);

#endif
