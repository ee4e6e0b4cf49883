/*
 * The top-level items of a transfer on its sending side: the paths that the user named, each with
 * the base name that it gets at the receiver, sorted by that name. Immutable once made; any thread
 * may read it.
 */
#ifndef FILES_ITEMS_H
#define FILES_ITEMS_H

#include "base/fail.h"

#include <stddef.h>

struct items;

/* One item; plain value, borrowed from its list. */
struct item {
    const char
        *path; /* absolute, terminated, without trailing '/'; may itself be a symbolic link */
    const char *name; /* base name, terminated */
    size_t name_length;
};

/*
 * Makes the list from `count` absolute paths (terminated, copied). The name is the last component
 * as it was given; where that is "." or "..", the path is resolved first. Nothing else is looked at
 * on the disk. May block on the file system for such paths only. 0; or fills `fail` and returns
 * negative: not absolute, a name that is none ("/") or too long, two paths of one base name, no
 * path at all.
 */
int items_new(struct items **out, const char *const *paths, size_t count, struct fail *fail);
void items_free(struct items *items);

size_t items_count(const struct items *items);
struct item items_get(const struct items *items, size_t index);

/* The item that the manifest path `path` (`length` bytes) belongs to, by its first component; one
 * with a NULL name where there is none. */
struct item items_find(const struct items *items, const char *path, size_t length);

#endif
