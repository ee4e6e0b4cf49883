/*
 * How far a transfer is, told to the node a few times a second: content bytes of the units that are
 * durable at the receiver. Main thread.
 */
#ifndef NODE_SESSION_TALLY_H
#define NODE_SESSION_TALLY_H

#include "node/session/catalog.h"
#include "node/session/course.h"

#include <stdbool.h>
#include <stdint.h>

#define TALLY_MS 250u /* between two reports */

struct tally {
    struct course *course;
    struct catalog *catalog; /* NULL before there is a manifest; owned */
    struct rangeset durable; /* a copy */
    uint64_t told_ms;
};

void tally_init(struct tally *tally, struct course *course);
void tally_clear(struct tally *tally);

/* Whether it is time for a report: it is when the last one is TALLY_MS old, and at the end. */
bool tally_is_due(const struct tally *tally, uint64_t now_ms);

/* Copies what is durable, for a report that counts as made. The lock that protects it is held.
 * False where it is in too many pieces to be worth counting, or memory is short. */
bool tally_take(struct tally *tally, const struct rangeset *durable, uint64_t now_ms);

/* Counts what was taken and tells the node. Lock not held; reads the manifest. */
void tally_tell(struct tally *tally);

#endif
