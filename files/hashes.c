#include "files/hashes.h"

#include "base/io.h"
#include "base/weaken.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPIED 1024u /* hashes read at once */

struct hashes {
    int fd;
};

int hashes_open(struct hashes **out, int directory, const char *name) {
    struct hashes *hashes = calloc(1, sizeof(*hashes));
    if (hashes == NULL)
        return -ENOMEM;
    hashes->fd = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (hashes->fd < 0) {
        int error = -errno;
        free(hashes);
        return error;
    }
    *out = hashes;
    return 0;
}

void hashes_close(struct hashes *hashes) {
    if (hashes == NULL)
        return;
    io_close(&hashes->fd);
    free(hashes);
}

int hashes_set(struct hashes *hashes, uint64_t unit, const uint8_t hash[LIMIT_CHUNK_HASH]) {
    return io_pwrite_full(hashes->fd, hash, LIMIT_CHUNK_HASH, unit * LIMIT_CHUNK_HASH);
}

int hashes_get(struct hashes *hashes, uint64_t first, size_t count, uint8_t *out) {
    size_t length = count * LIMIT_CHUNK_HASH;
    ssize_t got = io_pread_full(hashes->fd, out, length, first * LIMIT_CHUNK_HASH);
    if (got < 0)
        return (int)got;
    /* A record cut by a crash in the middle of a write is unknown as a whole. */
    size_t whole = (size_t)got / LIMIT_CHUNK_HASH * LIMIT_CHUNK_HASH;
    memset(out + whole, 0, length - whole);
    return 0;
}

/* Sets each run of known ones among `count` of them by one call. */
static int set_known(struct hashes *hashes, uint64_t first, const uint8_t *from, size_t count) {
    int error = 0;
    for (size_t at = 0, end; error == 0 && at < count; at = end + 1) {
        for (end = at; end < count && hashes_is_known(from + end * LIMIT_CHUNK_HASH);)
            end++;
        if (end > at)
            error = io_pwrite_full(hashes->fd, from + at * LIMIT_CHUNK_HASH,
                                   (end - at) * LIMIT_CHUNK_HASH, (first + at) * LIMIT_CHUNK_HASH);
    }
    return error;
}

int hashes_copy(struct hashes *to, uint64_t to_first, struct hashes *from, uint64_t first,
                uint64_t count) {
    uint8_t block[COPIED * LIMIT_CHUNK_HASH];
    int error = 0;
    for (uint64_t at = 0; error == 0 && at < count; at += COPIED) {
        size_t n = count - at < COPIED ? (size_t)(count - at) : COPIED;
        error = hashes_get(from, first + at, n, block);
        if (error == 0)
            error = set_known(to, to_first + at, block, n);
    }
    return error;
}

bool hashes_is_known(const uint8_t hash[LIMIT_CHUNK_HASH]) {
    static const uint8_t unknown[LIMIT_CHUNK_HASH];
    return memcmp(hash, unknown, LIMIT_CHUNK_HASH) != 0;
}

int hashes_sync(struct hashes *hashes) {
    return !weakened("fdatasync") && fdatasync(hashes->fd) < 0 ? -errno : 0;
}
