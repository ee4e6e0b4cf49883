/*
 * Files with several names, of which one has been met on a walk and others have not: so that each
 * is an entry once and its other names are hard links. A file is forgotten with its last name, so
 * memory grows only with those that wait for one: 16 bytes each, in tables that are at most three
 * quarters full.
 *
 * One thread at a time; nothing blocks.
 */
#ifndef FILES_INODES_H
#define FILES_INODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct inodes;

/* 0 or -ENOMEM. */
int inodes_new(struct inodes **out);
void inodes_free(struct inodes *inodes);

/* Whether the file that `st` describes was added before; *entry is what it was added as. One more
 * of its names has been met then. */
bool inodes_find(struct inodes *inodes, const struct stat *st, uint32_t *entry);

/* Adds a file that inodes_find did not find, as `entry`. One with a single name is not kept. 0 or
 * -ENOMEM. */
int inodes_add(struct inodes *inodes, const struct stat *st, uint32_t entry);

/* How many files still wait for a name. */
size_t inodes_waiting(const struct inodes *inodes);

#endif
