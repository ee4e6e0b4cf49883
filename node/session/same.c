#include "node/session/same.h"

#include "base/io.h"
#include "files/hash.h"
#include "files/hashes.h"
#include "files/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool same_disk(const struct same *same, uint64_t then, uint64_t now) {
    size_t known = same->known < SAME_DISKS ? same->known : SAME_DISKS;

    for (size_t i = 0; i < known; i++)
        if (same->disks[i].then == then && same->disks[i].now == now)
            return true;
    return then == now;
}

static bool has_change_time(const struct stat *st, const struct stamp *stamp) {
    return st->st_ctim.tv_sec == stamp->ctime_s && (uint64_t)st->st_ctim.tv_nsec == stamp->ctime_ns;
}

bool same_stamp(struct same *same, const struct stat *st, const struct stamp *stamp, bool changed) {
    bool unchanged = has_change_time(st, stamp);

    if (st->st_ino != stamp->inode || (!changed && !unchanged))
        return false;
    if (same_disk(same, stamp->device, st->st_dev))
        return true;
    if (!unchanged)
        return false;
    same->disks[same->known % SAME_DISKS].then = stamp->device;
    same->disks[same->known % SAME_DISKS].now = st->st_dev;
    same->known++;
    return true;
}

static bool is_as_listed(const struct stat *st, const struct entry *original) {
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == original->size &&
           st->st_mtim.tv_sec == original->mtime_s &&
           (uint64_t)st->st_mtim.tv_nsec == original->mtime_ns;
}

static bool has_other_names(const struct same *same, uint32_t entry) {
    return same->originals != NULL && originals_has(same->originals, entry);
}

/* Whether a file has the content that was sent. 1 or 0; -errno. */
static int has_content(const struct same *same, int fd, const struct manifest_item *item) {
    uint64_t units = item->entry.size == 0 ? 0 : entry_units(ENTRY_FILE, item->entry.size);
    uint8_t kept[LIMIT_CHUNK_HASH];
    uint8_t now[LIMIT_CHUNK_HASH];

    for (uint64_t i = 0; i < units; i++) {
        size_t length = entry_chunk_size(item->entry.size, i);
        ssize_t got = io_pread_full(fd, same->room, length, i * LIMIT_CHUNK);
        int r = audit_hashes(same->audit, item->first_unit + i, 1, kept);

        if (got < 0 || r < 0)
            return got < 0 ? (int)got : r;
        if (!hashes_is_known(kept))
            return -ENODATA;
        hash_buffer(now, same->room, (size_t)got);
        if ((size_t)got != length || memcmp(now, kept, sizeof now) != 0)
            return 0;
    }
    return 1;
}

/* A file whose content is the same, and that nobody who was there before has written meanwhile. */
static const char *compare_content(const struct same *same, const struct manifest_item *original,
                                   int fd) {
    int r = 0;

    if (writers_keep_out(fd))
        return SAME_WRITTEN;
    writers_let_in(fd); /* it may take long */
    r = has_content(same, fd, original);
    if (r < 0)
        return "its content cannot be compared";
    return r == 1 ? NULL : SAME_CHANGED;
}

/* The last look, after which nobody writes. Removing another name may have set the time of change
 * in this very moment, and a write has not set it to another then; but that of modification. */
static const char *look_again(int fd, const struct entry *original, const struct stat *before) {
    struct stamp stamp = stamps_of(before);
    struct stat st;

    if (writers_keep_out(fd))
        return SAME_WRITTEN;
    return fstat(fd, &st) == 0 && is_as_listed(&st, original) && has_change_time(&st, &stamp)
               ? NULL
               : SAME_CHANGED;
}

/* The times of change of a file with several names tell when one of them was removed, as this
 * does, but whether its mode was changed is seen; and those of a fresh one may be the same after
 * another change; and what has another device number than before may be a copy of the whole disk.
 * There the content is looked at. */
const char *same_file(struct same *same, const struct manifest_item *original, int fd,
                      const struct stamp *stamp) {
    const char *why = NULL;
    struct stat st;
    bool stamped = false;

    if (fstat(fd, &st) < 0)
        return "it cannot be looked at";
    if (!is_as_listed(&st, &original->entry) || !same_stamp(same, &st, stamp, true))
        return SAME_CHANGED;
    stamped = has_change_time(&st, stamp);
    if (!stamped &&
        (!has_other_names(same, original->number) || (st.st_mode & 0777) != original->entry.mode))
        return SAME_CHANGED;
    if (!stamped || stamp->fresh || st.st_dev != stamp->device || writers_leave_no_trace(fd))
        why = compare_content(same, original, fd);
    return why != NULL ? why : look_again(fd, &original->entry, &st);
}

bool same_name(const struct spot *spot, int fd) {
    struct stat open;
    struct stat now;

    return fstat(fd, &open) == 0 &&
           fstatat(spot->parent, spot->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           open.st_dev == now.st_dev && open.st_ino == now.st_ino;
}

bool same_target(const struct entry *entry, const struct spot *spot) {
    char target[LIMIT_PATH + 1];
    ssize_t length = readlinkat(spot->parent, spot->name, target, sizeof target);

    return length == (ssize_t)entry->target_length &&
           memcmp(target, entry->target, entry->target_length) == 0;
}
