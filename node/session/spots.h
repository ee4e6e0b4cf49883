/*
 * Where the entries of a delivered transfer lie: at the sender below the paths that were sent, at
 * the receiver in the directory for received files, under the names that they were given there. One
 * thread; blocks on the file system. No symbolic link is followed but one that the user named.
 */
#ifndef NODE_SESSION_SPOTS_H
#define NODE_SESSION_SPOTS_H

#include "files/items.h"
#include "files/receipt.h"
#include "proto/manifest.h"

#include <stdbool.h>

struct spots;

/* At the sender: below `items`. At the receiver: below the directory `destination`, with the names
 * in `marks`. All borrowed. 0 or -ENOMEM. */
int spots_new_sent(struct spots **out, const struct items *items);
int spots_new_received(struct spots **out, int destination, const struct receipt_marks *marks);
void spots_free(struct spots *spots);

/* A name in a directory, for calls like openat; both valid until the next spots_find(). */
struct spot {
    int parent; /* AT_FDCWD for a path of the user's own */
    const char *name;
    bool follow; /* it may be a symbolic link that is followed */
};

/* Where an entry is; at the receiver they come in ascending order. 0, or -errno: -ELOOP, -ENOTDIR,
 * -EXDEV where a symbolic link stands in the way. */
int spots_find(struct spots *spots, const struct manifest_item *item, struct spot *spot);

/* Opens what is at `spot` for reading where that is a file: anything else is not opened. A
 * descriptor, -EBADF where it is no file, or -errno. */
int spots_open(const struct spot *spot);

/* The path of the entry that was looked for last as it is here, where that is not the one it was
 * sent under; NULL where it is. *length bytes, valid until the next spots_find(). */
const char *spots_path_here(const struct spots *spots, size_t *length);

#endif
