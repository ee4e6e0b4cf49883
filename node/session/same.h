/*
 * Whether what has the name of an entry is still what was sent, so that it may be removed. One
 * thread; blocks on the file system.
 */
#ifndef NODE_SESSION_SAME_H
#define NODE_SESSION_SAME_H

#include "files/stamps.h"
#include "node/session/audit.h"
#include "node/session/originals.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define SAME_CHANGED "it was changed since it was sent"
#define SAME_WRITTEN "somebody has it open for writing"

#define SAME_DISKS 8u

/* What is compared with, and what was found out about disks; begins as zeros but for `audit`,
 * `room` and `originals`. */
struct same {
    const struct audit *audit;
    uint8_t *room;               /* LIMIT_CHUNK bytes */
    struct originals *originals; /* files of which other names were sent too; borrowed, or NULL */
    struct {
        uint64_t then;
        uint64_t now;
    } disks[SAME_DISKS]; /* device numbers, in a ring */
    size_t known;
};

/* Whether the disk that had the number `then` when things were sent has the number `now`: the
 * numbers are given anew when a machine starts or a disk comes back. */
bool same_disk(const struct same *same, uint64_t then, uint64_t now);

/* Whether it has the inode of the stamp, on the same disk, and, unless it may be `changed`, its
 * change time. Where inode and change time are those of the stamp it is that disk. */
bool same_stamp(struct same *same, const struct stat *st, const struct stamp *stamp, bool changed);

/* Whether what is open, so that it cannot become something else meanwhile, is what was sent of the
 * file `original`. NULL, and whoever wants to write waits until `fd` is closed (files/writers.h);
 * or why it may not go. */
const char *same_file(struct same *same, const struct manifest_item *original, int fd,
                      const struct stamp *stamp);

/* Whether the name at `spot` stands for what is open. */
bool same_name(const struct spot *spot, int fd);

/* Whether the symbolic link at `spot` leads where the entry does: the inode of one that is gone may
 * be another's at once. */
bool same_target(const struct entry *entry, const struct spot *spot);

#endif
