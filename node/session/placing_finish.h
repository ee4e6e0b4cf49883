/*
 * What is staged becomes what is placed: links, attributes, modes and times of everything that is
 * delivered, and all of it durable. Up to here everything can be done again. One thread; blocks.
 */
#ifndef NODE_SESSION_PLACING_FINISH_H
#define NODE_SESSION_PLACING_FINISH_H

#include "base/fail.h"
#include "node/session/placing.h"

#include <stdint.h>

/* *lacking: entries that did not get all of their attributes. Adds what the file system does not
 * take to placing->failed, and what is left out to its marks. Crash point finished. Returns as
 * placing_run(). */
int placing_finish(const struct placing *placing, uint32_t *lacking, struct fail *fail);

#endif
