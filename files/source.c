#include "files/source.h"

#include "base/escape.h"
#include "base/io.h"
#include "base/path.h"
#include "files/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct source {
    const struct items *items;
    /* The item looked into last: its directory and the look-ups below it. */
    const char *item_path;
    int root;
    struct beneath *beneath;
    /* The file opened last, where it has holes, and its path in the manifest. */
    int file;
    struct holes_memory holes;
    size_t file_length;
    char file_path[LIMIT_PATH];
};

int source_new(struct source **out, const struct items *items) {
    struct source *source = calloc(1, sizeof(*source));
    if (source == NULL)
        return -ENOMEM;
    source->items = items;
    source->root = -1;
    source->file = -1;
    *out = source;
    return 0;
}

void source_rest(struct source *source) {
    io_close(&source->file);
    beneath_free(source->beneath);
    source->beneath = NULL;
    io_close(&source->root);
    source->item_path = NULL;
}

void source_free(struct source *source) {
    if (source == NULL)
        return;
    source_rest(source);
    free(source);
}

bool source_may_be_sent(int outcome) {
    return outcome == SOURCE_SAME || outcome == SOURCE_SOFT;
}

static int changed(const struct entry *entry, struct fail *fail, const char *how) {
    char shown[384];
    fail_set(fail, 0, "%s %s", escape_bytes(shown, sizeof(shown), entry->path, entry->path_length),
             how);
    return SOURCE_CHANGED;
}

/* The outcome that a system error stands for; what is short of descriptors or memory is our fault.
 */
static int outcome_of(const struct entry *entry, int error, struct fail *fail) {
    char shown[384];
    escape_bytes(shown, sizeof(shown), entry->path, entry->path_length);
    fail_set(fail, error, "cannot read %s", shown);
    switch (error) {
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
        return error;
    case -ENOENT:
    case -ENOTDIR:
        return SOURCE_VANISHED;
    case -ELOOP:
    case -EXDEV:
        return SOURCE_CHANGED;
    default:
        return SOURCE_UNREADABLE;
    }
}

