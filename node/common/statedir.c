#include "node/common/statedir.h"

#include "base/escape.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"

/* mkdir -p; the last one 0700, parents as umask says. */
static int make_path(const char *path) {
    char part[PATH_MAX];
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--; /* what stands before it is the last one */
    if (length == 0)
        return -ENOENT;
    if (length >= sizeof part)
        return -ENAMETOOLONG;
    memcpy(part, path, length);
    part[length] = '\0';
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        /* An existing directory on a read-only disk may say EROFS rather than EEXIST. */
        if (mkdir(part, 0777) != 0 && errno != EEXIST && errno != EROFS)
            return -errno;
        *at = '/';
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

/* A directory that is not ours need not let us look into it; then we have not made anything there.
 */
static int sync_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return errno == EACCES || errno == EPERM ? 0 : -errno;
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        rc = -errno;
    io_close(&fd);
    return rc;
}

/* The names that lead to `path`, itself included, outlast a power cut: without them nothing in it
 * does. */
static int sync_path(const char *path) {
    char part[PATH_MAX] = "/";
    int rc = sync_directory("/");

    for (const char *at = strchr(path + 1, '/'); rc == 0 && at != NULL; at = strchr(at + 1, '/')) {
        memcpy(part, path, (size_t)(at - path));
        part[at - path] = '\0';
        rc = sync_directory(part);
    }
    return rc;
}

/* Until a node has had the lock, who knows what became of those who made directories before. */
static int sync_first(int fd, const char *path) {
    return faccessat(fd, LOCK_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : sync_path(path);
}

int statedir_open(struct statedir *dir, const char *path, struct fail *fail) {
    char shown[256];
    struct stat st;
    int rc = make_path(path);

    escape_text(shown, sizeof shown, path);
    *dir = (struct statedir){.fd = -1, .lock_fd = -1};
    if (rc < 0)
        return fail_set(fail, rc, "cannot make the state directory %s", shown);
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->fd < 0)
        return fail_set(fail, -errno, "cannot open the state directory %s", shown);
    if (fstat(dir->fd, &st) != 0)
        rc = fail_set(fail, -errno, "cannot examine the state directory %s", shown);
    else if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        rc =
            fail_set(fail, 0,
                     "the state directory %s belongs to or can be written by others: chmod 700 it, "
                     "or choose another with --state",
                     shown);
    else if ((rc = sync_first(dir->fd, path)) < 0)
        fail_set(fail, rc, "cannot make the state directory %s durable", shown);
    if (rc < 0)
        statedir_close(dir);
    return rc;
}

/* A lock on the whole file that belongs to the open file (fcntl(2), "Open file description locks").
 * Unlike with flock(2), whether it is held can be asked without taking it: a command that looks for
 * the node is never in the way of one that starts. */
static struct flock whole(short type) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

int statedir_lock(struct statedir *dir, const char *path, struct fail *fail) {
    char shown[256];
    struct flock lock = whole(F_WRLCK);
    escape_text(shown, sizeof shown, path);
    dir->lock_fd = openat(dir->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (dir->lock_fd < 0)
        return fail_set(fail, -errno, "cannot open %s/" LOCK_NAME, shown);
    if (fcntl(dir->lock_fd, F_OFD_SETLK, &lock) == 0) {
        /* What a node before us has named is no longer true. */
        return ftruncate(dir->lock_fd, 0) == 0
                   ? 0
                   : fail_set(fail, -errno, "cannot write %s/" LOCK_NAME, shown);
    }
    int rc = errno == EAGAIN || errno == EACCES
                 ? STATEDIR_LOCKED
                 : fail_set(fail, -errno, "cannot lock %s/" LOCK_NAME, shown);
    io_close(&dir->lock_fd);
    return rc;
}

int statedir_publish(struct statedir *dir, const char *path, const char *socket,
                     struct fail *fail) {
    char shown[256];
    int rc = io_pwrite_full(dir->lock_fd, socket, strlen(socket), 0);
    return rc < 0 ? fail_set(fail, rc, "cannot write %s/" LOCK_NAME,
                             escape_text(shown, sizeof shown, path))
                  : 0;
}

bool statedir_socket(const char *path, char *out, size_t room) {
    char name[PATH_MAX];
    struct flock lock = whole(F_WRLCK);
    int length = snprintf(name, sizeof name, "%s/" LOCK_NAME, path);
    if (length < 0 || (size_t)length >= sizeof name)
        return false;
    int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    /* Where nobody is in the way of a lock, the text is left over. */
    bool held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    ssize_t got = held ? io_pread_full(fd, out, room - 1, 0) : -1;
    io_close(&fd);
    if (got <= 0)
        return false;
    out[got] = '\0';
    return out[0] == '/' && strlen(out) == (size_t)got;
}

void statedir_close(struct statedir *dir) {
    io_close(&dir->lock_fd);
    io_close(&dir->fd);
}
