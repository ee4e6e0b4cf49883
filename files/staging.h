/*
 * The staging directory of one incoming transfer, DEST/.fxnode/NUMBER/ (0700):
 *
 *   lock      held with flock as long as the staging is open: one session at a time
 *   manifest  the agreed manifest; there only when whole and synced (manifest.part until then)
 *   hashes    see files/hashes.h
 *   tree/     the files under their final relative names
 *
 * The order, and never another: the manifest is durable before anything of the tree; directories
 * are durable before an extent of a file in them; data and its hashes are durable
 * (staging_sync_batch) before extents are committed. A sync that fails is never repeated: what it
 * covered is forgotten by the caller and sent again over a newly opened staging.
 *
 * A `struct staging` is shared by the threads of a session: functions may be called from any thread
 * unless they say otherwise. Each lane has a `struct stage_writer` of its own
 * (files/stage_writer.h). Everything blocks on the file system.
 */
#ifndef FILES_STAGING_H
#define FILES_STAGING_H

#include "base/fail.h"
#include "files/destination.h"
#include "files/hashes.h"

#include <stdbool.h>
#include <stdint.h>

struct staging;

/* Outcomes shared by everything that works on a staging. */
enum staging_outcome {
    STAGING_OK = 0,
    STAGING_NONE = 1,     /* it is not there */
    STAGING_BUSY = 2,     /* another process holds its lock */
    STAGING_NO_SPACE = 3, /* disk or quota is full: pause and try again later */
    STAGING_BAD_NAME = 4, /* the destination's file system does not take such a name */
    STAGING_DIFFERS = 5,  /* content or kind is not what the manifest or the hashes say */
};

/*
 * Opens the staging of transfer `number` and takes its lock without waiting. With `create` what is
 * missing is made (not yet durable: staging_manifest_commit makes it so). `destination` is borrowed
 * and outlives it. 0; STAGING_NONE (without `create`), STAGING_BUSY, STAGING_NO_SPACE, with `fail`
 * filled; negative with `fail` filled.
 */
int staging_open(struct staging **out, const struct destination *destination, uint64_t number,
                 bool create, struct fail *fail);

/* Closes and unlocks; nothing is removed. All its writers must be closed before. */
void staging_close(struct staging *staging);

const struct destination *staging_destination(const struct staging *staging);

/* NUMBER/ and NUMBER/tree, borrowed, readable. */
int staging_fd(const struct staging *staging);
int staging_tree_fd(const struct staging *staging);

/* "DEST/.fxnode/NUMBER", escaped, for messages. */
const char *staging_shown(const struct staging *staging);

struct hashes *staging_hashes(struct staging *staging);

/* Whether holes need no room there: looked for with a file that is made and removed again. False
 * also where that fails. */
bool staging_keeps_holes(const struct staging *staging);

/* Starts a new manifest: *fd (owned by the caller) is an empty file to write it into. What an
 * earlier try left is gone. 0; STAGING_NO_SPACE; negative. */
int staging_manifest_create(struct staging *staging, int *fd, struct fail *fail);

/* Makes the manifest written into `fd` (still open, borrowed) the manifest, durable with everything
 * above it. Crash point manifest-synced. 0; STAGING_NO_SPACE; negative. */
int staging_manifest_commit(struct staging *staging, int fd, struct fail *fail);

/* Opens the committed manifest for reading, durable as staging_manifest_commit makes it; *fd is the
 * caller's. 0; STAGING_NONE; negative. */
int staging_manifest_open(struct staging *staging, int *fd, struct fail *fail);

/* Makes the directories made so far durable (stage_writer_directory). To be called once, after the
 * last one and before the first extent is committed. 0; STAGING_NO_SPACE; negative. */
int staging_sync_directories(struct staging *staging, struct fail *fail);

/*
 * Makes durable everything that writers had finished writing, and hashes that had been set, when it
 * was called: up to STAGING_SYNC_FILES files one by one with their directories, else the whole
 * file system. Writers may go on meanwhile. One caller at a time. So, for extents collected by
 * lanes: take the collected extents, call this, commit what was taken. Crash points batch-written
 * (before) and batch-synced (after). 0; STAGING_NO_SPACE; negative.
 */
int staging_sync_batch(struct staging *staging, struct fail *fail);

#define STAGING_SYNC_FILES 64

#endif
