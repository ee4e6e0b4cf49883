#include "base/io.h"
#include "files/hashes.h"
#include "files/holes.h"
#include "node/session/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TELL_MS 250u /* between two reports of progress */

static int hash_piece(struct verify *verify, int fd, uint64_t offset, uint32_t length) {
    for (uint32_t done = 0; done < length;) {
        size_t want = length - done < VERIFY_PIECE ? length - done : VERIFY_PIECE;
        ssize_t got = io_pread_full(fd, verify->room, want, offset + done);

        if (got != (ssize_t)want)
            return got < 0 ? (int)got : -EIO;
        hash_add(verify->hash, verify->room, want);
        done += (uint32_t)want;
    }
    return 0;
}

static int hash_chunk(struct verify *verify, int fd, struct holes_memory *memory, uint64_t offset,
                      uint32_t length, uint8_t out[LIMIT_CHUNK_HASH]) {
    struct holes_map map;
    int r = 0;

    holes_find(fd, memory, offset, length, &map);
    hash_reset(verify->hash);
    for (uint32_t i = 0; i < map.count && r == 0; i++) {
        const struct holes_piece *piece = &map.pieces[i];

        if (piece->is_hole)
            hash_add_zeros(verify->hash, piece->length);
        else
            r = hash_piece(verify, fd, offset + piece->offset, piece->length);
    }
    hash_end(verify->hash, out);
    return r;
}

static void tell_progress(struct verify *verify) {
    uint64_t now = io_now_ms();

    if (now - verify->told_ms < TELL_MS)
        return;
    verify->told_ms = now;
    uplink_progress(verify->audit.uplink, verify->checked.bytes, 0);
}

/* A file that is read, and what is kept of it. */
struct content {
    int fd;
    uint64_t size;
    uint64_t first_unit;
    struct holes_memory holes;
    bool known; /* the hashes of all of it */
};

/* Compares a chunk with the hash that was kept. 1 where it differs; 0; negative. */
static int compare_chunk(struct verify *verify, struct content *content, uint64_t chunk,
                         const uint8_t *kept) {
    uint32_t length = entry_chunk_size(content->size, chunk);
    uint8_t now[LIMIT_CHUNK_HASH];
    int r = 0;

    if (audit_is_stopped(&verify->audit))
        return -ECANCELED;
    if (!hashes_is_known(kept)) {
        content->known = false;
        return 0;
    }
    r = hash_chunk(verify, content->fd, &content->holes, chunk * LIMIT_CHUNK, length, now);
    if (r < 0)
        return r;
    verify->checked.bytes += length;
    tell_progress(verify);
    return memcmp(now, kept, sizeof now) != 0;
}

/* *offset of the first chunk that differs. 1; 0 where none does; negative. */
static int compare_content(struct verify *verify, struct content *content, uint64_t *offset) {
    uint64_t units = content->size == 0 ? 0 : entry_units(ENTRY_FILE, content->size);
    int r = 0;

    for (uint64_t at = 0; at < units && r == 0; at += VERIFY_HASHES) {
        size_t n = units - at < VERIFY_HASHES ? (size_t)(units - at) : VERIFY_HASHES;

        r = audit_hashes(&verify->audit, content->first_unit + at, n, verify->hashes);
        for (size_t i = 0; i < n && r == 0; i++) {
            *offset = (at + i) * LIMIT_CHUNK;
            r = compare_chunk(verify, content, at + i, verify->hashes + i * LIMIT_CHUNK_HASH);
        }
    }
    return r;
}

static bool is_modified(const struct stat *st, const struct entry *original) {
    return st->st_mtim.tv_sec != original->mtime_s ||
           (uint64_t)st->st_mtim.tv_nsec != original->mtime_ns;
}

/* What is in memory may be other than what is on the disk, which is what matters. */
static void forget_cached(int fd) {
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* The receiver has kept a file of its own, and what came instead is not there: there may be hashes
 * of that. */
static bool is_theirs(const struct audit *audit, const struct manifest_item *item) {
    return !audit->sent && rangeset_contains(&audit->marks.theirs, item->number, 1);
}

/* The content of a file that is open: of `item`, or of another name of it, `entry`. 1 where
 * something was said; 0; negative. */
static int check_content(struct verify *verify, const struct entry *entry,
                         const struct manifest_item *item, int fd, const struct stat *st) {
    struct verify_finding finding = {.modified = is_modified(st, &item->entry),
                                     .now = (uint64_t)st->st_size};
    struct content content = {
        .fd = fd, .size = item->entry.size, .first_unit = item->first_unit, .known = true};
    struct entry sized = *entry;
    int r = 0;

    sized.size = item->entry.size;
    if (finding.now != item->entry.size) {
        finding.what = VERIFY_WHAT(SIZE);
        verify_tell(verify, &sized, &finding);
        return 1;
    }
    if (is_theirs(&verify->audit, item)) {
        verify->checked.unknown++;
        return 0;
    }
    forget_cached(fd);
    r = compare_content(verify, &content, &finding.offset);
    if (r == 1) {
        finding.what = VERIFY_WHAT(CONTENT);
        verify_tell(verify, &sized, &finding);
    }
    if (r == 0 && !content.known)
        verify->checked.unknown++;
    return r;
}

int verify_file(struct verify *verify, const struct manifest_item *item,
                const struct manifest_item *original, const struct spot *spot) {
    int fd = spots_open(spot);
    uint32_t same = UINT32_MAX;
    struct stat st;
    int r = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        r = fd < 0 ? fd : -errno;
    else if (!inodes_find(verify->inodes, &st, &same) || same != original->number) {
        r = check_content(verify, &item->entry, original, fd, &st);
        if (r == 0 && same == UINT32_MAX)
            r = inodes_add(verify->inodes, &st, original->number);
    }
    io_close(&fd);
    return r < 0 ? verify_tell_error(verify, &item->entry, r) : 0;
}
