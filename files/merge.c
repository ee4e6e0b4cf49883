#include "files/merge.h"

#include "base/crash.h"
#include "base/escape.h"
#include "base/path.h"
#include "files/beneath.h"
#include "files/dirty.h"
#include "files/exclusive.h"
#include "files/staged.h"
#include "files/variant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often something may take or leave a name between a look and a step. */
#define RACES 32
#define VARIANTS 1000000u

struct merge {
    struct staging *staging; /* borrowed */
    bool replaces;
    bool old; /* without the newer system calls */
    dev_t device;
    struct beneath *staged;
    struct beneath *placed;
    struct dirty *dirty; /* directories of the destination */
};

/* What has the path of an entry on one side. `parent` and `name` are borrowed from that side. */
struct spot {
    int parent;
    const char *name;
    bool exists;
    struct stat st;
};

int merge_new(struct merge **out, struct staging *staging, bool replaces) {
    struct merge *merge = calloc(1, sizeof(*merge));
    const struct destination *destination = staging_destination(staging);
    struct stat st;
    if (merge == NULL)
        return -ENOMEM;
    merge->staging = staging;
    merge->replaces = replaces;
    merge->old = destination_lacks_new_calls(destination);
    int error = fstat(staging_tree_fd(staging), &st) < 0 ? -errno : 0;
    merge->device = error == 0 ? st.st_dev : 0;
    if (error == 0)
        error = beneath_new(&merge->staged, staging_tree_fd(staging), merge->old);
    if (error == 0)
        error = beneath_new(&merge->placed, destination_fd(destination), merge->old);
    if (error == 0)
        error = dirty_new(&merge->dirty, destination_fd(destination), merge->old);
    if (error < 0)
        merge_free(merge);
    else
        *out = merge;
    return error;
}

void merge_free(struct merge *merge) {
    if (merge == NULL)
        return;
    beneath_free(merge->staged);
    beneath_free(merge->placed);
    dirty_free(merge->dirty);
    free(merge);
}

/* 0, whether or not something is there, or -errno where its directory cannot be reached. */
static int find(struct beneath *beneath, const struct entry *entry, struct spot *spot) {
    int error =
        beneath_parent(beneath, entry->path, entry->path_length, &spot->parent, &spot->name);
    if (error < 0)
        return error;
    spot->exists = fstatat(spot->parent, spot->name, &spot->st, AT_SYMLINK_NOFOLLOW) == 0;
    return spot->exists || errno == ENOENT ? 0 : -errno;
}

/* What is below something that was moved as a whole is gone too. */
static int find_staged(struct merge *merge, const struct entry *entry, struct spot *spot) {
    int error = find(merge->staged, entry, spot);
    if (error != -ENOENT)
        return error;
    spot->exists = false;
    spot->parent = -1;
    return 0;
}

static int report(const struct merge *merge, const struct entry *entry, int error,
                  struct fail *fail) {
    char shown[ESCAPE_ROOM(40)];
    fail_set(fail, error, "cannot place %s in %s",
             escape_bytes(shown, sizeof(shown), entry->path, entry->path_length),
             destination_shown(staging_destination(merge->staging)));
    return error == -ENOSPC || error == -EDQUOT ? MERGE_NO_SPACE : error;
}

static bool is_same_file(const struct stat *st, const struct entry *entry) {
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == entry->size &&
           st->st_mtim.tv_sec == entry->mtime_s && (uint64_t)st->st_mtim.tv_nsec == entry->mtime_ns;
}

/* One that is on another file system, mounted there, cannot be moved into. */
bool merge_has(struct merge *merge, const struct entry *entry) {
    struct spot there;
    return find(merge->placed, entry, &there) == 0 && there.exists &&
           there.st.st_dev == merge->device && is_same_file(&there.st, entry);
}

static bool is_same_link(const struct spot *there, const struct entry *entry) {
    char target[LIMIT_PATH + 1];
    ssize_t length = readlinkat(there->parent, there->name, target, sizeof(target));
    return length >= 0 && (size_t)length == entry->target_length &&
           memcmp(target, entry->target, entry->target_length) == 0;
}

/* A mount of the same file system looks like it, but nothing can be moved there. Older systems do
 * not tell: then the move fails. */
