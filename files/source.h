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

#include <stdint.h>

struct source;

/* A chunk as it was read. `data` is the caller's room of LIMIT_CHUNK bytes. */
struct source_chunk {
    uint8_t *data;
    uint32_t length;
    struct holes_map map; /* of its `length` bytes */
};

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
 * Reads chunk `number` of a file into chunk->data, holes as zeros, then compares the open file with
 * what the walk saw. A chunk that is one hole (holes_is_all) is not read, and chunk->data stays as
 * it was. The data and the holes are those of the entry when the outcome is SAME, and probably so
 * when it is SOFT; otherwise they must not be sent. Returns as source_check. An empty file has one
 * chunk of 0 bytes, and is looked at without being opened.
 */
int source_read(struct source *source, const struct entry *entry, const struct stamp *stamp,
                uint64_t number, struct source_chunk *chunk, struct fail *fail);

/* Makes *chunk the only one of an empty file. */
void source_nothing(struct source_chunk *chunk);

/* Closes the files that are kept open, for a lane that will be idle. */
void source_rest(struct source *source);

#endif
