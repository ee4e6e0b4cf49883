#include "files/hardlinks.h"

#include "base/io.h"
#include "files/beneath.h"
#include "files/holes.h"
#include "files/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_STEP (64u * 1024u * 1024u) /* copied by one call at most, so that it can be ended */

/* Links and what they are links to mostly come in the order of their directories, each in its own:
 * so each has a hand that keeps its directory open. */
struct hardlinks {
    struct beneath *originals;
    struct beneath *links;
};

/* A name in a directory, which is borrowed from one of the two. */
struct spot {
    int parent;
    const char *name;
};

int hardlinks_new(struct hardlinks **out, struct staging *staging) {
    struct hardlinks *hardlinks = calloc(1, sizeof(*hardlinks));
    bool walk = destination_lacks_new_calls(staging_destination(staging));
    int tree = staging_tree_fd(staging);
    int error = hardlinks == NULL ? -ENOMEM : beneath_new(&hardlinks->originals, tree, walk);
    if (error == 0)
        error = beneath_new(&hardlinks->links, tree, walk);
    if (error < 0)
        hardlinks_free(hardlinks);
    else
        *out = hardlinks;
    return error;
}

void hardlinks_free(struct hardlinks *hardlinks) {
    if (hardlinks == NULL)
        return;
    beneath_free(hardlinks->originals);
    beneath_free(hardlinks->links);
    free(hardlinks);
}

static int find(struct beneath *beneath, const struct entry *entry, struct spot *spot) {
    return beneath_parent(beneath, entry->path, entry->path_length, &spot->parent, &spot->name);
}

/* A link to be made, and what it is to. */
struct both {
    struct spot link;
    struct spot file;
    struct stat st; /* of the file */
};

/* 0 or -errno. */
static int find_both(struct both *both, struct hardlinks *hardlinks, const struct entry *entry,
                     const struct entry *original) {
    const struct spot *file = &both->file;
    const struct stat *st = &both->st;
    *both = (struct both){.link.parent = -1};
    int error = find(hardlinks->originals, original, &both->file);
    if (error == 0)
        error = find(hardlinks->links, entry, &both->link);
    if (error != 0)
        return error;
    if (fstatat(file->parent, file->name, &both->st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return staged_is_linked_file(st) && (uint64_t)st->st_size == original->size ? 0 : -EEXIST;
}

/* The name of a link is in use. 0: by that link; -EEXIST: no longer; -errno. */
static int clear_name(const struct both *both) {
    const struct spot *link = &both->link;
    struct stat st;
    if (fstatat(link->parent, link->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (st.st_ino == both->st.st_ino && st.st_dev == both->st.st_dev)
        return 0;
    return unlinkat(link->parent, link->name, 0) < 0 ? -errno : -EEXIST;
}

static int make_link(const struct both *both) {
    const struct spot *file = &both->file;
    const struct spot *link = &both->link;
    return linkat(file->parent, file->name, link->parent, link->name, 0) < 0 ? -errno : 0;
}

int hardlinks_make(struct hardlinks *hardlinks, const struct entry *entry,
                   const struct entry *original) {
    struct both both;
    int error = find_both(&both, hardlinks, entry, original);
    if (error < 0)
        return error;
    error = make_link(&both);
    if (error == -EEXIST) {
        error = clear_name(&both);
        if (error == -EEXIST)
            error = make_link(&both);
    }
    switch (error) {
    case -EPERM:
    case -EMLINK:
    case -EOPNOTSUPP:
    case -ENOSYS:
        return HARDLINKS_UNSUPPORTED;
    default:
        return error;
    }
}

/* Copies [at, end). 0 or -errno. */
static int copy_stretch(int from, int to, uint64_t at, uint64_t end) {
    off_t source = (off_t)at;
    off_t target = (off_t)at;
    while ((uint64_t)target < end) {
        uint64_t left = end - (uint64_t)target;
        ssize_t got = copy_file_range(from, &source, to, &target,
                                      left < COPY_STEP ? (size_t)left : COPY_STEP, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return got < 0 ? -errno : -EEXIST;
    }
    return 0;
}

/* What is a hole stays one: a copy takes no more room than what it is of. */
static int copy_content(int from, int to, uint64_t size) {
    struct holes_memory memory = {0};
    int error = ftruncate(to, (off_t)size) < 0 ? -errno : 0;
    for (uint64_t at = 0; error == 0 && at < size; at = memory.to) {
        holes_look(from, &memory, at);
        if (!memory.is_hole)
            error = copy_stretch(from, to, at, memory.to < size ? memory.to : size);
    }
    return error;
}

int hardlinks_copy(struct hardlinks *hardlinks, const struct entry *entry,
                   const struct entry *original) {
    struct both both;
    int error = find_both(&both, hardlinks, entry, original);
    if (error < 0)
        return error;
    int from = staged_open_linked_file(both.file.parent, both.file.name, O_RDONLY);
    if (from < 0)
        return from;
    int to = openat(both.link.parent, both.link.name,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    error = to < 0 ? -errno : copy_content(from, to, original->size);
    io_close(&from);
    if (error < 0)
        io_close(&to);
    return error < 0 ? error : to;
}
