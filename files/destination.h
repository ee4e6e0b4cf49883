/*
 * A directory for received files, opened: DEST, and in it the staging area DEST/.fxnode (0700).
 *
 * DEST may be, or lie behind, a symbolic link; below it none is followed. Immutable once open: any
 * thread may use it. Whoever has it open holds a shared lock on the area, so that it is not
 * removed.
 */
#ifndef FILES_DESTINATION_H
#define FILES_DESTINATION_H

#include "base/fail.h"

#include <stdbool.h>
#include <stdint.h>

#define DESTINATION_AREA ".fxnode"

struct destination;

/* Opens `path` (absolute) with all missing directories made (0777 less umask), and the staging area
 * in it. 0; or fills `fail` and returns negative: not a directory, not writable, an area that is
 * not a directory of this user's own. Blocks. */
int destination_open(struct destination **out, const char *path, struct fail *fail);
void destination_close(struct destination *destination);

/* Test hook: from now on do without openat2 and renameat2, as on a system that lacks them. Before
 * anything else is opened from it. */
void destination_without_new_calls(struct destination *destination);
bool destination_lacks_new_calls(const struct destination *destination);

/* The directory and the area, borrowed, readable (not O_PATH). */
int destination_fd(const struct destination *destination);
int destination_area_fd(const struct destination *destination);

/* The path as given, for messages; escaped. */
const char *destination_shown(const struct destination *destination);

/* Removes the area where it is empty and no other process has the destination open. */
void destination_drop_area(const struct destination *destination);

/* Bytes that this user may still write there. 0 or -errno. */
int destination_free_bytes(const struct destination *destination, uint64_t *bytes);

#endif
