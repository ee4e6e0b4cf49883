#include "files/clean.h"

#include "base/weaken.h"
#include "files/names.h"
#include "files/staging_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Staged trees are at most LIMIT_DEPTH deep below "tree". */
#define DEPTH_MAX (LIMIT_DEPTH + 2)

/* What stays until the end, so that nobody else begins meanwhile. */
#define KEPT "lock"

struct clean {
    dev_t device;
    unsigned depth;
};

/* Whether something is mounted here, be it of the same file system. */
static int refuse_mount(const struct clean *clean, int fd, mode_t *mode) {
    struct statx found;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    *mode = st.st_mode;
    if (st.st_dev != clean->device)
        return -EXDEV;
    if (statx(fd, "", AT_EMPTY_PATH, 0, &found) < 0)
        return errno == ENOSYS || errno == EPERM ? 0 : -errno;
    return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? -EXDEV : 0;
}

static int remove_inside(struct clean *clean, int fd);

/* Opens a directory for emptying. Its final mode may forbid that to its owner. */
static int open_directory(int parent, const char *name) {
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd >= 0 || errno != EACCES)
        return fd < 0 ? -errno : fd;
    if (fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    fd = openat(parent, name, flags);
    return fd < 0 ? -errno : fd;
}

static int remove_directory(struct clean *clean, int parent, const char *name) {
    mode_t mode = 0;
    if (clean->depth == DEPTH_MAX)
        return -ELOOP;
    int fd = open_directory(parent, name);
    if (fd < 0)
        return fd;
    int error = refuse_mount(clean, fd, &mode);
    if (error == 0 && (mode & 0700) != 0700 && fchmod(fd, 0700) < 0)
        error = -errno;
    if (error < 0) {
        close(fd);
        return error;
    }
    clean->depth++;
    error = remove_inside(clean, fd);
    clean->depth--;
    if (error == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        error = -errno;
    return error;
}

/* unlinkat never follows a link and tells what is a directory. */
static int remove_name(struct clean *clean, int parent, const char *name) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    return remove_directory(clean, parent, name);
}

/* Removes all that is in `fd` (taken over), but at the top the lock. */
static int remove_inside(struct clean *clean, int fd) {
    struct names *names = NULL;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        int error = -errno;
        close(fd);
        return error;
    }
    int error = names_read(&names, directory);
    for (size_t i = 0; error == 0 && i < names_count(names); i++) {
        const char *name = names_get(names, i);
        if (clean->depth > 0 || strcmp(name, KEPT) != 0)
            error = remove_name(clean, dirfd(directory), name);
    }
    names_free(names);
    closedir(directory);
    return error;
}

static int remove_contents(struct staging *staging) {
    struct stat st;
    struct clean clean = {0};
    if (fstat(staging_fd(staging), &st) < 0)
        return -errno;
    clean.device = st.st_dev;
    int fd = openat(staging_fd(staging), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : remove_inside(&clean, fd);
}

static int remove_all(struct staging *staging) {
    int error = remove_contents(staging);
    if (error < 0)
        return error;
    if (unlinkat(staging_fd(staging), KEPT, 0) < 0 && errno != ENOENT)
        return -errno;
    int area = destination_area_fd(staging_destination(staging));
    return unlinkat(area, staging_parts_name(staging), AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* What is recorded as removed is never looked for again, so it must not come back. */
static int sync_removal(const struct destination *destination) {
    int gone = destination_drop_area(destination);
    if (gone == 0 && !weakened("directory-sync") && fsync(destination_area_fd(destination)) < 0)
        return -errno;
    return gone < 0 ? gone : 0;
}

int clean_staging(struct staging *staging, struct fail *fail) {
    int error = remove_all(staging);
    return error < 0 ? fail_set(fail, error, "cannot remove %s", staging_shown(staging))
                     : clean_area(staging_destination(staging), fail);
}

int clean_area(const struct destination *destination, struct fail *fail) {
    int error = sync_removal(destination);
    return error < 0 ? fail_set(fail, error, "cannot make durable what was removed from %s",
                                destination_shown(destination))
                     : 0;
}

int clean_contents(struct staging *staging, struct fail *fail) {
    int error = remove_contents(staging);
    return error < 0 ? fail_set(fail, error, "cannot empty %s", staging_shown(staging)) : 0;
}
