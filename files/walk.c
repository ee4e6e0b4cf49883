#include "files/walk.h"

#include "base/escape.h"
#include "base/io.h"
#include "base/path.h"
#include "files/attributes.h"
#include "files/destination.h"
#include "files/inodes.h"
#include "files/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    const struct walk_rules *rules;
    const struct walk_sink *sink;
    struct fail *fail;
    struct inodes *inodes;
    struct attributes *attributes;
    bool partial; /* some of them are not in the next entry */
    uint32_t entries;
    int64_t began;     /* by the wall clock */
    bool excluded_all; /* nothing was met yet that is not excluded */
    struct item item;
    dev_t device; /* of the item */
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

#define SHOWN 1024 /* room for a path in a line */

/* Where the user knows what is being looked at. */
static const char *show(const struct walk *walk, char shown[SHOWN]) {
    char full[2 * sizeof(walk->path)];
    snprintf(full, sizeof(full), "%s%s", walk->item.path, walk->path + walk->item.name_length);
    return escape_text(shown, SHOWN, full);
}

static void skip(struct walk *walk, const char *reason, enum walk_loss loss) {
    char shown[SHOWN];
    char line[SHOWN + 256];
    snprintf(line, sizeof(line), "%s is not sent: %s", show(walk, shown), reason);
    walk->sink->skipped(walk->sink->context, walk->path, walk->length, line, loss);
}

static void skip_attribute(void *context, const char *name, const char *reason) {
    struct walk *walk = context;
    char shown[SHOWN];
    char attribute[ESCAPE_ROOM(96)];
    char line[SHOWN + sizeof(attribute) + 256];
    snprintf(line, sizeof(line), "%s is sent without its attribute%s%s: %s", show(walk, shown),
             name[0] != '\0' ? " " : "s", escape_text(attribute, sizeof(attribute), name), reason);
    walk->sink->skipped(walk->sink->context, walk->path, walk->length, line, WALK_PARTIAL);
    walk->partial = true;
}

static int skip_error(struct walk *walk, int error) {
    char reason[128];
    if (error == -ENOMEM || error == -EMFILE || error == -ENFILE)
        return fail_set(walk->fail, error, "cannot look through what is to be sent");
    skip(walk, error == -ENOENT ? "it has just vanished" : strerror_r(-error, reason, 128),
         WALK_FAILED);
    return 0;
}

/* What is being looked at, as it is described by `st`. */
static struct entry entry_of(const struct walk *walk, enum entry_type type, const struct stat *st) {
    return (struct entry){
        .type = type,
        .mode = st->st_mode & 0777,
        .mtime_s = st->st_mtim.tv_sec,
        .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
        .path = walk->path,
        .path_length = walk->length,
    };
}

static int emit(struct walk *walk, const struct entry *entry, const struct stat *st) {
    if (walk->entries == LIMIT_ENTRIES)
        return fail_set(walk->fail, 0, "there are more than %u files to send", LIMIT_ENTRIES);
    walk->entries++;
    int64_t now = io_wall_s();
    if (now < walk->began) /* the clock was set */
        walk->began = now;
    struct stamp stamp = stamps_of(st);
    stamp.fresh = stamps_is_fresh(st, walk->began);
    stamp.partial = walk->partial;
    walk->partial = false;
    return walk->sink->entry(walk->sink->context, entry, &stamp);
}

static int emit_hardlink(struct walk *walk, uint32_t original, const struct stat *st) {
    struct entry entry = {
        .type = ENTRY_HARDLINK,
        .path = walk->path,
        .path_length = walk->length,
        .original = original,
    };
    return emit(walk, &entry, st);
}

/* A file that is open, and that was not met before under another name. */
static int visit_open_file(struct walk *walk, int fd) {
    struct stat st;
    uint32_t number = walk->entries;
    if (fstat(fd, &st) < 0)
        return skip_error(walk, -errno);
    if (!S_ISREG(st.st_mode)) {
        skip(walk, "it has just been replaced", WALK_FAILED);
        return 0;
    }
    struct entry entry = entry_of(walk, ENTRY_FILE, &st);
    entry.size = (uint64_t)st.st_size;
    attributes_read(walk->attributes, fd, &entry, skip_attribute, walk);
    if (inodes_add(walk->inodes, &st, number) < 0)
        return skip_error(walk, -ENOMEM);
    return emit(walk, &entry, &st);
}

