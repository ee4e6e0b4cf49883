/*
 * Placing a staged tree into one of the same name that exists, entry by entry in manifest order.
 *
 *   nothing has the name        the entry moves there, a directory with all that is in it
 *   both are directories        the one that exists stays as it is; what is in the staged one
 *                               follows
 *   a file of that size and     stays; the staged one is of no use
 *   modification time, or a
 *   link to the same target
 *   another file                is replaced, where that is wanted: by one rename of what has been
 *                               durable before, so that the name always has a whole file
 *   anything else               is left alone, and the entry gets a name beside it: "name (2)"
 *
 * What is staged is not placed yet, and what is not was placed: so after an interruption all of it
 * is done again from the first entry on. No symbolic link is followed, nothing that exists is
 * opened or removed, and what the manifest does not name is not touched. Nothing goes into a
 * directory that the destination bars, or into one where something is mounted; a file of another
 * user is not replaced, for then it would be ours.
 *
 * A hard link is given as a file, with the size and time of its original. One thread. Blocks.
 */
#ifndef FILES_MERGE_H
#define FILES_MERGE_H

#include "base/entry.h"
#include "base/fail.h"
#include "base/limits.h"
#include "files/staging.h"

#include <stdbool.h>

struct merge;

enum merge_outcome {
    MERGE_PLACED = 0,   /* nothing had the name: moved, a directory with all that is in it */
    MERGE_SAME = 1,     /* the same file or link is there: it stays */
    MERGE_REPLACED = 2, /* another file was there and is replaced */
    MERGE_INSIDE = 3,   /* a directory is there and stays: the entries in it follow */
    MERGE_GONE = 4,     /* nothing is staged: it was placed before */
    MERGE_UNFIT = 5,    /* what is there stays: see merge_beside */
    MERGE_NO_SPACE = 6,
};

/* `replaces`: files that differ are replaced. `staging` is borrowed. 0 or -ENOMEM. */
int merge_new(struct merge **out, struct staging *staging, bool replaces);
void merge_free(struct merge *merge);

/* Whether the destination has a directory under the path of `entry`, a directory, that what is in
 * it would go into. */
bool merge_enters(struct merge *merge, const struct entry *entry);

/* Whether the destination has a file under the path of `entry`, a file, with its size and time. Of
 * an entry whose directories merge_enters() all. */
bool merge_has(struct merge *merge, const struct entry *entry);

/* What merge_entry() would come to now. An outcome; negative with `fail` filled. */
int merge_look(struct merge *merge, const struct entry *entry, struct fail *fail);

/* Places the entry. Crash point merged, after each that has moved. An outcome, with `fail` filled
 * for MERGE_NO_SPACE; negative with `fail` filled. */
int merge_entry(struct merge *merge, const struct entry *entry, struct fail *fail);

/* Places the entry in the directory where it belongs under the first free name "NAME (2)" and so
 * on, which `final` becomes; never one that is staged beside it, for that is still to come. Crash
 * point merged. MERGE_PLACED; MERGE_GONE; MERGE_NO_SPACE; negative. */
int merge_beside(struct merge *merge, const struct entry *entry, char final[LIMIT_COMPONENT + 1],
                 struct fail *fail);

/* Makes all of it durable, and what was placed by renames before. 0; negative with `fail` filled.
 */
int merge_sync(struct merge *merge, struct fail *fail);

#endif
