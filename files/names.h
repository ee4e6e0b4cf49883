/*
 * The names in one directory, sorted by their bytes.
 */
#ifndef FILES_NAMES_H
#define FILES_NAMES_H

#include <dirent.h>
#include <stddef.h>

struct names;

/* Reads all names but "." and ".." from `directory` (borrowed, read from where it stands to its
 * end). 0 or -errno. Blocks. */
int names_read(struct names **out, DIR *directory);
void names_free(struct names *names);

size_t names_count(const struct names *names);

/* The name at `index`, terminated, borrowed. */
const char *names_get(const struct names *names, size_t index);

#endif
