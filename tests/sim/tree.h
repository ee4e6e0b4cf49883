/* Looking at simulated disks from outside, and filling them: nothing of this is a call of the
 * simulated system. */
#ifndef TESTS_SIM_TREE_H
#define TESTS_SIM_TREE_H

#include "tests/sim/disk.h"

#include <stdbool.h>
#include <stdint.h>

/* What a path (from the root, without the slash) leads to, or NULL. */
struct inode *tree_find(struct inode *root, const char *path);

/* Makes a directory, and those above it. */
struct inode *tree_make(struct disk *disk, const char *path);

/* Makes a file of this text in a directory that is there. */
void tree_write(struct disk *disk, const char *directory, const char *name, const char *text);

/* Copies what has a name in one directory to another one, where it is free: with times, modes,
 * holes and the hard links within it. */
void tree_copy(struct inode *from, const char *name, struct inode *to);
void tree_copy_all(struct inode *from, struct inode *to);

/* Whether two files have the same `length` bytes at `offset`, the first one all of them. */
bool tree_same_bytes(struct inode *one, struct inode *other, uint64_t offset, uint64_t length);

/* Whether two files, directories with all that is in them, or links are the same. */
bool tree_same(struct inode *one, struct inode *other);

/* All that is below, one a line. */
void tree_print(struct inode *root, unsigned depth);

#endif
