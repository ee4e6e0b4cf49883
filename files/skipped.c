#include "files/skipped.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/limits.h"
#include "files/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define NAME "skipped"
#define NAME_PART "skipped.part"

/* A range: first and count, big-endian. */
#define RANGE 16

static int write_all(int fd, const struct rangeset *entries) {
    int error = 0;
    for (size_t i = 0; error == 0 && i < entries->length; i++) {
        uint8_t bytes[RANGE];
        bytes_put(bytes, entries->ranges[i].first, 8);
        bytes_put(bytes + 8, entries->ranges[i].count, 8);
        error = io_pwrite_full(fd, bytes, sizeof(bytes), i * RANGE);
    }
    return error;
}

static int write_file(int parent, const struct rangeset *entries) {
    int fd = openat(parent, NAME_PART, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = fd < 0 ? -errno : write_all(fd, entries);
    if (error == 0 && fsync(fd) < 0)
        error = -errno;
    io_close(&fd);
    if (error == 0 && (renameat(parent, NAME_PART, parent, NAME) < 0 || fsync(parent) < 0))
        error = -errno;
    return error;
}

int skipped_write(const struct staging *staging, const struct rangeset *entries,
                  struct fail *fail) {
    int error = write_file(staging_fd(staging), entries);
    return error < 0 ? outcome_of(error, fail, "note what is skipped in", staging_shown(staging))
                     : 0;
}

/* 0 or -errno. */
static int read_all(int fd, struct rangeset *entries) {
    uint8_t bytes[RANGE];
    ssize_t got = 0;
    for (uint64_t at = 0; (got = io_pread_full(fd, bytes, sizeof(bytes), at)) == RANGE;
         at += RANGE) {
        uint64_t first = bytes_get(bytes, 8);
        uint64_t count = bytes_get(bytes + 8, 8);
        if (first >= LIMIT_ENTRIES || count > LIMIT_ENTRIES - first)
            return -EBADMSG;
        int error = rangeset_add(entries, first, count);
        if (error < 0)
            return error;
    }
    return got > 0 ? -EBADMSG : (int)got;
}

int skipped_read(const struct staging *staging, struct rangeset *entries, struct fail *fail) {
    int fd = openat(staging_fd(staging), NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return STAGING_NONE;
    int error = fd < 0 ? -errno : read_all(fd, entries);
    io_close(&fd);
    return error < 0 ? outcome_of(error, fail, "read what was skipped in", staging_shown(staging))
                     : 0;
}
