/*
 * Memory: malloc() and its kin, as the objects of this program call them, are led here by the
 * linker and take from the heap of the process that runs (heap.h).
 */
#ifndef TESTS_SIM_MEMORY_H
#define TESTS_SIM_MEMORY_H

#include <stddef.h>

/* Once, before anything else: SQLite too takes its memory here. */
void memory_init(void);

/* Memory of the simulation itself, not of a process: as realloc, never NULL; and free. */
void *memory_grow(void *block, size_t length);
void memory_release(void *block);

/* The same, zeroed, for as long as the seed lasts. */
void *memory_lasting(size_t length);
char *memory_lasting_name(const char *name);
void memory_lasting_end(void);

#endif
