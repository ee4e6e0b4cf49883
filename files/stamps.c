#include "files/stamps.h"

#include "base/bytes.h"
#include "base/io.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_STAMPS 512
#define FRESH_S 60
#define FRESH (1u << 31) /* beside the nanoseconds, which end below both */
#define PARTIAL (1u << 30)

/* One block of records: either records still to be written, from `first` on, or a piece that was
 * read. */
struct stamps {
    int fd;          /* borrowed */
    uint64_t offset; /* of the first record in it */
    uint64_t added;
    uint64_t first;
    size_t count;
    bool unwritten;
    uint8_t block[BLOCK_STAMPS * STAMP_SIZE];
};

/* A file system that packs what it stores keeps fewer blocks too: it is an estimate. */
static uint32_t holes_of(const struct stat *st) {
    uint64_t stored = (uint64_t)st->st_blocks * 512;
    uint64_t size = (uint64_t)st->st_size;
    if (!S_ISREG(st->st_mode) || stored >= size)
        return 0;
    uint64_t mib = (size - stored) >> 20;
    return mib < UINT32_MAX ? (uint32_t)mib : UINT32_MAX;
}

struct stamp stamps_of(const struct stat *st) {
    return (struct stamp){
        .device = st->st_dev,
        .inode = st->st_ino,
        .ctime_s = st->st_ctim.tv_sec,
        .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
        .holes_mib = holes_of(st),
    };
}

bool stamps_is_fresh(const struct stat *st, int64_t now) {
    return st->st_ctim.tv_sec >= now - FRESH_S;
}

static void encode(uint8_t out[STAMP_SIZE], const struct stamp *stamp) {
    bytes_put(out, stamp->device, 8);
    bytes_put(out + 8, stamp->inode, 8);
    bytes_put(out + 16, (uint64_t)stamp->ctime_s, 8);
    uint32_t marks = (stamp->fresh ? FRESH : 0) | (stamp->partial ? PARTIAL : 0);
    bytes_put(out + 24, stamp->ctime_ns | marks, 4);
    bytes_put(out + 28, stamp->holes_mib, 4);
}

static struct stamp decode(const uint8_t in[STAMP_SIZE]) {
    return (struct stamp){
        .device = bytes_get(in, 8),
        .inode = bytes_get(in + 8, 8),
        .ctime_s = (int64_t)bytes_get(in + 16, 8),
        .ctime_ns = (uint32_t)bytes_get(in + 24, 4) & ~(FRESH | PARTIAL),
        .partial = (bytes_get(in + 24, 4) & PARTIAL) != 0,
        .fresh = (bytes_get(in + 24, 4) & FRESH) != 0,
        .holes_mib = (uint32_t)bytes_get(in + 28, 4),
    };
}

int stamps_new(struct stamps **out, int fd) {
    return stamps_new_at(out, fd, 0);
}

int stamps_new_at(struct stamps **out, int fd, uint64_t offset) {
    struct stamps *stamps = calloc(1, sizeof(*stamps));
    if (stamps == NULL)
        return -ENOMEM;
    stamps->fd = fd;
    stamps->offset = offset;
    *out = stamps;
    return 0;
}

void stamps_free(struct stamps *stamps) {
    free(stamps);
}

int stamps_flush(struct stamps *stamps) {
    if (!stamps->unwritten)
        return 0;
    stamps->unwritten = false;
    size_t length = stamps->count * STAMP_SIZE;
    stamps->count = 0;
    return io_pwrite_full(stamps->fd, stamps->block, length,
                          stamps->offset + stamps->first * STAMP_SIZE);
}

int stamps_add(struct stamps *stamps, const struct stamp *stamp) {
    if (!stamps->unwritten) {
        stamps->first = stamps->added;
        stamps->count = 0;
        stamps->unwritten = true;
    }
    encode(stamps->block + stamps->count * STAMP_SIZE, stamp);
    stamps->count++;
    stamps->added++;
    return stamps->count == BLOCK_STAMPS ? stamps_flush(stamps) : 0;
}

/* Reads the block that has record `index`. */
static int load(struct stamps *stamps, uint64_t index) {
    uint64_t first = index - index % BLOCK_STAMPS;
    int error = stamps_flush(stamps);
    if (error < 0)
        return error;
    stamps->count = 0;
    ssize_t got = io_pread_full(stamps->fd, stamps->block, sizeof(stamps->block),
                                stamps->offset + first * STAMP_SIZE);
    if (got < 0)
        return (int)got;
    stamps->first = first;
    stamps->count = (size_t)got / STAMP_SIZE;
    return stamps->count <= index - first ? -EBADMSG : 0;
}

int stamps_get(struct stamps *stamps, uint64_t index, struct stamp *out) {
    if (stamps->unwritten || index < stamps->first || index - stamps->first >= stamps->count) {
        int error = load(stamps, index);
        if (error < 0)
            return error;
    }
    *out = decode(stamps->block + (index - stamps->first) * STAMP_SIZE);
    return 0;
}

int stamps_holes(struct stamps *stamps, uint64_t entries, uint64_t *bytes) {
    struct stamp stamp;
    int error = 0;
    *bytes = 0;
    for (uint64_t i = 0; error == 0 && i < entries; i++) {
        error = stamps_get(stamps, i, &stamp);
        if (error == 0)
            *bytes += (uint64_t)stamp.holes_mib << 20;
    }
    return error;
}
