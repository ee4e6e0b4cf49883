/*
 * Relative paths as they stand in a manifest, judged as text. Names are bytes: anything but NUL
 * and '/' is legal in a component. What touches the file system is in files/.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Why a path is not acceptable, as a few words for people; NULL where it is: 1 to LIMIT_PATH bytes,
 * 1 to LIMIT_DEPTH components of 1 to LIMIT_COMPONENT bytes, none "." or "..", no leading, trailing
 * or double '/', no NUL. `path` need not be terminated. */
const char *path_fault(const char *path, size_t length);

/* The directory in which what is coming in is kept until it is whole. What is in it is trusted to
 * be our own, so no peer may bring a directory of that name, however deep. */
#define PATH_AREA ".fxnode"

/* Whether the last component of `path` is that name. */
bool path_is_area(const char *path, size_t length);

/* The same as path_fault() for a directory of one peer's own below that for received files: no
 * component may be PATH_AREA either. */
const char *path_directory_fault(const char *path, size_t length);

/* The order of a manifest: a directory before what is in it, siblings by their bytes. That is byte
 * order with '/' below every other byte. Less than, equal to or greater than 0. */
int path_compare(const char *a, size_t a_length, const char *b, size_t b_length);

/* Length of the parent of `path` ("a/b/c" -> 3); 0 where it is top-level. */
size_t path_parent(const char *path, size_t length);

/* Length of the first component. */
size_t path_top(const char *path, size_t length);

/* Whether `path` is in the directory `top`, however deep. Nothing is where `top` is empty. */
bool path_is_below(const char *path, size_t length, const char *top, size_t top_length);

/* Whether a symbolic link can have this target, wherever that leads: 1 to LIMIT_PATH bytes, no NUL.
 */
bool path_is_target(const char *target, size_t length);

/* Whether a symbolic link at `path` (relative, as in a manifest) with `target` stays inside the
 * top-level item that it belongs to: a possible target, relative, ".." only at its beginning
 * (behind a name it could climb out through another link) and never above the top-level item. A
 * top-level link may not point anywhere. */
bool path_link_is_inside(const char *path, size_t length, const char *target, size_t target_length);

#endif
