/*
 * The entries of a transfer that were not moved since the destination has them, as numbers: a file
 * in the staging, for whoever places what is left after an interruption.
 */
#ifndef FILES_SKIPPED_H
#define FILES_SKIPPED_H

#include "base/fail.h"
#include "base/rangeset.h"
#include "files/staging.h"

/* Writes the set in place of any other, durably. 0; STAGING_NO_SPACE; negative with `fail` filled.
 */
int skipped_write(const struct staging *staging, const struct rangeset *entries, struct fail *fail);

/* Adds what was written to `entries`. 0; STAGING_NONE where nothing was; negative with `fail`
 * filled: -EBADMSG where it is not what was written. */
int skipped_read(const struct staging *staging, struct rangeset *entries, struct fail *fail);

#endif
