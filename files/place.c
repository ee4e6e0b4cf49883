#include "files/place.h"

#include "base/crash.h"
#include "base/escape.h"
#include "base/weaken.h"
#include "files/exclusive.h"
#include "files/variant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names that are tried before we give up; a person who has that many has another problem. */
#define VARIANTS 1000000u

/* Both ends of a rename. */
struct move {
    const struct staging *staging;
    struct place_item *item;
    int tree;
    int destination;
    dev_t
        device; /* of the staging as it is now: a number may change over a restart of the machine */
    char name[LIMIT_COMPONENT + 1];
};

static int begin(struct move *move, const struct staging *staging, struct place_item *item) {
    struct stat st;
    *move = (struct move){
        .staging = staging,
        .item = item,
        .tree = staging_tree_fd(staging),
        .destination = destination_fd(staging_destination(staging)),
    };
    memcpy(move->name, item->name, item->name_length);
    if (fstat(move->tree, &st) < 0)
        return -errno;
    move->device = st.st_dev;
    return 0;
}

static int report(const struct move *move, int error, struct fail *fail) {
    char shown[192];
    fail_set(fail, error, "cannot place %s in %s", escape_text(shown, sizeof(shown), move->name),
             destination_shown(staging_destination(move->staging)));
    return error == -ENOSPC || error == -EDQUOT ? PLACE_NO_SPACE : error;
}

/* Whether the item itself stands under its final name. */
static bool is_placed(const struct move *move) {
    struct stat st;
    return fstatat(move->destination, move->item->final, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_ino == move->item->inode && st.st_dev == move->device;
}

/* 1, 0 or -errno. */
static int exists(int directory, const char *name) {
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : -errno;
}

/* Sets item->final to the first of its names that is free now and not that of another item, which
 * would find this one there. 0 or -errno. */
static int find_free(struct move *move) {
    struct place_item *item = move->item;
    for (unsigned counter = 1; counter <= VARIANTS; counter++) {
        if (counter == 1)
            memcpy(item->final, move->name, item->name_length + 1);
        else
            variant_name(item->final, item->name, item->name_length, item->type, counter);
        int taken = exists(move->destination, item->final);
        if (taken == 0 && counter > 1)
            taken = exists(move->tree, item->final);
        if (taken != 1)
            return taken;
    }
    return -EEXIST;
}

int place_choose(struct staging *staging, struct place_item *item, struct fail *fail) {
    struct move move;
    struct stat st;
    int error = begin(&move, staging, item);
    if (error < 0)
        return report(&move, error, fail);
    if (fstatat(move.tree, move.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? PLACE_MISSING : report(&move, -errno, fail);
    item->device = st.st_dev;
    item->inode = st.st_ino;
    error = find_free(&move);
    return error < 0 ? report(&move, error, fail) : 0;
}

static int rename_exclusively(const struct move *move) {
    const struct exclusive how = {
        .from = move->tree,
        .from_name = move->name,
        .to = move->destination,
        .to_name = move->item->final,
        .type = move->item->type,
        .linked = move->item->linked,
        .old = destination_lacks_new_calls(staging_destination(move->staging)),
    };
    return exclusive_rename(&how);
}

/* Gives a top-level directory the mode that would have been in the way of its rename. */
static int give_mode(const struct move *move) {
    const struct place_item *item = move->item;
    struct stat st;
    if (item->type != ENTRY_DIRECTORY || (item->mode & 0700) == 0700 || !is_placed(move))
        return 0;
    int fd =
        openat(move->destination, item->final, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -errno; /* it has its mode already */
    int error = 0;
    if (fstat(fd, &st) < 0 ||
        (st.st_ino == item->inode && (fchmod(fd, item->mode) < 0 || fsync(fd) < 0)))
        error = -errno;
    close(fd);
    return error;
}

/* The item is still staged. 0, -EEXIST where the name is somebody else's, -errno. */
static int move_item(const struct move *move) {
    int error = rename_exclusively(move);
    if (error != -EEXIST || move->item->linked || !is_placed(move))
        return error;
    /* Linked before an interruption, and not yet unlinked. */
    return unlinkat(move->tree, move->name, 0) < 0 ? -errno : 0;
}

int place_item(struct staging *staging, struct place_item *item, struct fail *fail) {
    struct move move;
    struct stat st;
    int error = begin(&move, staging, item);
    if (error == 0 && fstatat(move.tree, move.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        error = move_item(&move);
    else if (error == 0 && errno != ENOENT)
        error = -errno;
    else if (error == 0 && !is_placed(&move))
        return PLACE_MISSING;
    if (error == -EEXIST) {
        error = find_free(&move);
        return error < 0 ? report(&move, error, fail) : PLACE_TAKEN;
    }
    if (error == 0) {
        crash_point("renamed");
        error = give_mode(&move);
    }
    return error < 0 ? report(&move, error, fail) : PLACE_DONE;
}

int place_sync(struct staging *staging, struct fail *fail) {
    const struct destination *destination = staging_destination(staging);
    if (weakened("directory-sync"))
        return 0;
    if (fsync(destination_fd(destination)) < 0 || fsync(staging_tree_fd(staging)) < 0)
        return fail_set(fail, -errno, "cannot make durable what was placed in %s",
                        destination_shown(destination));
    return 0;
}
