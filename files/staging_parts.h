/*
 * Parts of a staging for the other files of this folder; not for its users.
 */
#ifndef FILES_STAGING_PARTS_H
#define FILES_STAGING_PARTS_H

#include "files/dirty.h"
#include "files/staging.h"

/* The staging's name in the area, terminated. */
const char *staging_parts_name(const struct staging *staging);

/* What was written and is not durable yet. */
struct dirty *staging_parts_dirty(struct staging *staging);

#endif
