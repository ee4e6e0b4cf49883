/*
 * Placing: finished top-level items move from the staging tree to their final names in the
 * destination, each with one rename, and never over an existing name.
 *
 *   place_choose for every item -> commit names and inodes (PLACING) -> place_item for each
 *   (PLACE_TAKEN: commit the new name, again) -> place_sync -> commit DONE -> clean_staging
 *
 * After a crash in between: place_item again for every committed item; whatever had been done is
 * recognised by inode. One thread. Blocks.
 */
#ifndef FILES_PLACE_H
#define FILES_PLACE_H

#include "base/entry.h"
#include "base/fail.h"
#include "base/limits.h"
#include "files/staging.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A top-level item; plain value. The caller fills name, type, mode and `linked` from the manifest;
 * for recovery also the rest, from what was committed. */
struct place_item {
    const char *name; /* in the manifest; not terminated, borrowed */
    size_t name_length;
    enum entry_type type;
    uint32_t mode;
    uint64_t device; /* of the staged item */
    uint64_t inode;
    bool linked; /* the transfer has hard links, so another item may be the same file: what has its
                  * inode need not be this item */
    char final[LIMIT_COMPONENT + 1]; /* name in the destination, terminated */
};

enum place_outcome {
    PLACE_DONE = 0,
    PLACE_TAKEN = 1,    /* somebody has the name meanwhile; `final` is another one that is free */
    PLACE_MISSING = 2,  /* the item is not staged */
    PLACE_NO_SPACE = 3, /* the destination directory cannot grow: try again later */
};

/* Fills device, inode and final: the item's own name where it is free, else "NAME (2).EXT" and so
 * on, but none that another staged item has. Renames nothing. PLACE_DONE; PLACE_MISSING; negative
 * with `fail` filled. */
int place_choose(struct staging *staging, struct place_item *item, struct fail *fail);

/* Renames the item to item->final, or finds it renamed before, and gives a top-level directory its
 * mode. Crash point renamed. An outcome, with `fail` filled for PLACE_NO_SPACE; PLACE_MISSING where
 * the item is in neither place: it was renamed and taken away since, or the staging is lost.
 * Negative with `fail` filled. */
int place_item(struct staging *staging, struct place_item *item, struct fail *fail);

/* Makes the renames durable. 0; negative with `fail` filled. */
int place_sync(struct staging *staging, struct fail *fail);

#endif
