#include "files/stage_writer.h"

#include "base/io.h"
#include "base/path.h"
#include "files/beneath.h"
#include "files/direct.h"
#include "files/hash.h"
#include "files/holes.h"
#include "files/outcome.h"
#include "files/staged.h"
#include "files/staging_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Files of more bytes than these get their room at once, unless holes are to be expected, and are
 * written past the page cache: smaller ones are more likely to be read soon, and gain less. */
#define LARGE (16u << 20)

struct stage_writer {
    struct staging *staging; /* borrowed */
    struct dirty *dirty;     /* the staging's */
    bool sparse;             /* holes are to be expected */
    struct beneath *beneath;
    /* The file used last. `fresh`: its directory has not been marked since it was opened. `sized`:
     * known to have its whole size. */
    struct dirty_file *file;
    bool fresh;
    bool sized;
    struct direct direct;
    size_t length;
    char path[LIMIT_PATH];
};

int stage_writer_open(struct stage_writer **out, struct staging *staging) {
    struct stage_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return -ENOMEM;
    bool walk = destination_lacks_new_calls(staging_destination(staging));
    int error = beneath_new(&writer->beneath, staging_tree_fd(staging), walk);
    if (error < 0) {
        free(writer);
        return error;
    }
    writer->staging = staging;
    writer->dirty = staging_parts_dirty(staging);
    *out = writer;
    return 0;
}

void stage_writer_expect_holes(struct stage_writer *writer) {
    writer->sparse = true;
}

static void let_go(struct stage_writer *writer) {
    dirty_file_release(writer->file);
    writer->file = NULL;
}

void stage_writer_close(struct stage_writer *writer) {
    if (writer == NULL)
        return;
    let_go(writer);
    beneath_free(writer->beneath);
    free(writer);
}

