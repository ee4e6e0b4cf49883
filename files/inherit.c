#include "files/inherit.h"

#include "base/crash.h"
#include "base/io.h"
#include "base/path.h"
#include "files/attributes.h"
#include "files/beneath.h"
#include "files/outcome.h"
#include "files/staged.h"
#include "files/staging_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct inherit {
    struct staging *from; /* borrowed */
    struct staging *to;
    struct beneath *old_tree;
    struct beneath *new_tree;
};

int inherit_new(struct inherit **out, struct staging *from, struct staging *to) {
    struct inherit *inherit = calloc(1, sizeof(*inherit));
    bool walk = destination_lacks_new_calls(staging_destination(to));
    if (inherit == NULL)
        return -ENOMEM;
    inherit->from = from;
    inherit->to = to;
    int error = beneath_new(&inherit->old_tree, staging_tree_fd(from), walk);
    if (error == 0)
        error = beneath_new(&inherit->new_tree, staging_tree_fd(to), walk);
    if (error < 0)
        inherit_free(inherit);
    else
        *out = inherit;
    return error;
}

void inherit_free(struct inherit *inherit) {
    if (inherit == NULL)
        return;
    beneath_free(inherit->old_tree);
    beneath_free(inherit->new_tree);
    free(inherit);
}

/* A tree that was finished and not placed has attributes, and finishing only adds some. */
static int strip(int parent, const char *name) {
    int fd = staged_open_file(parent, name, O_RDONLY);
    if (fd < 0)
        return fd;
    int error = attributes_drop(fd);
    io_close(&fd);
    return error;
}

/* 0 or -errno. */
static int move_file(struct inherit *inherit, const struct entry *entry) {
    int old_parent = -1;
    int new_parent = -1;
    const char *old_name = NULL;
    const char *new_name = NULL;
    int error =
        beneath_parent(inherit->old_tree, entry->path, entry->path_length, &old_parent, &old_name);
    if (error == 0)
        error = strip(old_parent, old_name);
    if (error == 0)
        error = beneath_parent(inherit->new_tree, entry->path, entry->path_length, &new_parent,
                               &new_name);
    if (error < 0)
        return error;
    return renameat(old_parent, old_name, new_parent, new_name) < 0 ? -errno : 0;
}

/* Both directories have changed: one that has lost a name without knowing it durably would have it
 * again after a power failure, beside the new one. */
static void mark(struct inherit *inherit, const struct entry *entry) {
    size_t above = path_parent(entry->path, entry->path_length);
    dirty_add_directory(staging_parts_dirty(inherit->from), entry->path, above);
    dirty_add_directory(staging_parts_dirty(inherit->to), entry->path, above);
}

int inherit_file(struct inherit *inherit, const struct entry *entry) {
    if (move_file(inherit, entry) < 0)
        return STAGING_NONE;
    mark(inherit, entry);
    return 0;
}

int inherit_hashes(struct inherit *inherit, uint64_t from, uint64_t to, uint64_t count,
                   struct fail *fail) {
    int error =
        hashes_copy(staging_hashes(inherit->to), to, staging_hashes(inherit->from), from, count);
    return error < 0 ? outcome_of(error, fail, "take over hashes into", staging_shown(inherit->to))
                     : 0;
}

int inherit_sync(struct inherit *inherit, struct fail *fail) {
    crash_point("inherit-moved");
    int result = staging_sync_batch(inherit->to, fail);
    if (result == 0)
        result = staging_sync_directories(inherit->from, fail);
    if (result == 0)
        crash_point("inherit-synced");
    return result;
}
