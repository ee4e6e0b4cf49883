/*
 * Removing a staging directory, and exactly that: nothing outside it, nothing through a symbolic
 * link, nothing on another file system that is mounted below it.
 */
#ifndef FILES_CLEAN_H
#define FILES_CLEAN_H

#include "base/fail.h"
#include "files/staging.h"

/* Removes everything of `staging`, whose lock is held, then the area where it is empty, durably.
 * Afterwards only staging_close is allowed. Can be repeated (staging_open again) after an
 * interruption; the lock goes last. One thread. Blocks. 0; negative with `fail` filled. */
int clean_staging(struct staging *staging, struct fail *fail);

/* What is left to do where the staging directory is gone already: removes the area where it is
 * empty, durably. 0; negative with `fail` filled. */
int clean_area(const struct destination *destination, struct fail *fail);

/* As clean_staging, but leaves the staging directory itself and its lock, for another beginning:
 * staging_close and staging_open again. */
int clean_contents(struct staging *staging, struct fail *fail);

#endif
