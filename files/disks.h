/*
 * Whether what is sent is gone, or the disk that it was on: a file system that is no longer mounted
 * leaves an empty directory of the one below, and everything seems to be deleted. Made before a
 * session is confined; after that any thread may ask. Everything blocks on the file system.
 */
#ifndef FILES_DISKS_H
#define FILES_DISKS_H

#include "files/items.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disks;

/* Notes the file system of each item that is there. `items` is borrowed. 0 or -ENOMEM. */
int disks_new(struct disks **out, const struct items *items);
void disks_free(struct disks *disks);

/* Whether the item that the manifest path `path` belongs to was there when *disks was made, and now
 * another file system is where it was: at its path or, where there is nothing, above. */
bool disks_is_gone(const struct disks *disks, const char *path, size_t length);

/* Whether there is but an empty directory where item `index` should be, or above; then *device is
 * its file system's, as in struct stamp. Where the item had another one its disk is not there. */
bool disks_is_bare(const struct disks *disks, size_t index, uint64_t *device);

#endif
