/*
 * What a sender was promised, and what a receiver has got, for tests of power cuts: with
 * FXNODE_WITNESS=1 a test build says on standard error, each in one write, as soon as its peer has
 * said it, which units are durable there; and as soon as the last byte of a unit has been received
 * and written or, not being wanted, thrown away, which one that is and how large:
 *
 *   fxnode: durable at the peer: FIRST+COUNT FIRST+COUNT ...
 *   fxnode: arrived: UNIT BYTES
 *
 * In other builds nothing of it is left.
 */
#ifndef BASE_WITNESS_H
#define BASE_WITNESS_H

#include "base/rangeset.h"

#ifdef FXNODE_CRASH_POINTS
/* Says it where these are more units than at the last call. One thread at a time. */
void witness_durable(const struct rangeset *units);

/* Any thread. */
void witness_arrived(uint64_t unit, uint32_t bytes);
#else
static inline void witness_durable(const struct rangeset *units) {
    (void)units;
}

static inline void witness_arrived(uint64_t unit, uint32_t bytes) {
    (void)unit;
    (void)bytes;
}
#endif

#endif
