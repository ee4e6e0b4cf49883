/*
 * Extended attributes of files and directories, those of the namespace "user" alone, always by
 * descriptor. All calls block on the file system.
 */
#ifndef FILES_ATTRIBUTES_H
#define FILES_ATTRIBUTES_H

#include "base/entry.h"

#include <stddef.h>

/* Room for the attributes of one file, about 300 KB; one thread at a time. */
struct attributes;

/* 0 or -ENOMEM. */
int attributes_new(struct attributes **out);
void attributes_free(struct attributes *attributes);

/* Told of an attribute that could not be read; `name` is foreign and not escaped, `reason` a few
 * words for people. */
typedef void attributes_lost(void *context, const char *name, const char *reason);

/* Reads what `fd` (opened for reading) has, within the limits of an entry, and puts it into
 * `entry`, where it is valid until the next call; `lost` is told of what does not fit or cannot be
 * read. Where the file system has no attributes there are none. */
void attributes_read(struct attributes *attributes, int fd, struct entry *entry,
                     attributes_lost *lost, void *context);

enum attributes_outcome {
    ATTRIBUTES_SET = 0,
    ATTRIBUTES_UNSUPPORTED = 1, /* the file system has none */
    ATTRIBUTES_NOT_TAKEN = 2,   /* it refuses some; the others are set */
    ATTRIBUTES_NO_ROOM = 3,     /* not all of them fit into one file; those that do are set */
};

/* Sets the attributes of `entry` on `fd`, whose owner may write. An outcome or -errno; -ENOSPC and
 * -EDQUOT only where the file system is full. */
int attributes_set(int fd, const struct entry *entry);

/* Removes all that `fd` has, which its owner may write by then if there are any. 0 or -errno. */
int attributes_drop(int fd);

#endif
