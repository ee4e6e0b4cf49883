/* The command `fxnode send`, which comes again until it knows of the delivery. */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "tests/sim/task.h"

#include <stddef.h>

/* What is sent and to whom; for as long as the seed lasts. */
struct client_order {
    const char *peer;
    char *paths[8];
    size_t count;
    unsigned char id[16];
};

struct process *client_start(struct machine *machine, const struct client_order *order);

#endif
