/* What is sent in a seed. */
#ifndef TESTS_SIM_SOURCES_H
#define TESTS_SIM_SOURCES_H

#include "tests/sim/client.h"
#include "tests/sim/disk.h"

/* Fills /src of one disk and names what is there in `order`; sometimes one of the names is taken on
 * the other. */
void sources_make(struct disk *from, struct disk *to, struct client_order *order);

#endif
