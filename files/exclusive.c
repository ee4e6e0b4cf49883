#include "files/exclusive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Takes the final name exclusively with an empty directory or file of our own, described by *st. */
static int reserve(const struct exclusive *move, struct stat *st) {
    if (move->type == ENTRY_DIRECTORY) {
        if (mkdirat(move->to, move->to_name, 0700) < 0)
            return -errno;
    } else {
        int fd = openat(move->to, move->to_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return -errno;
        close(fd);
    }
    return fstatat(move->to, move->to_name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Gives the name back, unless something else has it by now. */
static void give_back(const struct exclusive *move, const struct stat *reserved) {
    struct stat st;
    int flags = move->type == ENTRY_DIRECTORY ? AT_REMOVEDIR : 0;
    if (fstatat(move->to, move->to_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_ino == reserved->st_ino && st.st_dev == reserved->st_dev)
        (void)unlinkat(move->to, move->to_name, flags);
}

/* For file systems that can rename only over what is there. */
static int reserve_and_rename(const struct exclusive *move) {
    struct stat reserved = {0};
    int error = reserve(move, &reserved);
    if (error < 0)
        return error;
    if (renameat(move->from, move->from_name, move->to, move->to_name) == 0)
        return 0;
    error = -errno;
    if (error == -ENOTEMPTY || error == -ENOTDIR || error == -EISDIR)
        return -EEXIST; /* somebody put something there at that very moment */
    give_back(move, &reserved);
    return error;
}

/* Without RENAME_NOREPLACE. A file gets its second name only where there is none, then loses its
 * first; but one that may have others would not be told from them after an interruption in between.
 */
static int rename_old(const struct exclusive *move) {
    if (move->type == ENTRY_DIRECTORY || move->linked)
        return reserve_and_rename(move);
    if (linkat(move->from, move->from_name, move->to, move->to_name, 0) == 0)
        return unlinkat(move->from, move->from_name, 0) < 0 ? -errno : 0;
    if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
        return reserve_and_rename(move);
    return -errno;
}

int exclusive_rename(const struct exclusive *move) {
    if (!move->old) {
        if (renameat2(move->from, move->from_name, move->to, move->to_name, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
            return -errno;
    }
    return rename_old(move);
}
