#include "files/destination.h"

#include "base/escape.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/weaken.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SHOWN 384 /* room for a path in a message */
#define LEVEL_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define AREA_TRIES 8 /* how often the area may be removed by another process while it is opened */

struct place {
    dev_t device;
    ino_t inode;
};

struct destination {
    int fd;
    int area;
    bool without_new_calls;
    struct place *barred; /* the area first */
    size_t barred_count;
    char shown[SHOWN];
};

/* Makes what is missing of `path`, as mkdir -p does. `path` is cut up and put together again. */
static int make_directories(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0777);
        int error = made < 0 && errno != EEXIST ? -errno : 0;
        struct stat st;
        /* On a read-only or foreign part of the way mkdir may fail though the directory is there.
         */
        if (error < 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            error = 0;
        *slash = '/';
        if (error < 0)
            return error;
    }
    return mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT)
        return fd < 0 ? -errno : fd;
    char *copy = strdup(path);
    if (copy == NULL)
        return -ENOMEM;
    int error = make_directories(copy);
    free(copy);
    if (error < 0)
        return error;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Opens the directory `name` in `parent`, durably made where it is missing. */
static int enter(int parent, const char *name) {
    int fd = openat(parent, name, LEVEL_FLAGS);
    if (fd >= 0 || errno != ENOENT)
        return fd < 0 ? -errno : fd;
    if (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)
        return -errno;
    if (fsync(parent) < 0)
        return -errno;
    fd = openat(parent, name, LEVEL_FLAGS);
    return fd < 0 ? -errno : fd;
}

/* One name at a time, each from the descriptor before: no link is followed and nothing is made
 * behind one, whoever else changes names meanwhile. `base` is left open. */
static int open_below(int base, const char *directory) {
    char *copy = strdup(directory);
    char *rest = copy;
    int fd = copy == NULL ? -ENOMEM : base;
    while (fd >= 0 && rest != NULL) {
        int next = enter(fd, strsep(&rest, "/"));
        if (fd != base)
            close(fd);
        fd = next;
    }
    free(copy);
    return fd;
}

/* Takes the directory of a peer in place of the one that is open. */
static int descend(struct destination *destination, const char *directory, struct fail *fail) {
    const char *fault = path_directory_fault(directory, strlen(directory));
    if (fault != NULL)
        return fail_set(fail, -EINVAL, "cannot open a directory with %s", fault);
    int fd = open_below(destination->fd, directory);
    if (fd == -ELOOP || fd == -ENOTDIR || fd == -EXDEV)
        return fail_set(fail, fd,
                        "%s is no directory, or behind a symbolic link, which is not followed "
                        "where peers put things",
                        destination->shown);
    if (fd < 0)
        return fail_set(fail, fd, "cannot open %s", destination->shown);
    io_close(&destination->fd);
    destination->fd = fd;
    return 0;
}

/* Makes or finds the area and locks it against removal. 0; -errno; -ENOENT where it was removed in
 * between. */
