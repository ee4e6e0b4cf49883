#include "node/session/remove.h"

#include "base/crash.h"
#include "base/escape.h"
#include "base/io.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES 1000u /* about what stays; the rest is counted */

/* Why an entry stays. */
static void stay(struct remove *remove, const struct entry *entry, const char *why) {
    char shown[ESCAPE_ROOM(96)];
    struct fail line;

    memcpy(remove->held, entry->path, entry->path_length);
    remove->held_length = entry->path_length;
    if (remove->stayed++ >= LINES)
        return;
    fail_set(&line, 0, "%s stays: %s",
             escape_bytes(shown, sizeof shown, entry->path, entry->path_length), why);
    uplink_note_entry(remove->audit.uplink, line.text, true, entry->path, entry->path_length);
}

static void stay_for(struct remove *remove, const struct entry *entry, int error) {
    char why[128];

    stay(remove, entry, strerror_r(-error, why, sizeof why));
}

int remove_sync(struct remove *remove) {
    int r = remove->begun_at >= 0 && syncfs(remove->begun_at) < 0 && errno != EROFS ? -errno : 0;

    io_close(&remove->begun_at);
    remove->begun = 0;
    return r;
}

/* Something goes in the directory of `spot`, or has gone there in a session before. What lies in an
 * item may be on another file system than the item. 0; 1 where the entry stays; negative. */
