/*
 * Trees of files for the tests of sessions: made, compared, removed.
 */
#ifndef TESTS_SESSION_TREE_H
#define TESTS_SESSION_TREE_H

#include <stddef.h>
#include <stdint.h>

/* Writes a file of `size` bytes that depend on `seed`, and gives it a time in the past. */
void tree_file(const char *directory, const char *name, size_t size, unsigned seed, unsigned mode);

/* Makes a directory; it may be there. */
void tree_directory(const char *directory, const char *name, unsigned mode);

/* A tree `name` with everything that can be in one: empty and large files around the size of a
 * chunk, nested directories, modes, links, names of odd bytes. */
void tree_of_everything(const char *directory, const char *name);

/* `count` small files in a few directories below `name`. */
void tree_of_many(const char *directory, const char *name, unsigned count);

/* Fails the test where the two differ in names, kinds, contents, modes, times or targets. */
void tree_compare(const char *a, const char *b);

/* Entries directly in a directory, "." and ".." not counted; -1 where it is not there. */
int tree_count(const char *directory);

/* Removes it and all below. */
void tree_remove(const char *path);

#endif
