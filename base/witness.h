/*
 * What a sender was promised, for tests of power cuts: with FXNODE_WITNESS=1 a test build says on
 * standard error, as soon as its peer has said it and in one write, which units are durable there:
 *
 *   fxnode: durable at the peer: FIRST+COUNT FIRST+COUNT ...
 *
 * In other builds nothing of it is left.
 */
#ifndef BASE_WITNESS_H
#define BASE_WITNESS_H

#include "base/rangeset.h"

#ifdef FXNODE_CRASH_POINTS
/* Says it where these are more units than at the last call. One thread at a time. */
void witness_durable(const struct rangeset *units);
#else
static inline void witness_durable(const struct rangeset *units) {
    (void)units;
}
#endif

#endif