static int begin_on(struct remove *remove, const struct entry *entry, const struct spot *spot) {
    int r = 0;

    if (memchr(entry->path, '/', entry->path_length) == NULL || remove->begun == remove->device)
        return 0;
    r = remove_sync(remove);
    if (r < 0)
        return r;
    remove->begun_at = openat(spot->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (remove->begun_at < 0) {
        stay_for(remove, entry, -errno);
        return 1;
    }
    remove->begun = remove->device;
    return 0;
}

/* What is mounted in an item is a file system of its own. */
static int find_inside(struct remove *remove, const struct manifest_item *item, struct spot *spot) {
    struct stat st;
    int r = spots_find(remove->audit.spots, item, spot);

    if (r == 0 && fstat(spot->parent, &st) == 0)
        remove->device = st.st_dev;
    return r;
}

/* Where an entry is: its directory is held open. Of an item that is given as a symbolic link
 * nothing is removed, neither it nor what it leads to. */
static int find(struct remove *remove, const struct manifest_item *item, struct spot *spot) {
    const struct items *items = remove->audit.items;
    struct item top = items_find(items, item->entry.path, item->entry.path_length);
    size_t index = 0;
    struct stat st;

    while (index < items_count(items) && items_get(items, index).path != top.path)
        index++;
    remove->device = 0;
    if (index == items_count(items))
        return -ENOENT;
    if (remove->parents[index] < 0)
        return remove->parents[index];
    if (fstat(remove->parents[index], &st) == 0)
        remove->device = st.st_dev;
    if (fstatat(remove->parents[index], strrchr(top.path, '/') + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    remove->device = st.st_dev;
    if (S_ISLNK(st.st_mode))
        return -ELOOP;
    if (top.name_length < item->entry.path_length)
        return find_inside(remove, item, spot);
    *spot = (struct spot){.parent = remove->parents[index], .name = strrchr(top.path, '/') + 1};
    return 0;
}

/* Looks at all that is still there, which tells of disks that have other numbers now. */
static void meet_disks(struct remove *remove) {
    remove->met = true;
    for (uint32_t i = 0; i < remove->audit.job->manifest.entries; i++) {
        const struct manifest_item *item = NULL;
        struct spot spot = {.parent = -1, .name = ""};
        struct stamp stamp;
        struct stat st;
        struct fail fail;

        if (catalog_by_entry(remove->audit.originals, i, &item, &fail) == 0 &&
            stamps_get(remove->stamps, i, &stamp) == 0 && find(remove, item, &spot) == 0 &&
            fstatat(spot.parent, spot.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            (void)same_stamp(&remove->same, &st, &stamp, false);
    }
}

/* An entry is not there. A file system that is no longer mounted leaves an empty directory of the
 * one below: what was on it is not removed. */
static void gone(struct remove *remove, const struct entry *entry, const struct stamp *stamp) {
    uint64_t device = remove->device;

    if (!same_disk(&remove->same, stamp->device, device) && !remove->met)
        meet_disks(remove);
    if (same_disk(&remove->same, stamp->device, device))
        remove->moved++;
    else
        stay(remove, entry, "the disk that it was on is not there");
}

static void unlink_entry(struct remove *remove, const struct entry *entry,
                         const struct spot *spot) {
    int flags = entry->type == ENTRY_DIRECTORY ? AT_REMOVEDIR : 0;

    if (unlinkat(spot->parent, spot->name, flags) == 0) {
        remove->moved++;
        crash_point("move-removed");
    } else if (flags != 0 && (errno == ENOTEMPTY || errno == EEXIST)) {
        stay(remove, entry, "there is something in it that was not sent");
    } else {
        stay_for(remove, entry, -errno);
    }
}

/* A file, or a hard link of the file `original`. */
static void remove_file(struct remove *remove, const struct manifest_item *item,
                        const struct manifest_item *original, const struct stamp *stamp,
                        const struct spot *spot) {
    int fd = spots_open(spot);
    const char *why = NULL;

    if (fd == -ENOENT) {
        gone(remove, &item->entry, stamp);
    } else if (fd == -EBADF) {
        stay(remove, &item->entry, "something else has its name");
    } else if (fd < 0) {
        stay_for(remove, &item->entry, fd);
    } else {
        why = same_file(&remove->same, original, fd, stamp);
        if (why == NULL && !same_name(spot, fd))
            why = "another file has its name";
        if (why != NULL)
            stay(remove, &item->entry, why);
        else
            unlink_entry(remove, &item->entry, spot);
    }
    io_close(&fd);
}

/* Looks at what is no file. False where it is not there, or cannot be seen. */
static bool look(struct remove *remove, const struct entry *entry, const struct stamp *stamp,
                 const struct spot *spot, struct stat *st) {
    if (fstatat(spot->parent, spot->name, st, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    if (errno == ENOENT)
        gone(remove, entry, stamp);
    else
        stay_for(remove, entry, -errno);
    return false;
}

static void remove_link(struct remove *remove, const struct entry *entry, const struct stamp *stamp,
                        const struct spot *spot) {
    struct stat st;

    if (!look(remove, entry, stamp, spot, &st))
        return;
    if (!S_ISLNK(st.st_mode) || !same_stamp(&remove->same, &st, stamp, false) ||
        !same_target(entry, spot))
        stay(remove, entry, SAME_CHANGED);
    else
        unlink_entry(remove, entry, spot);
}

static void remove_directory(struct remove *remove, const struct entry *entry,
                             const struct stamp *stamp, const struct spot *spot) {
    struct stat st;

    if (!look(remove, entry, stamp, spot, &st))
        return;
    if (!S_ISDIR(st.st_mode) || !same_stamp(&remove->same, &st, stamp, true))
        stay(remove, entry, "something else has its name");
    else
        unlink_entry(remove, entry, spot);
}

static bool holds_what_stayed(const struct remove *remove, const struct entry *entry) {
    return path_is_below(remove->held, remove->held_length, entry->path, entry->path_length);
}

/* Whether some of its attributes were not sent, which a file shares with all its names. */
static bool is_partial(const struct remove *remove, const struct manifest_item *item) {
    bool linked = item->entry.type == ENTRY_HARDLINK;
    struct stamp stamp;

    return stamps_get(remove->stamps, linked ? item->entry.original : item->number, &stamp) != 0 ||
           stamp.partial;
}

/* Why nothing is removed of an entry, whatever it is now; NULL where it may be. */
static const char *find_reason(const struct remove *remove, const struct manifest_item *item) {
    const struct receipt_marks *marks = &remove->audit.marks;

    if (remove->why != NULL)
        return remove->why;
    if (rangeset_contains(&marks->failed, item->number, 1))
        return "it was not delivered";
    if (rangeset_contains(&marks->left_out, item->number, 1))
        return "the receiver has left it out";
    if (rangeset_contains(&marks->theirs, item->number, 1))
        return "the receiver had a file of this size and time, and its content was not compared";
    if (is_partial(remove, item))
        return "it was sent without some of its extended attributes";
    if (marks->lacking > 0 && item->entry.attribute_count > 0)
        return "it may have arrived without some of its extended attributes";
    return NULL;
}

/* 0 or negative. */
static int remove_found(struct remove *remove, const struct manifest_item *item,
                        const struct stamp *stamp, const struct spot *spot) {
    const struct manifest_item *original = item;
    struct fail fail;
    int r = begin_on(remove, &item->entry, spot);

    if (r != 0)
        return r < 0 ? r : 0;
    switch (item->entry.type) {
    case ENTRY_DIRECTORY:
        remove_directory(remove, &item->entry, stamp, spot);
        return 0;
    case ENTRY_SYMLINK:
        remove_link(remove, &item->entry, stamp, spot);
        return 0;
    case ENTRY_HARDLINK:
        if (catalog_by_entry(remove->audit.originals, item->entry.original, &original, &fail) != 0)
            return -EBADMSG;
        break;
    default:
        break;
    }
    remove_file(remove, item, original, stamp, spot);
    return 0;
}

/* Why an entry stays that is not to be found; 0 or negative. */
static int not_found(struct remove *remove, const struct entry *entry, int error) {
    switch (error) {
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
    case -EBADMSG:
        return error;
    case -ELOOP:
        stay(remove, entry,
             memchr(entry->path, '/', entry->path_length) == NULL ? "it is a symbolic link"
                                                                  : "a symbolic link leads to it");
        return 0;
    case -ENOTDIR:
    case -EXDEV:
        stay(remove, entry, "something else is where its directory was");
        return 0;
    default:
        stay_for(remove, entry, error);
        return 0;
    }
}

int remove_entry(struct remove *remove, const struct manifest_item *item) {
    const char *why = find_reason(remove, item);
    struct spot spot = {.parent = -1, .name = ""};
    struct stamp stamp;
    int r = stamps_get(remove->stamps, item->number, &stamp);

    if (item->entry.type == ENTRY_DIRECTORY && holds_what_stayed(remove, &item->entry)) {
        memcpy(remove->held, item->entry.path, item->entry.path_length);
        remove->held_length = item->entry.path_length;
        return 0;
    }
    if (why != NULL) {
        stay(remove, &item->entry, why);
        return 0;
    }
    if (r == 0)
        r = find(remove, item, &spot);
    if (r == 0)
        return remove_found(remove, item, &stamp, &spot);
    if (r != -ENOENT || remove->device == 0)
        return not_found(remove, &item->entry, r);
    gone(remove, &item->entry, &stamp);
    return 0;
}