/* Not blocking, for what was a file may be a named pipe by now. */
static int visit_file(struct walk *walk, const struct place *place, const struct stat *st) {
    uint32_t original = 0;
    int follow = (place->flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0;
    if (inodes_find(walk->inodes, st, &original))
        return emit_hardlink(walk, original, st);
    int fd = openat(place->directory, place->name,
                    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | follow);
    if (fd < 0)
        return skip_error(walk, -errno);
    int result = visit_open_file(walk, fd);
    io_close(&fd);
    return result;
}

static int visit_link(struct walk *walk, const struct place *place, const struct stat *st) {
    ssize_t length = readlinkat(place->directory, place->name, walk->target, sizeof(walk->target));
    if (length < 0)
        return skip_error(walk, -errno);
    if (!path_is_target(walk->target, (size_t)length)) {
        skip(walk, "it is a symbolic link whose target is empty or too long", WALK_LEFT_OUT);
        return 0;
    }
    struct entry entry = entry_of(walk, ENTRY_SYMLINK, st);
    entry.mode = 0777;
    entry.target = walk->target;
    entry.target_length = (size_t)length;
    return emit(walk, &entry, st);
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

/* A directory on which another file system is mounted. It is not opened, since that may mount
 * something, or wait for a server. */
static int visit_mounted(struct walk *walk, const struct stat *st) {
    struct entry entry = entry_of(walk, ENTRY_DIRECTORY, st);
    return emit(walk, &entry, st);
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

/* The entry of a directory that is open. */
static int emit_directory(struct walk *walk, int fd) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return skip_error(walk, -errno);
    struct entry entry = entry_of(walk, ENTRY_DIRECTORY, &st);
    attributes_read(walk->attributes, fd, &entry, skip_attribute, walk);
    return emit(walk, &entry, &st);
}

/* A directory is an entry only when it can be opened: else it would arrive empty. Its `stat` is
 * taken anew from what was opened. */
static int visit_directory(struct walk *walk, const struct place *place) {
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
    int result = emit_directory(walk, fd);
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

/* What fxnode itself needs it for, or NULL. Its state has the key, which is nobody else's; and
 * where what was sent is removed, the node itself would be. */
static const char *find_own(const struct walk *walk, const struct place *place,
                            const struct stat *st) {
    bool item = place->flags == 0;
    const struct secret *secret = walk->rules->secret;
    if (S_ISDIR(st->st_mode) && strcmp(item ? walk->item.name : place->name, DESTINATION_AREA) == 0)
        return "it holds transfers that are still coming in";
    if (secret != NULL &&
        (secret_has(secret, st) || (item && secret_holds(secret, walk->item.path))))
        return "it belongs to the state of this node, which holds its key";
    return NULL;
}

static int visit_found(struct walk *walk, const struct place *place, const struct stat *st) {
    const char *own = find_own(walk, place, st);
    if (own != NULL) {
        skip(walk, own, WALK_LEFT_OUT);
        return 0;
    }
    if (S_ISREG(st->st_mode))
        return visit_file(walk, place, st);
    if (S_ISLNK(st->st_mode))
        return visit_link(walk, place, st);
    if (!S_ISDIR(st->st_mode)) {
        skip(walk, odd_type(st->st_mode), WALK_LEFT_OUT);
        return 0;
    }
    if (walk->rules->one_file_system && st->st_dev != walk->device)
        return visit_mounted(walk, st);
    return visit_directory(walk, place);
}

static bool is_excluded(const struct walk *walk, bool directory) {
    return filter_excludes(walk->rules->exclude, walk->path, directory);
}

/* What is excluded need not be readable, nor fit; only whether it is a directory has to be seen. */
static int visit(struct walk *walk, const struct place *place) {
    struct stat st;
    if (is_excluded(walk, false))
        return 0;
    int found = fstatat(place->directory, place->name, &st, place->flags) < 0 ? -errno : 0;
    if (found == 0 && S_ISDIR(st.st_mode) && is_excluded(walk, true))
        return 0;
    walk->excluded_all = false;
    const char *fault = path_fault(walk->path, walk->length);
    if (fault != NULL) {
        char reason[96];
        snprintf(reason, sizeof(reason), "its path has %s", fault);
        skip(walk, reason, WALK_FAILED);
        return 0;
    }
    if (found < 0)
        return skip_error(walk, found);
    return visit_found(walk, place, &st);
}

static int visit_item(struct walk *walk, struct item item) {
    struct stat st = {0};
    if (stat(item.path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        int error = -errno;
        char shown[384];
        return fail_set(walk->fail, error, "cannot send %s",
                        escape_text(shown, sizeof(shown), item.path));
    }
    walk->item = item;
    walk->device = st.st_dev;
    walk->length = item.name_length;
    memcpy(walk->path, item.name, item.name_length + 1);
    struct place place = {AT_FDCWD, item.path, 0};
    return visit(walk, &place);
}

int walk_items(const struct items *items, const struct walk_rules *rules,
               const struct walk_sink *sink, struct fail *fail) {
    struct walk walk = {
        .rules = rules, .sink = sink, .fail = fail, .began = io_wall_s(), .excluded_all = true};
    int result = inodes_new(&walk.inodes);
    if (result == 0)
        result = attributes_new(&walk.attributes);
    if (result < 0)
        fail_set(fail, result, "cannot look through what is to be sent");
    for (size_t i = 0; result == 0 && i < items_count(items); i++)
        result = visit_item(&walk, items_get(items, i));
    if (result == 0 && walk.excluded_all)
        result = fail_set(fail, 0, "there is nothing to send: all of it is excluded");
    attributes_free(walk.attributes);
    inodes_free(walk.inodes);
    return result;
}
