/*
 * A file that is written past the page cache where that can be done: the bytes are on their way to
 * the disk when a write returns, the sync that follows has little left to do, and what other
 * programs have in the cache stays there. Only what lies where the file system wants it, in memory
 * and in the file, goes that way; everything else, such as the end of a file, is written as ever.
 *
 * Which way the bytes went makes no difference to what has to follow: a sync of the same
 * descriptor. A plain value; one thread at a time for each descriptor.
 */
#ifndef FILES_DIRECT_H
#define FILES_DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct direct {
    size_t memory; /* what addresses are multiples of; 0: nothing is written directly */
    size_t offset; /* what offsets and lengths are multiples of */
    int flags;     /* of the descriptor's file, as they were */
    bool on;       /* how the descriptor is set now */
};

/* Asks what `fd`, open for writing, a regular file, wants. Nothing is written directly where it
 * does not say: not before Linux 6.1, nor on file systems in memory or on other machines. */
void direct_ask(struct direct *direct, int fd);

/* Writes all of it at `offset`, directly where that is possible. A file system that refuses what it
 * said it takes is not asked again. 0 or -errno. Blocks. */
int direct_write(struct direct *direct, int fd, const void *data, size_t length, uint64_t offset);

/* What comes next, such as reading, goes through the page cache. */
void direct_off(struct direct *direct, int fd);

#endif
