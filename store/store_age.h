/*
 * How old things are that are kept for a time (store_expire.h). The wall clock cannot be trusted
 * with that alone: a machine without a battery for it begins in 1970 and is told the time later,
 * and anybody may set it to another year. So what lies between two looks at the clock counts for
 * STORE_AGE_LEAP_S at most, be it that the clock was set or that the node was not running: the
 * times that tell an age move along with the rest, `changed` and `finished` of every transfer and
 * `created` of an offer that waits. Results as in store.h.
 */
#ifndef STORE_STORE_AGE_H
#define STORE_STORE_AGE_H

#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

/* Half of the shortest time that anything is kept. */
#define STORE_AGE_LEAP_S (12 * 3600)

/* A look at the clock, in one commit; at start and at least once an hour, before store_expire() of
 * the same `now`. The `count` transfers in `busy` are being worked on: they are as of `now`. *leap:
 * by how many seconds times moved. Until the next call nothing is recorded under an earlier time
 * than `now`. */
int store_age(struct store *store, int64_t now, const uint64_t *busy, size_t count, int64_t *leap,
              struct fail *fail);

#endif
