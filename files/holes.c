#include "files/holes.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#define PROBE (64 * 1024) /* more than a block of any file system */

/* Where the next data at or behind `at` begins, UINT64_MAX where there is none. A file system that
 * cannot tell has data everywhere. */
static uint64_t next_data(int fd, uint64_t at) {
    off_t found = lseek(fd, (off_t)at, SEEK_DATA);
    if (found < 0)
        return errno == ENXIO ? UINT64_MAX : at;
    return (uint64_t)found;
}

/* The same of holes: what is behind the end is one, and nothing else where that cannot be told. */
static uint64_t next_hole(int fd, uint64_t at) {
    off_t found = lseek(fd, (off_t)at, SEEK_HOLE);
    if (found < 0)
        return errno == ENXIO ? at : UINT64_MAX;
    return (uint64_t)found;
}

/* Asks for a hole first: where there are none, as in most files, that is all there is to ask. A
 * file that is being changed may have lost the hole since; that it has changed shows elsewhere. */
void holes_look(int fd, struct holes_memory *memory, uint64_t at) {
    if (at >= memory->from && at < memory->to)
        return;
    uint64_t hole = next_hole(fd, at);
    uint64_t data = hole > at ? at : next_data(fd, at);
    bool is_hole = data > at;
    uint64_t end = is_hole ? data : hole;
    *memory =
        (struct holes_memory){.from = at, .to = end > at ? end : UINT64_MAX, .is_hole = is_hole};
}

static void add(struct holes_map *map, uint64_t offset, uint64_t length, bool is_hole) {
    map->pieces[map->count++] = (struct holes_piece){(uint32_t)offset, (uint32_t)length, is_hole};
}

void holes_find(int fd, struct holes_memory *memory, uint64_t offset, uint32_t length,
                struct holes_map *map) {
    uint64_t end = offset + length;
    uint64_t at = offset;
    map->count = 0;
    while (at < end && map->count < HOLES_PIECES - 1) {
        holes_look(fd, memory, at);
        uint64_t to = memory->to < end ? memory->to : end;
        add(map, at - offset, to - at, memory->is_hole);
        at = to;
    }
    if (at < end || map->count == 0)
        add(map, at - offset, end - at, false);
}

void holes_none(uint32_t length, struct holes_map *map) {
    map->count = 0;
    add(map, 0, length, false);
}

bool holes_is_all(const struct holes_map *map) {
    return map->count == 1 && map->pieces[0].is_hole;
}

bool holes_is_hole(int fd, uint64_t offset, uint64_t length) {
    return next_data(fd, offset) >= offset + length;
}

static int write_zeros(int fd, uint64_t offset, uint64_t length) {
    static const uint8_t zeros[64 * 1024];
    int error = 0;
    for (uint64_t done = 0; error == 0 && done < length;) {
        size_t piece = length - done < sizeof zeros ? (size_t)(length - done) : sizeof zeros;
        error = io_pwrite_full(fd, zeros, piece, offset + done);
        done += piece;
    }
    return error;
}

static int punch(int fd, uint64_t offset, uint64_t length) {
    const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return fallocate(fd, mode, (off_t)offset, (off_t)length) < 0 ? -errno : 0;
}

int holes_make(int fd, uint64_t offset, uint64_t length) {
    int error = length > 0 ? punch(fd, offset, length) : 0;
    return error == -EOPNOTSUPP || error == -ENOSYS ? write_zeros(fd, offset, length) : error;
}

bool holes_are_kept(int fd) {
    return ftruncate(fd, PROBE) == 0 && (holes_is_hole(fd, 0, PROBE) || punch(fd, 0, PROBE) == 0);
}