/* Makes `item` the one whose directory is open. 0 or -errno. */
static int enter_item(struct source *source, const struct item *item) {
    if (source->item_path == item->path)
        return 0;
    source_rest(source);
    source->root = open(item->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (source->root < 0)
        return -errno;
    int error = beneath_new(&source->beneath, source->root, false);
    if (error == 0)
        source->item_path = item->path;
    return error;
}

/* Where `entry` is to be found: *parent and *name, or the user's own path (which may be a symbolic
 * link, so it is followed) when it is a top-level item. */
struct spot {
    int parent;
    const char *name;
    bool top;
};

static int find(struct source *source, const struct entry *entry, struct spot *spot) {
    struct item item = items_find(source->items, entry->path, entry->path_length);
    if (item.name == NULL)
        return -ENOENT;
    if (item.name_length == entry->path_length) {
        *spot = (struct spot){AT_FDCWD, item.path, true};
        return 0;
    }
    spot->top = false;
    int error = enter_item(source, &item);
    if (error < 0)
        return error;
    size_t below = item.name_length + 1;
    return beneath_parent(source->beneath, entry->path + below, entry->path_length - below,
                          &spot->parent, &spot->name);
}

static bool is_type(enum entry_type type, mode_t mode) {
    switch (type) {
    case ENTRY_FILE:
    case ENTRY_HARDLINK:
        return S_ISREG(mode);
    case ENTRY_DIRECTORY:
        return S_ISDIR(mode);
    case ENTRY_SYMLINK:
        return S_ISLNK(mode);
    }
    return false;
}

static int compare_file(const struct entry *entry, const struct stamp *stamp, const struct stat *st,
                        struct fail *fail) {
    if (!S_ISREG(st->st_mode))
        return changed(entry, fail, "is no longer a file");
    if ((uint64_t)st->st_size != entry->size)
        return changed(entry, fail, "has changed its size since it was offered");
    if (st->st_mtim.tv_sec != entry->mtime_s || (uint64_t)st->st_mtim.tv_nsec != entry->mtime_ns)
        return changed(entry, fail, "has been modified since it was offered");
    struct stamp now = stamps_of(st);
    bool same = now.device == stamp->device && now.inode == stamp->inode &&
                now.ctime_s == stamp->ctime_s && now.ctime_ns == stamp->ctime_ns &&
                (st->st_mode & 0777) == entry->mode;
    return same ? SOURCE_SAME : SOURCE_SOFT;
}

static int compare_link(const struct entry *entry, const struct spot *spot, struct fail *fail) {
    char target[LIMIT_PATH + 1];
    ssize_t length = readlinkat(spot->parent, spot->name, target, sizeof(target));
    if (length < 0)
        return outcome_of(entry, -errno, fail);
    if ((size_t)length != entry->target_length ||
        memcmp(target, entry->target, entry->target_length) != 0)
        return changed(entry, fail, "points elsewhere since it was offered");
    return SOURCE_SAME;
}

/* Describes what is at the path of `entry`. As source_check(). */
static int look(struct source *source, const struct entry *entry, struct spot *spot,
                struct stat *st, struct fail *fail) {
    int error = find(source, entry, spot);
    if (error < 0)
        return outcome_of(entry, error, fail);
    if (fstatat(spot->parent, spot->name, st, spot->top ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return outcome_of(entry, -errno, fail);
    if (!is_type(entry->type, st->st_mode))
        return changed(entry, fail, "is of another type since it was offered");
    return SOURCE_SAME;
}

int source_check(struct source *source, const struct entry *entry, const struct stamp *stamp,
                 struct fail *fail) {
    struct spot spot;
    struct stat st;
    int outcome = look(source, entry, &spot, &st, fail);
    if (outcome != SOURCE_SAME)
        return outcome;
    if (entry->type == ENTRY_FILE)
        return compare_file(entry, stamp, &st, fail);
    return entry->type == ENTRY_SYMLINK ? compare_link(entry, &spot, fail) : SOURCE_SAME;
}

int source_check_hardlink(struct source *source, const struct entry *entry,
                          const struct entry *original, struct fail *fail) {
    struct spot spot;
    struct stat link;
    struct stat file;
    int outcome = look(source, original, &spot, &file, fail);
    if (outcome == SOURCE_SAME)
        outcome = look(source, entry, &spot, &link, fail);
    if (outcome == SOURCE_SAME && (link.st_ino != file.st_ino || link.st_dev != file.st_dev))
        return changed(entry, fail, "is another file since it was offered");
    return outcome;
}

/* Opens the file of `entry`, unless it is the one that is open. 0 or -errno. Not blocking, for what
 * was a file may be a named pipe by now. */
static int open_file(struct source *source, const struct entry *entry) {
    struct spot spot;
    if (source->file >= 0 && source->file_length == entry->path_length &&
        memcmp(source->file_path, entry->path, entry->path_length) == 0)
        return 0;
    io_close(&source->file);
    int error = find(source, entry, &spot);
    if (error < 0)
        return error;
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (spot.top ? 0 : O_NOFOLLOW);
    source->file = openat(spot.parent, spot.name, flags);
    if (source->file < 0)
        return -errno;
    source->holes = (struct holes_memory){0};
    source->file_length = entry->path_length;
    memcpy(source->file_path, entry->path, entry->path_length);
    if (entry->size > LIMIT_CHUNK)
        (void)posix_fadvise(source->file, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

/* That something else is there, which may not be opened, says more than that it may not. */
static int why_not_opened(struct source *source, const struct entry *entry,
                          const struct stamp *stamp, int error, struct fail *fail) {
    int outcome = source_check(source, entry, stamp, fail);
    return source_may_be_sent(outcome) ? outcome_of(entry, error, fail) : outcome;
}

/* The same of the file that is open, of which *st is filled. */
static int compare_open(struct source *source, const struct entry *entry, const struct stamp *stamp,
                        struct stat *st, struct fail *fail) {
    if (fstat(source->file, st) < 0)
        return outcome_of(entry, -errno, fail);
    return compare_file(entry, stamp, st, fail);
}

int source_begin(struct source *source, const struct entry *entry, const struct stamp *stamp,
                 uint64_t number, struct holes_map *map, struct fail *fail) {
    struct stat st;
    int error = open_file(source, entry);
    if (error < 0)
        return why_not_opened(source, entry, stamp, error, fail);
    int outcome = compare_open(source, entry, stamp, &st, fail);
    if (!source_may_be_sent(outcome))
        return outcome;
    /* Somebody may have been there: what is known of it is looked for again. */
    if (outcome == SOURCE_SOFT)
        source->holes = (struct holes_memory){0};
    holes_find(source->file, &source->holes, number * LIMIT_CHUNK,
               entry_chunk_size(entry->size, number), map);
    return outcome;
}

int source_read(struct source *source, const struct entry *entry, uint64_t offset, void *data,
                size_t length, struct fail *fail) {
    ssize_t got = io_pread_full(source->file, data, length, offset);
    if (got < 0)
        return outcome_of(entry, (int)got, fail);
    if ((size_t)got < length)
        return changed(entry, fail, "has become shorter while it was read");
    return SOURCE_SAME;
}

int source_end(struct source *source, const struct entry *entry, const struct stamp *stamp,
               struct fail *fail) {
    struct stat st;
    return compare_open(source, entry, stamp, &st, fail);
}
