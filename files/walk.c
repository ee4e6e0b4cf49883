#include "files/walk.h"

#include "base/escape.h"
#include "base/path.h"
#include "files/destination.h"
#include "files/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    const struct walk_sink *sink;
    struct fail *fail;
    uint32_t entries;
    struct item item;
    /* Path in the manifest of what is being looked at, terminated. The walk descends at most
     * LIMIT_PATH, so one name more always fits. */
    size_t length;
    char path[LIMIT_PATH + 1 + LIMIT_COMPONENT + 1];
    char target[LIMIT_PATH + 2];
};

/* Where something is to be found: a directory and a name in it. Only what the user named itself may
 * be a symbolic link that is followed. */
struct place {
    int directory;
    const char *name;
    int flags; /* 0 or AT_SYMLINK_NOFOLLOW */
};

static void skip(struct walk *walk, const char *reason, bool failed) {
    char full[2 * sizeof(walk->path)];
    char shown[1024];
    char line[1280];
    snprintf(full, sizeof(full), "%s%s", walk->item.path, walk->path + walk->item.name_length);
    escape_text(shown, sizeof(shown), full);
    snprintf(line, sizeof(line), "%s is not sent: %s", shown, reason);
    walk->sink->skipped(walk->sink->context, line, failed);
}

static int skip_error(struct walk *walk, int error) {
    char reason[128];
    if (error == -ENOMEM || error == -EMFILE || error == -ENFILE)
        return fail_set(walk->fail, error, "cannot look through what is to be sent");
    skip(walk, error == -ENOENT ? "it has just vanished" : strerror_r(-error, reason, 128), true);
    return 0;
}

static int emit(struct walk *walk, enum entry_type type, const struct stat *st, size_t target) {
    if (walk->entries == LIMIT_ENTRIES)
        return fail_set(walk->fail, 0, "there are more than %u files to send", LIMIT_ENTRIES);
    walk->entries++;
    struct entry entry = {
        .type = type,
        .mode = type == ENTRY_SYMLINK ? 0777 : st->st_mode & 0777,
        .size = type == ENTRY_FILE ? (uint64_t)st->st_size : 0,
        .mtime_s = st->st_mtim.tv_sec,
        .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
        .path = walk->path,
        .path_length = walk->length,
        .target = type == ENTRY_SYMLINK ? walk->target : NULL,
        .target_length = target,
    };
    struct stamp stamp = stamps_of(st);
    return walk->sink->entry(walk->sink->context, &entry, &stamp);
}

static int visit_file(struct walk *walk, const struct place *place, const struct stat *st) {
    if (faccessat(place->directory, place->name, R_OK, AT_EACCESS | place->flags) < 0)
        return skip_error(walk, -errno);
    return emit(walk, ENTRY_FILE, st, 0);
}

static int visit_link(struct walk *walk, const struct place *place, const struct stat *st) {
    ssize_t length = readlinkat(place->directory, place->name, walk->target, sizeof(walk->target));
    if (length < 0)
        return skip_error(walk, -errno);
    if (!path_link_is_inside(walk->path, walk->length, walk->target, (size_t)length)) {
        skip(walk, "it is a symbolic link that leads out of what is sent", false);
        return 0;
    }
    return emit(walk, ENTRY_SYMLINK, st, (size_t)length);
}

static int visit(struct walk *walk, const struct place *place);

static int visit_names(struct walk *walk, int directory, const struct names *names) {
    size_t above = walk->length;
    int result = 0;
    for (size_t i = 0; result == 0 && i < names_count(names); i++) {
        struct place place = {directory, names_get(names, i), AT_SYMLINK_NOFOLLOW};
        size_t length = strlen(place.name);
        walk->path[above] = '/';
        memcpy(walk->path + above + 1, place.name, length + 1);
        walk->length = above + 1 + length;
        result = visit(walk, &place);
    }
    walk->length = above;
    walk->path[above] = '\0';
    return result;
}

/* What is in a directory that is open. */
static int visit_inside(struct walk *walk, DIR *directory) {
    struct names *names = NULL;
    int error = names_read(&names, directory);
    if (error < 0)
        return skip_error(walk, error);
    int result = visit_names(walk, dirfd(directory), names);
    names_free(names);
    return result;
}

/* A directory is an entry only when it can be opened: else it would arrive empty. Its `stat` is
 * taken anew from what was opened. */
static int visit_directory(struct walk *walk, const struct place *place) {
    struct stat st;
    int follow = (place->flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0;
    int fd = openat(place->directory, place->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
    if (fd < 0)
        return skip_error(walk, -errno);
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        int error = -errno;
        close(fd);
        return skip_error(walk, error);
    }
    int result =
        fstat(fd, &st) < 0 ? skip_error(walk, -errno) : emit(walk, ENTRY_DIRECTORY, &st, 0);
    if (result == 0)
        result = visit_inside(walk, directory);
    closedir(directory);
    return result;
}

static const char *odd_type(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFIFO:
        return "it is a named pipe";
    case S_IFSOCK:
        return "it is a socket";
    default:
        return "it is a device";
    }
}

static int visit_found(struct walk *walk, const struct place *place, const struct stat *st) {
    if (S_ISREG(st->st_mode))
        return visit_file(walk, place, st);
    if (S_ISLNK(st->st_mode))
        return visit_link(walk, place, st);
    if (!S_ISDIR(st->st_mode)) {
        skip(walk, odd_type(st->st_mode), false);
        return 0;
    }
    const char *name = place->flags == 0 ? walk->item.name : place->name;
    if (strcmp(name, DESTINATION_AREA) == 0) {
        skip(walk, "it holds transfers that are still coming in", false);
        return 0;
    }
    return visit_directory(walk, place);
}

static int visit(struct walk *walk, const struct place *place) {
    struct stat st;
    const char *fault = path_fault(walk->path, walk->length);
    if (fault != NULL) {
        char reason[96];
        snprintf(reason, sizeof(reason), "its path has %s", fault);
        skip(walk, reason, true);
        return 0;
    }
    if (fstatat(place->directory, place->name, &st, place->flags) < 0)
        return skip_error(walk, -errno);
    return visit_found(walk, place, &st);
}

static int visit_item(struct walk *walk, struct item item) {
    struct stat st;
    if (stat(item.path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        int error = -errno;
        char shown[384];
        return fail_set(walk->fail, error, "cannot send %s",
                        escape_text(shown, sizeof(shown), item.path));
    }
    walk->item = item;
    walk->length = item.name_length;
    memcpy(walk->path, item.name, item.name_length + 1);
    struct place place = {AT_FDCWD, item.path, 0};
    return visit(walk, &place);
}

int walk_items(const struct items *items, const struct walk_sink *sink, struct fail *fail) {
    struct walk walk = {.sink = sink, .fail = fail};
    int result = 0;
    for (size_t i = 0; result == 0 && i < items_count(items); i++)
        result = visit_item(&walk, items_get(items, i));
    return result;
}