static int hold_area(struct destination *destination, struct stat *st) {
    if (mkdirat(destination->fd, DESTINATION_AREA, 0700) < 0 && errno != EEXIST)
        return -errno;
    destination->area =
        openat(destination->fd, DESTINATION_AREA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (destination->area < 0)
        return -errno;
    /* Where there are no locks the area is not removed either. */
    (void)flock(destination->area, LOCK_SH);
    if (fstat(destination->area, st) < 0)
        return -errno;
    return st->st_nlink == 0 ? -ENOENT : 0;
}

static int bar(struct destination *destination, const struct stat *st) {
    size_t count = destination->barred_count;
    struct place *barred = reallocarray(destination->barred, count + 1, sizeof(*barred));
    if (barred == NULL)
        return -ENOMEM;
    barred[count] = (struct place){st->st_dev, st->st_ino};
    destination->barred = barred;
    destination->barred_count++;
    return 0;
}

/* The area must be a directory of our own that nobody else may look into: what is in it is trusted
 * to be what we put there. */
static int open_area(struct destination *destination, struct fail *fail) {
    struct stat st = {0};
    int error = -ENOENT;
    for (int try = 0; error == -ENOENT && try < AREA_TRIES; try++) {
        io_close(&destination->area);
        error = hold_area(destination, &st);
    }
    if (error < 0)
        return fail_set(fail, error, "cannot open %s/" DESTINATION_AREA, destination->shown);
    if (st.st_uid != geteuid())
        return fail_set(fail, 0, "%s/" DESTINATION_AREA " belongs to another user",
                        destination->shown);
    if ((st.st_mode & 0777) != 0700 && fchmod(destination->area, 0700) < 0)
        return fail_set(fail, -errno, "cannot close %s/" DESTINATION_AREA " to other users",
                        destination->shown);
    error = bar(destination, &st);
    return error < 0 ? fail_set(fail, error, "cannot open the destination") : 0;
}

int destination_drop_area(const struct destination *destination) {
    if (flock(destination->area, LOCK_EX | LOCK_NB) < 0)
        return 0;
    bool gone = unlinkat(destination->fd, DESTINATION_AREA, AT_REMOVEDIR) == 0;
    (void)flock(destination->area, LOCK_SH);
    if (gone && !weakened("directory-sync") && fsync(destination->fd) < 0)
        return -errno;
    return gone;
}

int destination_bar(struct destination *destination, char *const *paths, size_t count) {
    struct stat st;
    int error = 0;
    for (size_t i = 0; error == 0 && i < count; i++)
        if (stat(paths[i], &st) == 0)
            error = bar(destination, &st);
    return error;
}

bool destination_is_barred(const struct destination *destination, const struct stat *directory) {
    for (size_t i = 0; i < destination->barred_count; i++)
        if (destination->barred[i].inode == directory->st_ino &&
            destination->barred[i].device == directory->st_dev)
            return true;
    return false;
}

static void show(struct destination *destination, const char *base, const char *directory) {
    char path[2 * (LIMIT_PATH + 1)];
    snprintf(path, sizeof(path), "%s%s%s", base, directory[0] != '\0' ? "/" : "", directory);
    escape_text(destination->shown, sizeof(destination->shown), path);
}

static int open_all(struct destination *destination, const char *base, const char *directory,
                    struct fail *fail) {
    destination->fd = open_directory(base);
    if (destination->fd < 0)
        return fail_set(fail, destination->fd, "cannot open %s", destination->shown);
    int error = directory[0] != '\0' ? descend(destination, directory, fail) : 0;
    return error == 0 ? open_area(destination, fail) : error;
}

int destination_open(struct destination **out, const char *base, const char *directory,
                     struct fail *fail) {
    struct destination *destination = calloc(1, sizeof(*destination));
    if (destination == NULL)
        return fail_set(fail, -ENOMEM, "cannot open the destination");
    destination->area = destination->fd = -1;
    show(destination, base, directory);
    int error = open_all(destination, base, directory, fail);
    if (error < 0) {
        destination_close(destination);
        return error;
    }
    *out = destination;
    return 0;
}

void destination_close(struct destination *destination) {
    if (destination == NULL)
        return;
    (void)destination_drop_area(destination); /* where nothing is staged it is of no use */
    io_close(&destination->area);
    io_close(&destination->fd);
    free(destination->barred);
    free(destination);
}

void destination_without_new_calls(struct destination *destination) {
    destination->without_new_calls = true;
}

bool destination_lacks_new_calls(const struct destination *destination) {
    return destination->without_new_calls;
}

int destination_fd(const struct destination *destination) {
    return destination->fd;
}

int destination_area_fd(const struct destination *destination) {
    return destination->area;
}

const char *destination_shown(const struct destination *destination) {
    return destination->shown;
}

int destination_free_bytes(const struct destination *destination, uint64_t *bytes) {
    struct statvfs space;
    if (fstatvfs(destination->fd, &space) < 0)
        return -errno;
    *bytes = space.f_blocks == 0 ? UINT64_MAX : (uint64_t)space.f_bavail * space.f_frsize;
    return 0;
}
