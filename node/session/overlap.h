/*
 * What two manifests have in common: files of the same path, size and time of modification. Both
 * are in one order, so one walk through both finds all of it, one batch of each at a time.
 */
#ifndef NODE_SESSION_OVERLAP_H
#define NODE_SESSION_OVERLAP_H

#include "base/fail.h"
#include "node/session/catalog.h"
#include "proto/manifest.h"

#include <stdint.h>

/* Plain value; filled by its user but for what begins at `old_at`, which is zero at first. */
struct overlap {
    struct catalog *old; /* borrowed, as the other: used by nobody else meanwhile */
    struct catalog *new;
    uint32_t old_entries;
    uint32_t new_entries;
    uint32_t old_at;
    uint32_t new_at;
};

/* A file as it stands in each; valid until the next call. */
struct overlap_pair {
    const struct manifest_item *old;
    const struct manifest_item *new;
};

/* Fills *pair with the next one, or with NULL where there is no more. 0 or as catalog_by_entry().
 */
int overlap_next(struct overlap *overlap, struct overlap_pair *pair, struct fail *fail);

#endif
