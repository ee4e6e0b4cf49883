/*
 * One lane's hand in a staging tree: makes directories, writes chunks, reads them again. Keeps the
 * file used last and its directory open. One thread each; the staging is shared.
 *
 * Entries are those of the agreed manifest (checked whole: every path has passed path_fault and
 * every parent came before as a directory). All calls block. Outcomes are those of enum
 * staging_outcome; other than 0, `fail` says what and why.
 */
#ifndef FILES_STAGE_WRITER_H
#define FILES_STAGE_WRITER_H

#include "base/entry.h"
#include "base/fail.h"
#include "files/staging.h"

#include <stddef.h>
#include <stdint.h>

struct stage_writer;

/* `staging` is borrowed and outlives it. 0 or -ENOMEM. */
int stage_writer_open(struct stage_writer **out, struct staging *staging);

/* Holes are to be expected. Otherwise larger files get their room as soon as they are made: fewer
 * fragments, and a full disk shows at once. */
void stage_writer_expect_holes(struct stage_writer *writer);
void stage_writer_close(struct stage_writer *writer);

/* Makes the directory of `entry` (0700 until it is finished), or finds it made already. All
 * directories of a manifest are made in its order, then synced, before the first chunk is written.
 * 0; STAGING_NO_SPACE; STAGING_BAD_NAME; negative. */
int stage_writer_directory(struct stage_writer *writer, const struct entry *entry,
                           struct fail *fail);

/*
 * Writes `length` bytes at `offset` of the file of `entry`, making the file when it is not there
 * (exclusively; one that is there must be a regular file of ours with one name). Length 0 makes an
 * empty file. What was written is in the next staging_sync_batch. A file written whole by one call
 * gets its mode and time at once. 0; STAGING_NO_SPACE; STAGING_BAD_NAME; STAGING_DIFFERS where
 * something else has the name; negative.
 */
int stage_writer_write(struct stage_writer *writer, const struct entry *entry, uint64_t offset,
                       const void *data, size_t length, struct fail *fail);

/* As stage_writer_write, for `length` (1 at least) zeros that are a hole: nothing is written where
 * nothing is stored, and what is stored there from before becomes a hole, or zeros where the file
 * system has no holes. The file gets its whole size. */
int stage_writer_hole(struct stage_writer *writer, const struct entry *entry, uint64_t offset,
                      uint64_t length, struct fail *fail);

/* Reads chunk `chunk` of the file of `entry`, which is unit `unit`, and compares it with the hash
 * kept; one that is a hole is not read. `room` is working space of LIMIT_CHUNK bytes. 0;
 * STAGING_DIFFERS also where file or hash is missing; negative. */
int stage_writer_verify(struct stage_writer *writer, const struct entry *entry, uint64_t chunk,
                        uint64_t unit, void *room, struct fail *fail);

/* Removes the staged file of an entry that will not be delivered, or a link that was made when the
 * tree was finished but not placed; it may be missing. 0 or negative. No other writer may be
 * writing that entry. */
int stage_writer_drop(struct stage_writer *writer, const struct entry *entry, struct fail *fail);

/* The same, but only where the file has another name. */
int stage_writer_drop_linked(struct stage_writer *writer, const struct entry *entry,
                             struct fail *fail);

#endif
