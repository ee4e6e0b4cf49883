/*
 * Reading what is sent, and noticing when it is no longer what the walk saw.
 *
 * A `struct source` belongs to one thread (a lane): it keeps the file opened last and its directory
 * open. All calls block on the file system.
 */
#ifndef FILES_SOURCE_H
#define FILES_SOURCE_H

#include "base/entry.h"
#include "base/fail.h"
#include "files/holes.h"
#include "files/items.h"
#include "files/stamps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;

/* How an entry compares with what the walk saw. */
enum source_outcome {
    SOURCE_SAME = 0,
    SOURCE_SOFT = 1, /* only device, inode or change time differ: content must be read again and
                        compared with the hashes of what was sent */
    SOURCE_CHANGED =
        2, /* type, size, modification time or link target differ, or a read fell short */
    SOURCE_VANISHED = 3,
    SOURCE_UNREADABLE = 4,
};

/* Whether an outcome is SAME or SOFT. */
bool source_may_be_sent(int outcome);

/* `items` is borrowed. 0 or -ENOMEM. */
int source_new(struct source **out, const struct items *items);
void source_free(struct source *source);

/*
 * Looks at `entry` by its path as it is now. A directory counts as unchanged while it is one; a
 * symbolic link while it has its target. Returns an outcome; other than SAME and SOFT, `fail` says
 * what and why. Negative for our own faults (no memory, no descriptors).
 */
int source_check(struct source *source, const struct entry *entry, const struct stamp *stamp,
                 struct fail *fail);

/* The same for a hard link: it counts as unchanged while it and the file `original`, which it is
 * another name of, are one. */
int source_check_hardlink(struct source *source, const struct entry *entry,
                          const struct entry *original, struct fail *fail);

/*
 * Reading a chunk of a file that is not empty, in as many pieces as the caller likes: a begin, any
 * reads, an end. What was read in between is content of the entry where the end says SAME, and
 * probably so where it says SOFT; after anything else, from any of the three, no file may be made
 * of it. All return as source_check().
 */

/* Opens the file, compares it with what the walk saw, and finds the holes of chunk `number`. */
int source_begin(struct source *source, const struct entry *entry, const struct stamp *stamp,
                 uint64_t number, struct holes_map *map, struct fail *fail);

/* Reads `length` bytes at `offset` of the file that was begun with. */
int source_read(struct source *source, const struct entry *entry, uint64_t offset, void *data,
                size_t length, struct fail *fail);

/* Compares the file that was begun with again. */
int source_end(struct source *source, const struct entry *entry, const struct stamp *stamp,
               struct fail *fail);

/* Closes the files that are kept open, for a lane that will be idle. */
void source_rest(struct source *source);

#endif
