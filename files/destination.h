/*
 * A directory for received files, opened: DEST, and in it the staging area DEST/.fxnode (0700).
 *
 * DEST is BASE, or BASE/DIRECTORY for a peer that has a directory of its own. BASE is what the user
 * chose: it may be, or lie behind, a symbolic link. Below it, where peers put things, none is
 * followed. Immutable once open: any thread may use it. Whoever has it open holds a shared lock on
 * the area, so that it is not removed.
 */
#ifndef FILES_DESTINATION_H
#define FILES_DESTINATION_H

#include "base/fail.h"
#include "base/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define DESTINATION_AREA PATH_AREA

struct destination;

/* Opens `directory` (relative; "" for none) below `base` (absolute) with all missing directories
 * made (0777 less umask), and the staging area in it. 0; or fills `fail` and returns negative: not
 * a directory (of `directory` a link is none), not writable, -EINVAL for a `directory` that
 * path_directory_fault() finds fault with, an area that is not a directory of this user's own.
 * Blocks. */
int destination_open(struct destination **out, const char *base, const char *directory,
                     struct fail *fail);
void destination_close(struct destination *destination);

/* Test hook: from now on do without openat2 and renameat2, as on a system that lacks them. Before
 * anything else is opened from it. */
void destination_without_new_calls(struct destination *destination);
bool destination_lacks_new_calls(const struct destination *destination);

/* Closes directories, absolute `paths` as they are now, against what goes into directories that
 * exist: those of other peers may lie below. One that is not there yet is passed over. Before
 * another thread or anything else opened from it uses this. 0 or -ENOMEM. Blocks. */
int destination_bar(struct destination *destination, char *const *paths, size_t count);

/* Whether this is one of them, or the staging area, under whatever name: a file system may take
 * several for the same. */
bool destination_is_barred(const struct destination *destination, const struct stat *directory);

/* The directory and the area, borrowed, readable (not O_PATH). */
int destination_fd(const struct destination *destination);
int destination_area_fd(const struct destination *destination);

/* BASE/DIRECTORY as given, for messages; escaped. */
const char *destination_shown(const struct destination *destination);

/* Removes the area, durably, where it is empty and no other process has the destination open; the
 * last one to close it tries again. 1 where it did, 0 where it stays, -errno. */
int destination_drop_area(const struct destination *destination);

/* Bytes that this user may still write there, or UINT64_MAX where the file system counts none. 0 or
 * -errno. */
int destination_free_bytes(const struct destination *destination, uint64_t *bytes);

#endif
