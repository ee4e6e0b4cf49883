/*
 * Where received files go, as one path that a transfer keeps for as long as it lives:
 *
 *   BASE              the directory for received files
 *   BASE/./DIRECTORY  one below it, for a peer that has its own
 *
 * Symbolic links are followed on the way to BASE, which the user chose, and never below it, where
 * peers put things: so whoever opens it again has to know where BASE ends, whatever is configured
 * by then. "/./" tells, and does not change what a path names. Pure text; no path is looked at.
 */
#ifndef NODE_COMMON_LANDING_H
#define NODE_COMMON_LANDING_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Writes one. `base` is absolute; a "/./" of its own is taken out. `directory` has no
 * path_directory_fault(), or is "" for none. False where that gets too long. */
bool landing_make(char out[PATH_MAX], const char *base, const char *directory);

/* Borrowed from the path that was split. */
struct landing {
    size_t base;           /* how many bytes of it are BASE */
    const char *directory; /* "" for none */
};

struct landing landing_split(const char *path);

/* The same path for people and programs, without "/./". Returns `out`. */
char *landing_plain(char out[PATH_MAX], const char *path);

#endif
