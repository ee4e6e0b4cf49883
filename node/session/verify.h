/*
 * VERIFY: everything that was delivered is read again and compared with what was kept of it. What
 * its parts share. One thread; blocks on the file system.
 */
#ifndef NODE_SESSION_VERIFY_H
#define NODE_SESSION_VERIFY_H

#include "files/hash.h"
#include "files/inodes.h"
#include "node/session/audit.h"
#include "proto/helper.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define VERIFY_HASHES 1024u         /* read at once */
#define VERIFY_PIECE (256u * 1024u) /* content read at once */

#define VERIFY_WHAT(name) FXNODE__HELPER__FOUND__WHAT__##name

struct verify {
    struct audit audit;
    struct inodes *inodes; /* files with other names that are as they were */
    struct hash *hash;
    uint64_t told_ms;
    uint64_t told; /* findings */
    Fxnode__Helper__Checked checked;
    uint8_t hashes[VERIFY_HASHES * LIMIT_CHUNK_HASH];
    uint8_t room[VERIFY_PIECE];
};

/* An entry of which something is to be said: what, and of a file what it is now. */
struct verify_finding {
    Fxnode__Helper__Found__What what;
    bool modified;
    uint64_t offset;
    uint64_t now;
    int error;
};

/* Counts what was found of an entry and, if it was not too much, names it. */
void verify_tell(struct verify *verify, const struct entry *entry,
                 const struct verify_finding *finding);

/* What an error says of an entry; 0, or negative where it is a fault of ours. */
int verify_tell_error(struct verify *verify, const struct entry *entry, int error);

/* Looks at a file, or with an `original` other than itself a hard link of it, which need not be
 * read again where it still is one. 0, or negative where it is a fault of ours. */
int verify_file(struct verify *verify, const struct manifest_item *item,
                const struct manifest_item *original, const struct spot *spot);

#endif
