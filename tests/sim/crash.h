/* Machines that start, lose their power or a process, and start again. */
#ifndef TESTS_SIM_CRASH_H
#define TESTS_SIM_CRASH_H

#include "tests/sim/machine.h"
#include "tests/sim/world.h"

#include <stdint.h>

/* What the rest of the world has to do with it. */
struct crash_world {
    struct machine *machines; /* two */
    struct world_tally *tally;
    unsigned left;  /* crashes that are still to come */
    uint64_t until; /* none later */
    void (*started)(struct machine *machine);
    void (*over)(uint64_t when); /* what was broken is whole again at that time */
};

void crash_begin(const struct crash_world *world);

/* Starts its node, or plans the first crash of one that runs. */
void crash_start(struct machine *machine);

#endif
