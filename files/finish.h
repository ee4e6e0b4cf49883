/*
 * Finishing a staged tree: links are made, every file and directory gets its extended attributes,
 * time and mode, and all of it is made durable, so that only renames remain. What was written must
 * have been made durable before (staging_sync_batch).
 *
 *   finish_new -> finish_hardlink for every hard link that is delivered -> finish_entry for every
 *   entry that is delivered, these too, in manifest order -> finish_end
 *
 * Directories get theirs after what is in them, so the times stay. A top-level directory that
 * its owner may not read, write and search keeps those bits until place_item has renamed it. Can be
 * repeated from the start after an interruption. One thread; nobody writes into the staging
 * meanwhile. Blocks.
 *
 * What the file system of the destination does not have is no failure: a hard link becomes a copy,
 * and attributes are left out.
 */
#ifndef FILES_FINISH_H
#define FILES_FINISH_H

#include "base/entry.h"
#include "base/fail.h"
#include "files/staging.h"

#include <stdint.h>

struct finish;

/* Where it says what arrives otherwise than it was sent. `context` is handed through. */
struct finish_sink {
    void *context;
    void (*note)(void *context, const char *line); /* escaped */
};

/* `staging` is borrowed, *sink copied. `copies`: how many bytes copies in place of hard links may
 * have in all, so that they do not fill a disk with what nobody agreed to. 0 or -ENOMEM. */
int finish_new(struct finish **out, struct staging *staging, const struct finish_sink *sink,
               uint64_t copies);
void finish_free(struct finish *finish);

/* Where nothing had been staged before `staging` was opened: all files were written and made
 * durable since. Those that have their mode and time got them before that sync, and are not synced
 * once more. Before the first entry. */
void finish_all_synced(struct finish *finish);

/* Makes a hard link to `original`, a file that is delivered too. Returns as finish_entry;
 * STAGING_DIFFERS also where a copy would have to stand for it that is too much. */
int finish_hardlink(struct finish *finish, const struct entry *entry, const struct entry *original,
                    struct fail *fail);

/* The next delivered entry. What something else put behind the end of a file goes. 0;
 * STAGING_DIFFERS where what is staged is missing, of another kind or too short; STAGING_NO_SPACE;
 * STAGING_BAD_NAME, also for a symbolic link that the file system does not take: nothing is there
 * then, and the next entry may follow; negative. */
int finish_entry(struct finish *finish, const struct entry *entry, struct fail *fail);

/* The next one where that is a directory that was not delivered: something in it may have been.
 * Where nothing is, it goes as soon as its last entry is through. Returns as finish_entry. */
int finish_failed_directory(struct finish *finish, const struct entry *entry, struct fail *fail);

/* After the last entry: the directories still open, then the sync, and what the file system does
 * not have is noted. 0; STAGING_NO_SPACE; negative
 * (then nothing of it counts as durable). */
int finish_end(struct finish *finish, struct fail *fail);

/* How many entries, so far, got not all of their extended attributes. */
uint32_t finish_lacking(const struct finish *finish);

#endif
