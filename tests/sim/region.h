/*
 * All memory of what is simulated, in one place, so that it can be put back to what it was: what
 * the nodes of a seed begin with is made once. With AddressSanitizer, which keeps books of its own,
 * nothing can be put back.
 */
#ifndef TESTS_SIM_REGION_H
#define TESTS_SIM_REGION_H

#include <stdbool.h>
#include <stddef.h>

/* Memory that is not zeroed, for region_give() with the same length; never NULL. */
void *region_take(size_t length);
void region_give(void *block, size_t length);

/* While nothing of the simulation runs: keeps all that there is, the variables of this program and
 * of SQLite too; what was kept before is forgotten. */
void region_keep(void);

/* Puts it back. False where nothing was kept. */
bool region_back(void);

#endif
