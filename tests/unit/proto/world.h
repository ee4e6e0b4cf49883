/*
 * A sender and a receiver in one process, with a network, disks, a database and a clock that exist
 * only here: everything happens in an order that a seed chooses. What is checked on the way is in
 * world.c; a violated expectation fails the running test.
 */
#ifndef TESTS_UNIT_PROTO_WORLD_H
#define TESTS_UNIT_PROTO_WORLD_H

#include <stdint.h>

/* What may go wrong, each so many times at most. */
struct world_troubles {
    uint32_t lanes; /* connections wanted and allowed */
    uint32_t cuts;  /* of the control connection, with everything that was not synced lost */
    uint32_t lane_cuts;
    uint32_t bad_writes; /* units whose content at the receiver differs from what was sent */
    uint32_t bad_held;   /* durable units that rot between connections */
    uint32_t failures;   /* entries that cannot be read */
};

/* What happened. */
struct world_result {
    uint32_t connections;
    uint32_t agains;
    uint32_t failed;
    uint64_t units;
    uint64_t written; /* units, repetitions counted */
};

/* Runs one transfer to its delivery. Fails the test where it does not come about, or where at its
 * end one unit is not durable with the sender's content. */
struct world_result world_run(uint64_t seed, const struct world_troubles *troubles);

#endif
