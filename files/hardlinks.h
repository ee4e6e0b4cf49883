/*
 * Hard links in a staged tree. They are made when the content of all files is complete and before
 * any directory has its final mode, which may forbid to search it.
 *
 * A `struct hardlinks` belongs to one thread. All calls block on the file system.
 */
#ifndef FILES_HARDLINKS_H
#define FILES_HARDLINKS_H

#include "base/entry.h"
#include "files/staging.h"

struct hardlinks;

/* `staging` is borrowed. 0 or -ENOMEM. */
int hardlinks_new(struct hardlinks **out, struct staging *staging);
void hardlinks_free(struct hardlinks *hardlinks);

enum hardlinks_outcome {
    HARDLINKS_MADE = 0,
    HARDLINKS_UNSUPPORTED = 1, /* not there: the file system makes no such link, or no more of it */
};

/* Makes `entry` another name of the staged file of `original`, or finds that it is one. Whatever
 * else has the name in the staging goes, but a directory. An outcome or -errno; -EEXIST where
 * `original` is not staged as a file of its size. */
int hardlinks_make(struct hardlinks *hardlinks, const struct entry *entry,
                   const struct entry *original);

/* Copies the content of the staged file of `original`, with its holes, to the name of `entry`,
 * where nothing is. The new file, open for writing and to be closed by the caller, or -errno. */
int hardlinks_copy(struct hardlinks *hardlinks, const struct entry *entry,
                   const struct entry *original);

#endif
