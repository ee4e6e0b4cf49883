/* Two machines with a node each, transfers between them, and what goes wrong meanwhile. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

/* What happened in a seed. Plain value. */
struct world_tally {
    uint64_t transfers;
    uint64_t cuts;   /* of power */
    uint64_t kills;  /* of a process */
    uint64_t breaks; /* of connections and of the network */
    uint64_t steps;
    uint64_t virtual_ns;
};

/* Once, before anything else. */
void world_prepare(void);

/* Runs a seed. NULL, or what was broken (valid until the next one). *tally is added to. Nodes that
 * it begins with are those of other seeds, too; `anew`: they are made, not put back. */
const char *world_run(uint64_t seed, bool anew, struct world_tally *tally);

#endif
