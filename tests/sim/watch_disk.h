/* What lies on the disks, compared with what was there and what was sent; watch_fail() says what is
 * wrong. */
#ifndef TESTS_SIM_WATCH_DISK_H
#define TESTS_SIM_WATCH_DISK_H

#include "tests/sim/machine.h"
#include "tests/sim/order.h"

/* Everything under final names, and what is still to be sent. */
void watch_disk_final(const struct machine *machine);
void watch_disk_sources(const struct machine *machine);

/* What was said to be durable. */
void watch_disk_durable(const struct order *order);

/* Whether all that it sent is removed. */
bool watch_disk_has_moved(const struct order *order);

#endif
