/* Calls on open files. */
#include "tests/sim/calls.h"
#include "tests/sim/disk.h"
#include "tests/sim/handle.h"
#include "tests/sim/machine.h"
#include "tests/sim/socket.h"
#include "tests/sim/trace.h"
#include "tests/sim/weaken.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

int calls_fail(int error) {
    if (error >= 0)
        return error;
    errno = -error;
    return -1;
}

struct inode *calls_inode(int fd) {
    struct handle *handle = handle_get(fd);

    if (handle != NULL && handle->kind != HANDLE_FILE) {
        errno = EINVAL;
        return NULL;
    }
    return handle == NULL ? NULL : handle->inode;
}

int __wrap_close(int fd) {
    task_call("close");
    trace("close %d", fd);
    return calls_fail(handle_close(process_now(), fd));
}

static ssize_t read_event(struct handle *handle, void *data) {
    if (handle->counter == 0)
        return calls_fail(-EAGAIN);
    memcpy(data, &handle->counter, sizeof handle->counter);
    handle->counter = 0;
    return sizeof handle->counter;
}

ssize_t __wrap_read(int fd, void *data, size_t length) {
    struct handle *handle = handle_get(fd);
    size_t got = 0;

    task_call("read");
    if (handle == NULL)
        return -1;
    if (handle->kind == HANDLE_EVENT)
        return read_event(handle, data);
    if (handle->kind == HANDLE_SOCKET)
        return calls_fail((int)socket_receive(handle, data, length, 0));
    if (handle->kind == HANDLE_NULL)
        return 0;
    got = disk_read(handle->inode, data, length, handle->offset);
    handle->offset += got;
    return (ssize_t)got;
}

ssize_t __wrap___read_chk(int fd, void *data, size_t length, size_t room) {
    (void)room;
    return __wrap_read(fd, data, length);
}

ssize_t __wrap_write(int fd, const void *data, size_t length) {
    struct handle *handle = NULL;

    if (fd == STDERR_FILENO || fd == STDOUT_FILENO) {
        trace("%.*s", (int)length - 1, (const char *)data);
        return (ssize_t)length;
    }
    task_call("write");
    handle = handle_get(fd);
    if (handle == NULL)
        return -1;
    if (handle->kind == HANDLE_EVENT) {
        handle->counter++;
        task_wake(TASK_ANYTHING);
    } else if (handle->kind == HANDLE_FILE) {
        disk_write(handle->inode, data, length, handle->offset);
        handle->offset += length;
    } else if (handle->kind == HANDLE_SOCKET) {
        return calls_fail((int)socket_send(handle, data, length, 0, NULL, 0));
    }
    return (ssize_t)length;
}

ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset) {
    struct inode *inode = calls_inode(fd);

    task_call("pread");
    return inode == NULL ? -1 : (ssize_t)disk_read(inode, data, length, (uint64_t)offset);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t length, off_t offset) {
    struct inode *inode = calls_inode(fd);

    task_call("pwrite");
    if (inode == NULL)
        return -1;
    trace("pwrite %d %zu at %lld", fd, length, (long long)offset);
    disk_write(inode, data, length, (uint64_t)offset);
    return (ssize_t)length;
}

off_t __wrap_lseek(int fd, off_t offset, int whence) {
    struct handle *handle = handle_get(fd);
    struct inode *inode = calls_inode(fd);
    uint64_t found = 0;

    task_call("lseek");
    if (inode == NULL)
        return -1;
    if (whence == SEEK_SET)
        return (off_t)(handle->offset = (uint64_t)offset);
    if (whence == SEEK_END)
        return (off_t)(handle->offset = disk_size(inode) + (uint64_t)offset);
    if ((uint64_t)offset >= disk_size(inode))
        return calls_fail(-ENXIO);
    found = disk_seek(inode, (uint64_t)offset, whence == SEEK_DATA);
    if (whence == SEEK_DATA && found == disk_size(inode))
        return calls_fail(-ENXIO);
    return (off_t)(handle->offset = found);
}

