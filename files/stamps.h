/*
 * What the walk saw of each entry beyond the manifest: device, inode, change time and about how
 * much of it is holes. Kept in the sender's own `stat` file, one record of STAMP_SIZE bytes per
 * entry (big-endian: u64 device, u64 inode, u64 ctime seconds, u32 nanoseconds with the highest bit
 * set where it is fresh and the one below it where it is partial, u32 MiB of holes), so that equal
 * trees still make equal manifests.
 */
#ifndef FILES_STAMPS_H
#define FILES_STAMPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define STAMP_SIZE 32

struct stamp {
    uint64_t device;
    uint64_t inode;
    int64_t ctime_s;
    uint32_t ctime_ns;
    uint32_t holes_mib; /* of a file: how much more its size is than its blocks, rounded down */
    bool partial;       /* some of its extended attributes are not in the manifest */
    bool fresh; /* it may have been changed again without another change time (stamps_is_fresh) */
};

struct stamps;

/* The stamp of what `st` describes; as if it were neither partial nor fresh. */
struct stamp stamps_of(const struct stat *st);

/* Whether what `st` describes, seen at `now` or later, was changed so shortly before that it may be
 * changed again without another change time: a file system's clock goes on in steps, of 4 ms in
 * older kernels and of 2 s in some file systems, and that of a server may be somewhat late; and of
 * what is written to a page of memory that stands for a part of a file only the first time counts
 * until the page is written back, after 30 s and somewhat more. */
bool stamps_is_fresh(const struct stat *st, int64_t now);

/* Makes records on `fd` (borrowed, readable and writable, position unused). 0 or -ENOMEM. One
 * thread at a time. */
int stamps_new(struct stamps **out, int fd);
/* The same of records that begin at `offset` of the file. */
int stamps_new_at(struct stamps **out, int fd, uint64_t offset);
void stamps_free(struct stamps *stamps);

/* Adds the stamp of the next entry (0, 1, ... from the start of the file); buffered. 0 or -errno.
 */
int stamps_add(struct stamps *stamps, const struct stamp *stamp);

/* Writes what is buffered. Does not sync: the file is made again by every walk. 0 or -errno. */
int stamps_flush(struct stamps *stamps);

/* Reads the stamp of entry `index`; cheap in ascending or descending order. 0; -EBADMSG past the
 * end; -errno. */
int stamps_get(struct stamps *stamps, uint64_t index, struct stamp *out);

/* Adds up the holes of the first `entries` entries: *bytes, about. Returns as stamps_get. */
int stamps_holes(struct stamps *stamps, uint64_t entries, uint64_t *bytes);

#endif
