/*
 * The heap of a simulated process. What one has freed it is given again; all of it goes with the
 * process at once, for little, and the next process has it. With AddressSanitizer each block is one
 * of the system's, so that what is wrong is seen.
 */
#ifndef TESTS_SIM_HEAP_H
#define TESTS_SIM_HEAP_H

#include <stddef.h>

struct heap;

/* Of the process that runs; made where there is none yet. And that of the simulation itself, which
 * is that of no process, too. */
struct heap *heap_now(void);
struct heap *heap_own(void);

/* `alignment` is a power of two. NULL where there is no memory. */
void *heap_take(struct heap *heap, size_t alignment, size_t length);

/* Whichever heap it is of. NULL is allowed. */
void heap_give(void *block);

/* What it has room for. */
size_t heap_room(const void *block);

/* All of it goes. */
void heap_end(struct heap *heap);

#endif
