/*
 * Finishing a staged tree: symbolic links are made, every file and directory gets its mode and
 * time, and all of it is made durable, so that only renames remain. What was written must have been
 * made durable before (staging_sync_batch).
 *
 *   finish_new -> finish_entry for every entry that is delivered, in manifest order -> finish_end
 *
 * Directories get theirs after what is in them, so the times stay. A top-level directory that
 * its owner may not read, write and search keeps those bits until place_item has renamed it. Can be
 * repeated from the start after an interruption. One thread; nobody writes into the staging
 * meanwhile. Blocks.
 */
#ifndef FILES_FINISH_H
#define FILES_FINISH_H

#include "base/entry.h"
#include "base/fail.h"
#include "files/staging.h"

struct finish;

/* `staging` is borrowed. 0 or -ENOMEM. */
int finish_new(struct finish **out, struct staging *staging);
void finish_free(struct finish *finish);

/* The next delivered entry. 0; STAGING_DIFFERS where what is staged is missing, of another kind or
 * of another size; STAGING_NO_SPACE; STAGING_BAD_NAME; negative. */
int finish_entry(struct finish *finish, const struct entry *entry, struct fail *fail);

/* After the last entry: the directories still open, then the sync. 0; STAGING_NO_SPACE; negative
 * (then nothing of it counts as durable). */
int finish_end(struct finish *finish, struct fail *fail);

#endif
