/*
 * What must hold, whatever happens: looked at while the simulation runs, where the program makes a
 * promise and where a disk has lost something, and at the end.
 */
#ifndef TESTS_SIM_WATCH_H
#define TESTS_SIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lanes that nodes are configured with at most; their batch is smaller than as many chunks. */
#define WATCH_LANES 4u

struct machine;

/* A new seed: what lies in /src of `sender` is sent, and arrives in /files of `receiver`. What is
 * there already stays as it is. */
void watch_begin(struct machine *sender, struct machine *receiver);

/* The command was told that the transfer is queued; that nothing came of it, which must not be once
 * it is queued; that it is delivered. */
void watch_queued(uint64_t number);
void watch_refused(int status, const char *text);
void watch_delivered(void);

/* At any time: what is under final names is whole, and no promise is broken. */
void watch_look(void);

/* At any time, for little: the same if anything changed there. */
void watch_glance(void);

/* Whether nothing is left that should go. */
bool watch_is_tidy(void);

/* At the end: everything arrived, once. */
void watch_end(void);

/* A promise is broken: says so, once for a seed. */
void watch_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What was broken in this seed; NULL for nothing. */
const char *watch_failure(void);

#endif
