/*
 * What must hold, whatever happens: looked at while the simulation runs, where the program makes a
 * promise and where a disk has lost something, and at the end.
 */
#ifndef TESTS_SIM_WATCH_H
#define TESTS_SIM_WATCH_H

#include "tests/sim/order.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lanes that nodes are configured with at most; their batch is smaller than as many chunks. */
#define WATCH_LANES 4u

struct machine;

/* A new seed, with its orders (order.h): what they send arrives in /files of its machine. What is
 * there already stays as it is, or is replaced where it is so configured. */
void watch_begin(struct machine *const machines[2]);

/* A command was told that its transfer is queued; that nothing came of it, which must not be once
 * it is queued; that it is delivered; that it is cancelled, which somebody must have asked for; and
 * what `verify` found. */
void watch_queued(struct order *order, uint64_t number);
void watch_refused(struct order *order, int status, const char *text);
void watch_delivered(struct order *order, int status, const char *text);
void watch_cancelled(struct order *order, const char *text);
void watch_verified(struct order *order, int status);

/* Somebody cancels it now: what was durable need not stay. */
void watch_given_up(struct order *order);

/* The session that runs has a transfer's offer. */
void watch_offered(const void *id, size_t length);

/* At any time: what is under final names is whole, and no promise is broken. */
void watch_look(void);

/* At any time, for little: the same if any name changed on that machine. */
void watch_glance(const struct machine *machine);

/* Whether nothing is left that should go. */
bool watch_is_tidy(void);

/* At the end: everything arrived, once. */
void watch_end(void);

/* A promise is broken: says so, once for a seed. */
void watch_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What was broken in this seed; NULL for nothing. */
const char *watch_failure(void);

#endif
