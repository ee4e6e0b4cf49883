/*
 * Figures for people.
 */
#ifndef NODE_COMMON_HUMAN_H
#define NODE_COMMON_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_ROOM 32

/* "999 B", "1.2 kB", "45 MB": powers of 1000, two significant digits or more. Returns `out`. */
char *human_bytes(char out[HUMAN_ROOM], uint64_t bytes);

/* "0:07", "12:34", "3:04:05". Returns `out`. */
char *human_duration(char out[HUMAN_ROOM], uint64_t seconds);

/* Local time, "2026-05-01 12:00"; "-" for 0. Returns `out`. */
char *human_time(char out[HUMAN_ROOM], int64_t seconds);

#endif
