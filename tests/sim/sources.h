/* What is sent in a seed. */
#ifndef TESTS_SIM_SOURCES_H
#define TESTS_SIM_SOURCES_H

#include "tests/sim/disk.h"
#include "tests/sim/order.h"

/* Makes what an order sends, with names that no other has, on `aside` and the same on the machine
 * that sends it; sometimes one of the names is taken where it goes, by something else, by the same,
 * or by what was the same once. */
void sources_make(struct order *order, unsigned index, struct disk *aside);

/* Somebody changes or removes a file of what is left of them, on the machine and, at the same time,
 * in a copy of all: order->meddled. */
void sources_meddle(struct order *order, struct disk *aside);

#endif
