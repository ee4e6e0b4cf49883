#include "node/session/spots.h"

#include "base/io.h"
#include "base/path.h"
#include "files/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct spots {
    /* At the sender: the item looked into last. */
    const struct items *items;
    const char *item_path;
    int root;
    struct beneath *beneath;
    /* At the receiver: the directory that has another name, and all that is in it. */
    const struct receipt_marks *marks;
    size_t from_length;
    size_t to_length;
    char from[LIMIT_PATH];
    char to[LIMIT_PATH];
    size_t length; /* of the path that follows; 0: it is the one that was sent */
    char path[LIMIT_PATH];
};

static struct spots *make(void) {
    struct spots *spots = calloc(1, sizeof *spots);

    if (spots != NULL)
        spots->root = -1;
    return spots;
}

int spots_new_sent(struct spots **out, const struct items *items) {
    struct spots *spots = make();

    if (spots == NULL)
        return -ENOMEM;
    spots->items = items;
    *out = spots;
    return 0;
}

int spots_new_received(struct spots **out, int destination, const struct receipt_marks *marks) {
    struct spots *spots = make();

    if (spots == NULL || beneath_new(&spots->beneath, destination, false) < 0) {
        free(spots);
        return -ENOMEM;
    }
    spots->marks = marks;
    *out = spots;
    return 0;
}

void spots_free(struct spots *spots) {
    if (spots == NULL)
        return;
    beneath_free(spots->beneath);
    io_close(&spots->root);
    free(spots);
}

/* Makes `item` the one whose directory is open. 0 or -errno. */
static int enter(struct spots *spots, const struct item *item) {
    int r = 0;

    if (spots->item_path == item->path)
        return 0;
    beneath_free(spots->beneath);
    spots->beneath = NULL;
    spots->item_path = NULL;
    io_close(&spots->root);
    spots->root = open(item->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (spots->root < 0)
        return -errno;
    r = beneath_new(&spots->beneath, spots->root, false);
    if (r == 0)
        spots->item_path = item->path;
    return r;
}

static int find_sent(struct spots *spots, const struct entry *entry, struct spot *spot) {
    struct item item = items_find(spots->items, entry->path, entry->path_length);
    size_t below = item.name_length + 1;
    int r = 0;

    if (item.name == NULL)
        return -ENOENT;
    if (item.name_length == entry->path_length) {
        *spot = (struct spot){AT_FDCWD, item.path, true};
        return 0;
    }
    spot->follow = false;
    r = enter(spots, &item);
    if (r < 0)
        return r;
    return beneath_parent(spots->beneath, entry->path + below, entry->path_length - below,
                          &spot->parent, &spot->name);
}

/* The path as it is at the receiver, in spots->path; its length, or -ENAMETOOLONG. */
static ssize_t translate(struct spots *spots, const struct manifest_item *item) {
    const struct receipt_name *name = receipt_marks_name(spots->marks, item->number);
    const char *path = item->entry.path;
    size_t length = item->entry.path_length;
    size_t parent = path_parent(path, length);
    size_t keep = name == NULL ? length : parent == 0 ? 0 : parent + 1;
    size_t used = 0;
    size_t skip = 0;

    if (path_is_below(path, length, spots->from, spots->from_length)) {
        memcpy(spots->path, spots->to, spots->to_length);
        used = spots->to_length;
        skip = spots->from_length;
    }
    if (keep - skip > sizeof spots->path - used)
        return -ENAMETOOLONG;
    memcpy(spots->path + used, path + skip, keep - skip);
    used += keep - skip;
    if (name == NULL)
        return (ssize_t)used;
    if (name->length > sizeof spots->path - used)
        return -ENAMETOOLONG;
    memcpy(spots->path + used, name->bytes, name->length);
    return (ssize_t)(used + name->length);
}

static void remember(struct spots *spots, const struct entry *entry, size_t length) {
    memcpy(spots->from, entry->path, entry->path_length);
    memcpy(spots->to, spots->path, length);
    spots->from_length = entry->path_length;
    spots->to_length = length;
}

static int find_received(struct spots *spots, const struct manifest_item *item, struct spot *spot) {
    ssize_t length = translate(spots, item);

    spots->length = 0;
    if (length < 0)
        return (int)length;
    if ((size_t)length != item->entry.path_length ||
        memcmp(spots->path, item->entry.path, (size_t)length) != 0)
        spots->length = (size_t)length;
    if (item->entry.type == ENTRY_DIRECTORY &&
        receipt_marks_name(spots->marks, item->number) != NULL)
        remember(spots, &item->entry, (size_t)length);
    spot->follow = false;
    return beneath_parent(spots->beneath, spots->path, (size_t)length, &spot->parent, &spot->name);
}

int spots_find(struct spots *spots, const struct manifest_item *item, struct spot *spot) {
    return spots->items != NULL ? find_sent(spots, &item->entry, spot)
                                : find_received(spots, item, spot);
}

/* Opening a device or a named pipe does something to it. */
int spots_open(const struct spot *spot) {
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (spot->follow ? 0 : O_NOFOLLOW);
    struct stat st;
    int fd = -1;

    if (fstatat(spot->parent, spot->name, &st, spot->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EBADF;
    fd = openat(spot->parent, spot->name, flags);
    return fd < 0 ? -errno : fd;
}

const char *spots_path_here(const struct spots *spots, size_t *length) {
    *length = spots->length;
    return spots->length > 0 ? spots->path : NULL;
}
