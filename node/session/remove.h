/*
 * REMOVE: what its parts share. One thread; blocks on the file system.
 */
#ifndef NODE_SESSION_REMOVE_H
#define NODE_SESSION_REMOVE_H

#include "base/limits.h"
#include "files/stamps.h"
#include "node/session/audit.h"
#include "node/session/same.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct remove {
    struct audit audit;
    struct stamps *stamps;
    int *parents;    /* of the items, by their place in the list: one descriptor for all items of a
                        directory; -errno where there is none */
    const char *why; /* nothing may be removed, since ... */
    uint64_t device; /* of the directory that the last entry is to be found in; 0: there is none */
    uint64_t begun;  /* the file system that entries are removed on now, or were; 0: none */
    int begun_at;    /* a directory of it; -1 */
    uint32_t moved;
    uint32_t stayed;
    bool met;           /* all that is there was looked at for other numbers of disks */
    size_t held_length; /* of the path of what stayed last, whose directories stay with it */
    char held[LIMIT_PATH];
    struct same same;
    uint8_t room[LIMIT_CHUNK];
};

/* Removes an entry, or says why it stays. To be called from the last one to the first. 0, or
 * negative where it cannot go on. */
int remove_entry(struct remove *remove, const struct manifest_item *item);

/* Makes durable what was removed within items, so that nothing comes back after it is recorded as
 * gone. 0 or -errno. */
int remove_sync(struct remove *remove);

#endif