int __wrap_ftruncate(int fd, off_t length) {
    struct inode *inode = calls_inode(fd);

    task_call("ftruncate");
    if (inode == NULL)
        return -1;
    disk_truncate(inode, (uint64_t)length);
    return 0;
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t length) {
    struct inode *inode = calls_inode(fd);

    task_call("fallocate");
    if (inode == NULL)
        return -1;
    if ((mode & FALLOC_FL_PUNCH_HOLE) != 0)
        disk_punch(inode, (uint64_t)offset, (uint64_t)length);
    else if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0)
        return calls_fail(-EOPNOTSUPP);
    else if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && disk_size(inode) < (uint64_t)(offset + length))
        disk_truncate(inode, (uint64_t)(offset + length));
    return 0;
}

ssize_t __wrap_copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t length,
                               unsigned flags) {
    struct inode *source = calls_inode(from);
    struct inode *target = calls_inode(to);
    char part[4096];
    size_t got = 0;

    (void)flags;
    task_call("copy_file_range");
    if (source == NULL || target == NULL)
        return -1;
    got = disk_read(source, part, length < sizeof part ? length : sizeof part, (uint64_t)*from_at);
    disk_write(target, part, got, (uint64_t)*to_at);
    *from_at += (off_t)got;
    *to_at += (off_t)got;
    return (ssize_t)got;
}

static int flush(int fd, const char *name) {
    struct inode *inode = NULL;

    task_call(name);
    inode = calls_inode(fd);
    if (inode == NULL)
        return -1;
    trace("%s %d", name, fd);
    if (weaken_flushes(inode))
        disk_sync(inode);
    return 0;
}

int __wrap_fsync(int fd) {
    return flush(fd, "fsync");
}

int __wrap_fdatasync(int fd) {
    return flush(fd, "fdatasync");
}

int __wrap_syncfs(int fd) {
    struct inode *inode = calls_inode(fd);

    task_call("syncfs");
    if (inode == NULL)
        return -1;
    trace("syncfs %d", fd);
    if (weaken_flushes(NULL))
        disk_sync_all(disk_of(inode));
    return 0;
}

int __wrap_fstat(int fd, struct stat *st) {
    struct handle *handle = handle_get(fd);

    task_call("fstat");
    if (handle == NULL)
        return -1;
    if (handle->kind == HANDLE_FILE)
        disk_stat(handle->inode, st);
    else
        *st = (struct stat){.st_mode = handle->kind == HANDLE_SOCKET ? S_IFSOCK : S_IFCHR};
    return 0;
}

int __wrap_fstatvfs(int fd, struct statvfs *space) {
    (void)fd;
    task_call("fstatvfs");
    *space = (struct statvfs){
        .f_frsize = 4096, .f_blocks = 1u << 30, .f_bavail = 1u << 29, .f_bfree = 1u << 29};
    return 0;
}

int __wrap_fstatfs(int fd, struct statfs *system) {
    (void)fd;
    task_call("fstatfs");
    *system = (struct statfs){.f_type = EXT4_SUPER_MAGIC, .f_bsize = 4096};
    return 0;
}

int __wrap_fchmod(int fd, mode_t mode) {
    struct inode *inode = calls_inode(fd);

    task_call("fchmod");
    if (inode == NULL)
        return -1;
    disk_set_mode(inode, mode);
    return 0;
}

int __wrap_futimens(int fd, const struct timespec times[2]) {
    struct inode *inode = calls_inode(fd);

    task_call("futimens");
    if (inode == NULL)
        return -1;
    disk_set_times(inode, times);
    return 0;
}

int __wrap_posix_fadvise(int fd, off_t offset, off_t length, int advice) {
    (void)fd;
    (void)offset;
    (void)length;
    (void)advice;
    return 0;
}

/* There are none. */
ssize_t __wrap_flistxattr(int fd, char *list, size_t size) {
    (void)list;
    (void)size;
    task_call("flistxattr");
    return handle_get(fd) == NULL ? -1 : 0;
}

ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size) {
    (void)fd;
    (void)name;
    (void)value;
    (void)size;
    return calls_fail(-ENODATA);
}

