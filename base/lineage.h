/*
 * The transfers that one has replaced, so that it can have what they left behind: ids, newest
 * first. Who replaces a transfer replaces also what that one had replaced, for the peer may never
 * have heard of those in between.
 */
#ifndef BASE_LINEAGE_H
#define BASE_LINEAGE_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Plain value; all zero: it has replaced none. */
struct lineage {
    uint8_t ids[LIMIT_LINEAGE][LIMIT_TRANSFER_ID];
    size_t count;
};

/* Adds the next older one (LIMIT_TRANSFER_ID bytes). Beyond LIMIT_LINEAGE nothing is added. */
void lineage_add(struct lineage *lineage, const uint8_t *id);

/* The lineage of what replaces the transfer `id`, whose own is `before`. */
struct lineage lineage_of(const uint8_t *id, const struct lineage *before);

bool lineage_has(const struct lineage *lineage, const uint8_t *id);

#endif