static bool is_mount(const struct spot *there) {
    struct statx stx;
    return statx(there->parent, there->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &stx) == 0 &&
           (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static bool is_open(const struct merge *merge, const struct spot *there) {
    return S_ISDIR(there->st.st_mode) && there->st.st_dev == merge->device &&
           !destination_is_barred(staging_destination(merge->staging), &there->st) &&
           !is_mount(there);
}

bool merge_enters(struct merge *merge, const struct entry *entry) {
    struct spot there;
    return find(merge->placed, entry, &there) == 0 && there.exists && is_open(merge, &there);
}

/* A file of several names can have been left under two of ours by an interruption. */
static bool is_one_file(const struct spot *a, const struct spot *b) {
    return a->st.st_ino == b->st.st_ino && a->st.st_dev == b->st.st_dev;
}

static int judge(const struct merge *merge, const struct entry *entry, const struct spot *staged,
                 const struct spot *there) {
    if (!staged->exists)
        return MERGE_GONE;
    if (!there->exists)
        return MERGE_PLACED;
    switch (entry->type) {
    case ENTRY_DIRECTORY:
        return is_open(merge, there) ? MERGE_INSIDE : MERGE_UNFIT;
    case ENTRY_SYMLINK:
        return is_same_link(there, entry) ? MERGE_SAME : MERGE_UNFIT;
    case ENTRY_FILE:
    case ENTRY_HARDLINK:
        break;
    }
    if (!S_ISREG(there->st.st_mode))
        return MERGE_UNFIT;
    if (is_same_file(&there->st, entry) || is_one_file(staged, there))
        return MERGE_SAME;
    return merge->replaces && there->st.st_uid == geteuid() ? MERGE_REPLACED : MERGE_UNFIT;
}

/* An outcome or -errno. */
static int look(struct merge *merge, const struct entry *entry, struct spot *staged,
                struct spot *there) {
    int error = find_staged(merge, entry, staged);
    if (error < 0 || !staged->exists)
        return error < 0 ? error : MERGE_GONE;
    error = find(merge->placed, entry, there);
    return error < 0 ? error : judge(merge, entry, staged, there);
}

int merge_look(struct merge *merge, const struct entry *entry, struct fail *fail) {
    struct spot staged;
    struct spot there;
    int result = look(merge, entry, &staged, &there);
    return result < 0 ? report(merge, entry, result, fail) : result;
}

/* Whether its owner may not do with the directory what moving it takes. */
static bool is_closed(const struct entry *entry) {
    return entry->type == ENTRY_DIRECTORY && (entry->mode & 0700) != 0700;
}

/* A staged directory gets what it needs to be moved, or to have what is in it moved away. */
static int open_up(const struct spot *staged, const struct entry *entry) {
    struct timespec times[2] = {
        {.tv_nsec = UTIME_NOW},
        {.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns},
    };
    int fd = staged_open_directory(staged->parent, staged->name);
    if (fd < 0)
        return fd;
    /* The time too: an attempt before may have moved something out of it. */
    int error = futimens(fd, times) < 0 || fchmod(fd, entry->mode | 0700) < 0 ? -errno : 0;
    close(fd);
    return error;
}

/* Gives a directory that was moved its own mode, durably, where it still is the one that `moved`
 * describes. */
static int close_down(int parent, const char *name, const struct entry *entry,
                      const struct stat *moved) {
    struct stat st;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -errno;
    int error = 0;
    if (fstat(fd, &st) < 0 || (st.st_ino == moved->st_ino && st.st_dev == moved->st_dev &&
                               (fchmod(fd, entry->mode) < 0 || fsync(fd) < 0)))
        error = -errno;
    close(fd);
    return error;
}

/* Moves what is staged to a free name in a directory. 0, -EEXIST or -errno. */
static int move_to(struct merge *merge, const struct entry *entry, const struct spot *staged,
                   int parent, const char *name) {
    const struct exclusive how = {
        .from = staged->parent,
        .from_name = staged->name,
        .to = parent,
        .to_name = name,
        .type = entry->type,
        .linked = staged->st.st_nlink > 1,
        .old = merge->old,
    };
    int error = entry->type == ENTRY_DIRECTORY ? open_up(staged, entry) : 0;
    if (error == 0)
        error = exclusive_rename(&how);
    if (error < 0)
        return error;
    crash_point("merged");
    return is_closed(entry) ? close_down(parent, name, entry, &staged->st) : 0;
}

/* One rename, of what has been made durable before: the name has the old file or the new one. Where
 * that is not allowed, by a lock on the file or on its directory, it stays. Should somebody put a
 * link there at this moment, the link goes and not what it points to. */
static int replace(const struct spot *staged, const struct spot *there) {
    if (renameat(staged->parent, staged->name, there->parent, there->name) == 0) {
        crash_point("merged");
        return MERGE_REPLACED;
    }
    switch (errno) {
    case EACCES:
    case EPERM:
    case EBUSY:
    case ETXTBSY:
        return MERGE_UNFIT;
    case EISDIR: /* at that very moment */
        return -EEXIST;
    default:
        return -errno;
    }
}

/* Whether it may be the directory of an entry, with the bits that it was opened up with. */
static bool is_left_open(const struct stat *st, const struct entry *entry) {
    return S_ISDIR(st->st_mode) && st->st_uid == geteuid() &&
           (st->st_mode & 07777) == (entry->mode | 0700) && st->st_mtim.tv_sec == entry->mtime_s &&
           (uint64_t)st->st_mtim.tv_nsec == entry->mtime_ns;
}

/* A directory that was moved whole just before an interruption may have kept those bits. That
 * nothing is staged says that it was moved; all else says which one it is: under its own name, or
 * one beside what has that. */
static int complete(struct merge *merge, const struct entry *entry, const struct spot *staged) {
    struct spot there;
    char name[LIMIT_COMPONENT + 1];
    if (!is_closed(entry) || staged->parent < 0 || find(merge->placed, entry, &there) < 0)
        return MERGE_GONE;
    memcpy(name, there.name, strlen(there.name) + 1);
    for (unsigned counter = 2; there.exists && counter <= VARIANTS; counter++) {
        if (is_left_open(&there.st, entry)) {
            int error = close_down(there.parent, name, entry, &there.st);
            return error < 0 ? error : MERGE_GONE;
        }
        variant_name(name, there.name, strlen(there.name), entry->type, counter);
        there.exists = fstatat(there.parent, name, &there.st, AT_SYMLINK_NOFOLLOW) == 0;
    }
    return MERGE_GONE;
}

/* One try: an outcome, -EEXIST where a name has changed hands since the look, or -errno. */
static int step(struct merge *merge, const struct entry *entry) {
    struct spot staged;
    struct spot there;
    int result = look(merge, entry, &staged, &there);
    switch (result) {
    case MERGE_PLACED:
        return move_to(merge, entry, &staged, there.parent, there.name);
    case MERGE_REPLACED:
        return replace(&staged, &there);
    case MERGE_INSIDE: {
        int error = open_up(&staged, entry);
        return error < 0 ? error : MERGE_INSIDE;
    }
    case MERGE_GONE:
        return complete(merge, entry, &staged);
    default:
        return result;
    }
}

/* Also of what was placed before an interruption: nobody has made that durable. */
static void mark(struct merge *merge, const struct entry *entry) {
    dirty_add_directory(merge->dirty, entry->path, path_parent(entry->path, entry->path_length));
}

int merge_entry(struct merge *merge, const struct entry *entry, struct fail *fail) {
    int result = -EEXIST;
    mark(merge, entry);
    for (int try = 0; try < RACES && result == -EEXIST; try++)
        result = step(merge, entry);
    return result < 0 ? report(merge, entry, result, fail) : result;
}

/* One variant: 0; -EEXIST where it is taken, or the name of something that is still staged; -errno.
 * One that is the staged file itself was made before an interruption, and only its staged name is
 * left to be removed. */
static int try_beside(struct merge *merge, const struct entry *entry, const struct spot *staged,
                      int parent, const char *final) {
    struct stat st;
    if (fstatat(staged->parent, final, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    if (fstatat(parent, final, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? move_to(merge, entry, staged, parent, final) : -errno;
    if (entry->type == ENTRY_FILE && staged->st.st_nlink == 2 && st.st_ino == staged->st.st_ino &&
        st.st_dev == staged->st.st_dev && merge->old)
        return unlinkat(staged->parent, staged->name, 0) < 0 ? -errno : 0;
    return -EEXIST;
}

int merge_beside(struct merge *merge, const struct entry *entry, char final[LIMIT_COMPONENT + 1],
                 struct fail *fail) {
    struct spot staged = {0};
    struct spot there = {.name = ""};
    int error = find_staged(merge, entry, &staged);
    if (error == 0 && !staged.exists)
        return MERGE_GONE;
    if (error == 0)
        error = find(merge->placed, entry, &there);
    if (error != 0)
        return report(merge, entry, error, fail);
    mark(merge, entry);
    error = -EEXIST;
    for (unsigned counter = 2; counter <= VARIANTS && error == -EEXIST; counter++) {
        variant_name(final, there.name, strlen(there.name), entry->type, counter);
        error = try_beside(merge, entry, &staged, there.parent, final);
    }
    return error < 0 ? report(merge, entry, error, fail) : MERGE_PLACED;
}

int merge_sync(struct merge *merge, struct fail *fail) {
    const struct destination *destination = staging_destination(merge->staging);
    int error = dirty_sync(merge->dirty);
    if (error < 0)
        return fail_set(fail, error, "cannot make durable what was placed in %s",
                        destination_shown(destination));
    crash_point("merge-synced");
    return 0;
}