static int make_directory(struct stage_writer *writer, const struct entry *entry) {
    int parent;
    const char *name;
    int error = beneath_parent(writer->beneath, entry->path, entry->path_length, &parent, &name);
    if (error < 0)
        return error;
    if (mkdirat(parent, name, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    /* A finished directory that may not be searched is opened up again by this. */
    int fd = staged_open_directory(parent, name);
    if (fd < 0)
        return fd;
    error = fchmod(fd, 0700) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int stage_writer_directory(struct stage_writer *writer, const struct entry *entry,
                           struct fail *fail) {
    int error = make_directory(writer, entry);
    if (error < 0)
        return outcome_of_entry(error, fail, "make the directory", writer->staging, entry);
    dirty_add_directory(writer->dirty, entry->path, path_parent(entry->path, entry->path_length));
    return 0;
}

/* Room for a file that was just made. Not every file system can say so in advance. In memory every
 * page of it would be made at once, while all lanes wait and their windows close, and none would
 * lie better for it: there it has to fit, no more. */
static int preallocate(int fd, uint64_t size) {
    struct statfs fs;
    if (size <= LARGE)
        return 0;
    if (fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
        return fs.f_blocks > 0 && size / (uint64_t)fs.f_bsize > fs.f_bavail ? -ENOSPC : 0;
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) == 0)
        return 0;
    return errno == ENOSPC || errno == EDQUOT ? -errno : 0;
}

/* Opens what is there, or with `make` makes it. The descriptor or -errno. */
static int open_staged(struct stage_writer *writer, const struct entry *entry, bool make) {
    int parent;
    const char *name;
    int error = beneath_parent(writer->beneath, entry->path, entry->path_length, &parent, &name);
    if (error < 0)
        return error;
    if (!make)
        return staged_open_file(parent, name, O_RDWR);
    int fd = openat(parent, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? staged_open_file(parent, name, O_RDWR) : -errno;
    error = writer->sparse ? 0 : preallocate(fd, entry->size);
    if (error < 0) {
        /* What would remain is an empty file in the way of nothing. */
        (void)unlinkat(parent, name, 0);
        close(fd);
        return error;
    }
    return fd;
}

/* Makes the file of `entry` the one that is held. 0 or -errno. */
static int hold(struct stage_writer *writer, const struct entry *entry, bool make) {
    if (writer->file != NULL && writer->length == entry->path_length &&
        memcmp(writer->path, entry->path, entry->path_length) == 0)
        return 0;
    let_go(writer);
    int fd = open_staged(writer, entry, make);
    if (fd < 0)
        return fd;
    int error = dirty_file_new(&writer->file, fd);
    if (error < 0)
        return error;
    writer->fresh = true;
    writer->sized = false;
    writer->direct = (struct direct){0};
    if (entry->size > LARGE)
        direct_ask(&writer->direct, fd);
    writer->length = entry->path_length;
    memcpy(writer->path, entry->path, entry->path_length);
    return 0;
}

static int give_metadata(int fd, const struct entry *entry) {
    struct timespec times[2] = {
        {.tv_nsec = UTIME_NOW},
        {.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns},
    };
    return fchmod(fd, entry->mode) < 0 || futimens(fd, times) < 0 ? -errno : 0;
}

/* Marks what was written only once it is written: a sync that ran before would not have covered it.
 * The directory is marked by every lane that opens the file, for the one that made it may be slower
 * than the one whose extent is committed first. */
static void mark(struct stage_writer *writer, const struct entry *entry, bool whole) {
    dirty_add_file(writer->dirty, writer->file, whole);
    if (writer->fresh)
        dirty_add_directory(writer->dirty, entry->path,
                            path_parent(entry->path, entry->path_length));
    writer->fresh = false;
}

int stage_writer_write(struct stage_writer *writer, const struct entry *entry, uint64_t offset,
                       const void *data, size_t length, struct fail *fail) {
    bool whole = offset == 0 && length == entry->size;
    int error = hold(writer, entry, true);
    if (error == 0) {
        int fd = dirty_file_fd(writer->file);
        error = direct_write(&writer->direct, fd, data, length, offset);
        if (error == 0 && whole)
            error = give_metadata(fd, entry);
    }
    if (error < 0)
        return outcome_of_entry(error, fail, "write", writer->staging, entry);
    mark(writer, entry, whole);
    return 0;
}

/* Gives the file that is held its whole size, which holes do not. Where several lanes do so it is
 * the same size. */
static int give_size(struct stage_writer *writer, const struct entry *entry) {
    struct stat st;
    int fd = dirty_file_fd(writer->file);
    if (writer->sized)
        return 0;
    if (fstat(fd, &st) < 0 ||
        ((uint64_t)st.st_size < entry->size && ftruncate(fd, (off_t)entry->size) < 0))
        return -errno;
    writer->sized = true;
    return 0;
}

/* What is reserved and not written looks like a hole but is none. */
static int make_hole(struct stage_writer *writer, uint64_t offset, uint64_t length) {
    int fd = dirty_file_fd(writer->file);
    if (writer->sparse && holes_is_hole(fd, offset, length))
        return 0;
    /* Zeros that have to be written lie anywhere in memory. */
    direct_off(&writer->direct, fd);
    return holes_make(fd, offset, length);
}

int stage_writer_hole(struct stage_writer *writer, const struct entry *entry, uint64_t offset,
                      uint64_t length, struct fail *fail) {
    bool whole = offset == 0 && length == entry->size;
    int error = hold(writer, entry, true);
    if (error == 0)
        error = give_size(writer, entry);
    if (error == 0)
        error = make_hole(writer, offset, length);
    if (error == 0 && whole)
        error = give_metadata(dirty_file_fd(writer->file), entry);
    if (error < 0)
        return outcome_of_entry(error, fail, "write", writer->staging, entry);
    mark(writer, entry, whole);
    return 0;
}

/* Hashes what is staged of a chunk. 0, or -errno (-EBADMSG where it is not all there). */
static int hash_staged(struct stage_writer *writer, uint64_t offset, uint32_t length, void *room,
                       uint8_t hash[LIMIT_CHUNK_HASH]) {
    struct stat st;
    int fd = dirty_file_fd(writer->file);
    if (fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size < offset + length)
        return -EBADMSG;
    if (length > 0 && holes_is_hole(fd, offset, length)) {
        hash_zeros(hash, length);
        return 0;
    }
    direct_off(&writer->direct, fd);
    ssize_t got = io_pread_full(fd, room, length, offset);
    if (got < 0 || (size_t)got != length)
        return got < 0 ? (int)got : -EBADMSG;
    hash_buffer(hash, room, length);
    return 0;
}

int stage_writer_verify(struct stage_writer *writer, const struct entry *entry, uint64_t chunk,
                        uint64_t unit, void *room, struct fail *fail) {
    uint8_t kept[LIMIT_CHUNK_HASH];
    uint8_t found[LIMIT_CHUNK_HASH];
    int error = hashes_get(staging_hashes(writer->staging), unit, 1, kept);
    if (error == 0)
        error = hold(writer, entry, false);
    if (error < 0)
        return outcome_of_entry(error, fail, "check", writer->staging, entry);
    uint32_t length = entry_chunk_size(entry->size, chunk);
    if (hash_staged(writer, chunk * LIMIT_CHUNK, length, room, found) < 0)
        return outcome_differs(fail, writer->staging, entry, "cannot be read back whole");
    if (!hashes_is_known(kept) || memcmp(kept, found, sizeof(kept)) != 0)
        return outcome_differs(fail, writer->staging, entry, "is damaged");
    return 0;
}

int stage_writer_drop(struct stage_writer *writer, const struct entry *entry, struct fail *fail) {
    let_go(writer);
    if (entry->type == ENTRY_DIRECTORY)
        return 0;
    int error = beneath_unlink(writer->beneath, entry->path, entry->path_length);
    if (error == 0 || error == -ENOENT)
        return 0;
    return outcome_of_entry(error, fail, "remove", writer->staging, entry);
}

/* 1 or 0; -errno. */
static int is_linked(struct stage_writer *writer, const struct entry *entry) {
    struct stat st;
    int parent;
    const char *name;
    int error = beneath_parent(writer->beneath, entry->path, entry->path_length, &parent, &name);
    if (error < 0)
        return error;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return S_ISREG(st.st_mode) && st.st_nlink > 1 ? 1 : 0;
}

int stage_writer_drop_linked(struct stage_writer *writer, const struct entry *entry,
                             struct fail *fail) {
    int linked = is_linked(writer, entry);
    if (linked > 0)
        return stage_writer_drop(writer, entry, fail);
    return linked == 0 || linked == -ENOENT
               ? 0
               : outcome_of_entry(linked, fail, "look at", writer->staging, entry);
}