int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
    (void)fd;
    (void)name;
    (void)value;
    (void)size;
    (void)flags;
    return calls_fail(-EOPNOTSUPP);
}

int __wrap_fremovexattr(int fd, const char *name) {
    (void)fd;
    (void)name;
    return calls_fail(-ENODATA);
}

int __wrap_flock(int fd, int operation) {
    struct handle *handle = handle_get(fd);

    task_call("flock");
    if (calls_inode(fd) == NULL)
        return -1;
    if ((operation & LOCK_UN) != 0) {
        handle_unlock(handle, HANDLE_FLOCK);
        return 0;
    }
    while (!handle_lock(handle, HANDLE_FLOCK, (operation & LOCK_EX) != 0)) {
        if ((operation & LOCK_NB) != 0)
            return calls_fail(-EWOULDBLOCK);
        task_wait(handle->inode, TASK_NEVER);
    }
    return 0;
}

static int lock_record(struct handle *handle, struct flock *lock) {
    if (lock->l_type == F_UNLCK)
        handle_unlock(handle, HANDLE_OFD);
    else if (!handle_lock(handle, HANDLE_OFD, lock->l_type == F_WRLCK))
        return calls_fail(-EAGAIN);
    return 0;
}

int __wrap_fcntl(int fd, int command, ...) {
    struct handle *handle = handle_get(fd);
    va_list arguments;
    long value = 0;

    va_start(arguments, command);
    value = va_arg(arguments, long);
    va_end(arguments);
    task_call("fcntl");
    if (handle == NULL)
        return -1;
    switch (command) {
    case F_GETFL:
        return handle->flags & ~O_CLOEXEC;
    case F_SETFL:
        handle->flags = (int)value;
        return 0;
    case F_DUPFD_CLOEXEC:
        return calls_fail(handle_install(process_now(), handle, (int)value));
    case F_GETLK: /* what SQLite would hold: it holds nothing here */
        ((struct flock *)value)->l_type = F_UNLCK;
        return 0;
    case F_OFD_SETLK:
        return lock_record(handle, (struct flock *)value);
    default:
        return calls_fail(-EINVAL);
    }
}

/* ---- listing ---- */

struct listing {
    int fd;
    size_t at;
    size_t count;
    char **names;
    struct dirent entry;
};

DIR *__wrap_fdopendir(int fd) {
    struct inode *inode = calls_inode(fd);
    struct listing *listing = inode == NULL ? NULL : calloc(1, sizeof *listing);
    struct inode *child = NULL;

    task_call("fdopendir");
    if (listing == NULL)
        return NULL;
    if (!S_ISDIR(disk_mode(inode))) {
        free(listing);
        errno = ENOTDIR;
        return NULL;
    }
    listing->fd = fd;
    while (disk_name(inode, listing->count, &child) != NULL)
        listing->count++;
    listing->names = calloc(listing->count + 1, sizeof *listing->names);
    for (size_t i = 0; i < listing->count; i++)
        listing->names[i] = strdup(disk_name(inode, i, &child));
    return (DIR *)listing;
}

struct dirent *__wrap_readdir(DIR *dir) {
    struct listing *listing = (struct listing *)dir;
    struct inode *inode = NULL;

    task_call("readdir");
    do {
        if (listing->at == listing->count)
            return NULL;
        inode = disk_find(calls_inode(listing->fd), listing->names[listing->at++]);
    } while (inode == NULL);
    snprintf(listing->entry.d_name, sizeof listing->entry.d_name, "%s",
             listing->names[listing->at - 1]);
    listing->entry.d_type = (unsigned char)IFTODT(disk_mode(inode));
    return &listing->entry;
}

int __wrap_dirfd(DIR *dir) {
    return ((struct listing *)dir)->fd;
}

int __wrap_closedir(DIR *dir) {
    struct listing *listing = (struct listing *)dir;
    int fd = listing->fd;

    for (size_t i = 0; i < listing->count; i++)
        free(listing->names[i]);
    free(listing->names);
    free(listing);
    return __wrap_close(fd);
}
