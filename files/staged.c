#include "files/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool staged_is_linked_file(const struct stat *st) {
    return S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

bool staged_is_file(const struct stat *st) {
    return staged_is_linked_file(st) && st->st_nlink == 1;
}

static bool is_directory(const struct stat *st) {
    return S_ISDIR(st->st_mode) && st->st_uid == geteuid();
}

/* Only for a user other than root, who may open anything. */
static int unlock(int parent, const char *name, bool (*is_ours)(const struct stat *), mode_t mode) {
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!is_ours(&st))
        return -EEXIST;
    return fchmodat(parent, name, mode, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int open_ours(int parent, const char *name, int flags, bool (*is_ours)(const struct stat *),
                     mode_t mode) {
    struct stat st;
    int fd = openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) {
        int error = unlock(parent, name, is_ours, mode);
        if (error < 0)
            return error;
        fd = openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0)
        return errno == ELOOP || errno == ENOTDIR || errno == EISDIR || errno == ENXIO ? -EEXIST
                                                                                       : -errno;
    if (fstat(fd, &st) == 0 && is_ours(&st))
        return fd;
    close(fd);
    return -EEXIST;
}

int staged_open_file(int parent, const char *name, int access) {
    return open_ours(parent, name, access | O_NONBLOCK | O_NOCTTY, staged_is_file, 0600);
}

int staged_open_linked_file(int parent, const char *name, int access) {
    return open_ours(parent, name, access | O_NONBLOCK | O_NOCTTY, staged_is_linked_file, 0600);
}

int staged_open_directory(int parent, const char *name) {
    return open_ours(parent, name, O_RDONLY | O_DIRECTORY, is_directory, 0700);
}
