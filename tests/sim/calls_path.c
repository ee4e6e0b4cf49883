/* Calls on names. No link is followed: where one would be, the call fails. */
#include "tests/sim/calls.h"
#include "tests/sim/disk.h"
#include "tests/sim/handle.h"
#include "tests/sim/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SELF "/usr/bin/fxnode" /* what /proc/self/exe leads to */

/* Where a path leads. */
struct spot {
    struct inode *directory;
    struct inode *inode; /* NULL: nothing is there */
    char name[NAME_MAX + 1];
};

static int step(struct spot *spot, const char *name, size_t length) {
    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    if (spot->inode == NULL)
        return -ENOENT;
    if (S_ISLNK(disk_mode(spot->inode)))
        return -ELOOP;
    if (!S_ISDIR(disk_mode(spot->inode)))
        return -ENOTDIR;
    memcpy(spot->name, name, length);
    spot->name[length] = '\0';
    spot->directory = spot->inode;
    spot->inode = disk_find(spot->directory, spot->name);
    return 0;
}

static int find(struct spot *spot, int at, const char *path) {
    struct disk *disk = process_now()->machine->disk;
    int r = 0;

    if (strcmp(path, "/proc/self/exe") == 0)
        path = SELF;
    *spot = (struct spot){.inode = disk_root(disk)};
    spot->directory = spot->inode;
    if (path[0] != '/' && at != AT_FDCWD)
        spot->inode = calls_inode(at);
    if (spot->inode == NULL)
        return -EBADF;
    if (path[0] == '\0')
        return -ENOENT;
    while (r == 0 && *path != '\0') {
        size_t length = strcspn(path, "/");
        if (length > 0)
            r = step(spot, path, length);
        path += length;
        path += strspn(path, "/");
    }
    return r;
}

static int find_there(struct spot *spot, int at, const char *path) {
    int r = find(spot, at, path);
    return r < 0 ? r : spot->inode == NULL ? -ENOENT : 0;
}

/* Whether what is there may be opened so. */
static int check_open(const struct spot *spot, int flags) {
    mode_t mode = disk_mode(spot->inode);

    if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
        return -EEXIST;
    if ((flags & O_DIRECTORY) != 0 && !S_ISDIR(mode))
        return -ENOTDIR;
    if (S_ISLNK(mode) && (flags & O_PATH) == 0)
        return -ELOOP;
    if (S_ISDIR(mode) && (flags & (O_ACCMODE | O_CREAT)) != O_RDONLY)
        return -EISDIR;
    return S_ISSOCK(mode) && (flags & O_PATH) == 0 ? -ENXIO : 0;
}

static int open_at(int at, const char *path, int flags, mode_t mode) {
    struct process *process = process_now();
    struct handle *handle = NULL;
    struct spot spot;
    int r = 0;

    task_call("open");
    if (strcmp(path, "/dev/null") == 0)
        return handle_install(process, handle_new(HANDLE_NULL, flags), 0);
    r = find(&spot, at, path);
    if (r < 0)
        return r;
    if (spot.inode != NULL)
        r = check_open(&spot, flags);
    else if ((flags & O_CREAT) == 0)
        r = -ENOENT;
    else
        r = disk_create(&spot.inode, spot.directory, spot.name, S_IFREG | (mode & 07777), NULL);
    if (r < 0)
        return r;
    if ((flags & O_TRUNC) != 0 && disk_size(spot.inode) > 0)
        disk_truncate(spot.inode, 0);
    handle = handle_new(HANDLE_FILE, flags);
    handle->inode = spot.inode;
    r = handle_install(process, handle, 0);
    trace("open %s = %d", path, r);
    return r;
}

/* A file without a name, which goes with the last descriptor. */
int __wrap_memfd_create(const char *name, unsigned flags) {
    struct process *process = process_now();
    struct handle *handle = NULL;

    (void)name;
    (void)flags;
    task_call("memfd_create");
    handle = handle_new(HANDLE_FILE, O_RDWR);
    handle->inode = disk_create_nameless(process->machine->disk);
    return calls_fail(handle_install(process, handle, 0));
}

static mode_t mode_argument(int flags, va_list arguments) {
    return (flags & O_CREAT) != 0 ? (mode_t)va_arg(arguments, int) : 0;
}

int __wrap_open(const char *path, int flags, ...) {
    va_list arguments;
    int fd = 0;

    va_start(arguments, flags);
    fd = open_at(AT_FDCWD, path, flags, mode_argument(flags, arguments));
    va_end(arguments);
    return calls_fail(fd);
}

int __wrap_openat(int at, const char *path, int flags, ...) {
    va_list arguments;
    int fd = 0;

    va_start(arguments, flags);
    fd = open_at(at, path, flags, mode_argument(flags, arguments));
    va_end(arguments);
    return calls_fail(fd);
}

int __wrap___open_2(const char *path, int flags) {
    return calls_fail(open_at(AT_FDCWD, path, flags, 0));
}

int __wrap___openat_2(int at, const char *path, int flags) {
    return calls_fail(open_at(at, path, flags, 0));
}

/* Of those without a function, openat2 is there, and what confines a process is not. */
long __wrap_syscall(long number, ...) {
    va_list arguments;
    int at = 0;
    const char *path = NULL;
    const uint64_t *how = NULL; /* struct open_how: flags, mode, resolve */

    if (number != SYS_openat2)
        return calls_fail(-ENOSYS);
    va_start(arguments, number);
    at = va_arg(arguments, int);
    path = va_arg(arguments, const char *);
    how = va_arg(arguments, const uint64_t *);
    va_end(arguments);
    return calls_fail(open_at(at, path, (int)how[0], (mode_t)how[1]));
}

/* The whole file at once: nobody else has it open for writing. */
FILE *__wrap_fopen(const char *path, const char *mode) {
    struct spot spot;
    char *content = NULL;
    size_t length = 0;
    int r = 0;

    task_call("fopen");
    r = find_there(&spot, AT_FDCWD, path);
    if (r < 0 || mode[0] != 'r') {
        errno = r < 0 ? -r : EINVAL;
        return NULL;
    }
    length = (size_t)disk_size(spot.inode);
    content = memory_lasting(length + 1);
    disk_read(spot.inode, content, length, 0);
    return fmemopen(content, length, "r");
}

static int stat_at(int at, const char *path, struct stat *st, int flags, const char *name) {
    struct spot spot;
    int r = 0;

    task_call(name);
    if (path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0)
        spot.inode = calls_inode(at);
    else
        r = find_there(&spot, at, path);
    if (r == 0 && spot.inode == NULL)
        r = -EBADF;
    if (r == 0 && (flags & AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(disk_mode(spot.inode)))
        r = -ELOOP;
    if (r == 0)
        disk_stat(spot.inode, st);
    return calls_fail(r);
}

int __wrap_stat(const char *path, struct stat *st) {
    return stat_at(AT_FDCWD, path, st, 0, "stat");
}

int __wrap_fstatat(int at, const char *path, struct stat *st, int flags) {
    return stat_at(at, path, st, flags, "fstatat");
}

int __wrap_statx(int at, const char *path, int flags, unsigned mask, struct statx *stx) {
    struct stat st;
    int r = stat_at(at, path, &st, flags, "statx");

    (void)mask;
    if (r == 0)
        *stx = (struct statx){.stx_mask = STATX_BASIC_STATS,
                              .stx_mode = (uint16_t)st.st_mode,
                              .stx_ino = st.st_ino,
                              .stx_size = (uint64_t)st.st_size,
                              .stx_nlink = (uint32_t)st.st_nlink};
    return r;
}

int __wrap_faccessat(int at, const char *path, int mode, int flags) {
    struct spot spot;

    (void)mode;
    (void)flags;
    task_call("faccessat");
    return calls_fail(find_there(&spot, at, path));
}

static int make(int at, const char *path, mode_t mode, const char *target, const char *name) {
    struct inode *made = NULL;
    struct spot spot;
    int r = 0;

    task_call(name);
    r = find(&spot, at, path);
    if (r == 0 && spot.inode != NULL)
        r = -EEXIST;
    if (r == 0)
        r = disk_create(&made, spot.directory, spot.name, mode, target);
    trace("%s %s = %d", name, path, r);
    return calls_fail(r);
}

int __wrap_mkdir(const char *path, mode_t mode) {
    return make(AT_FDCWD, path, S_IFDIR | (mode & 07777), NULL, "mkdir");
}

int __wrap_mkdirat(int at, const char *path, mode_t mode) {
    return make(at, path, S_IFDIR | (mode & 07777), NULL, "mkdir");
}

int __wrap_symlinkat(const char *target, int at, const char *path) {
    return make(at, path, S_IFLNK | 0777, target, "symlink");
}

static int remove_at(int at, const char *path, bool is_directory) {
    struct spot spot;
    int r = 0;

    task_call("unlink");
    r = find_there(&spot, at, path);
    if (r == 0)
        r = disk_unlink(spot.directory, spot.name, is_directory);
    trace("unlink %s = %d", path, r);
    return calls_fail(r);
}

int __wrap_unlink(const char *path) {
    return remove_at(AT_FDCWD, path, false);
}

int __wrap_unlinkat(int at, const char *path, int flags) {
    return remove_at(at, path, (flags & AT_REMOVEDIR) != 0);
}

int __wrap_renameat2(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
    struct spot source;
    struct spot target;
    int r = 0;

    task_call("rename");
    r = find_there(&source, from, from_path);
    if (r == 0)
        r = find(&target, to, to_path);
    if (r == 0)
        r = disk_rename(source.directory, source.name, target.directory, target.name, flags);
    trace("rename %s to %s = %d", from_path, to_path, r);
    return calls_fail(r);
}

int __wrap_renameat(int from, const char *from_path, int to, const char *to_path) {
    return __wrap_renameat2(from, from_path, to, to_path, 0);
}

int __wrap_rename(const char *from, const char *to) {
    return __wrap_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int __wrap_linkat(int from, const char *from_path, int to, const char *to_path, int flags) {
    struct spot source;
    struct spot target;
    int r = 0;

    (void)flags;
    task_call("link");
    r = find_there(&source, from, from_path);
    if (r == 0)
        r = find(&target, to, to_path);
    if (r == 0)
        r = disk_link(target.directory, target.name, source.inode);
    trace("link %s to %s = %d", from_path, to_path, r);
    return calls_fail(r);
}

ssize_t __wrap_readlinkat(int at, const char *path, char *target, size_t room) {
    struct spot spot;
    size_t length = 0;
    int r = 0;

    task_call("readlink");
    r = find_there(&spot, at, path);
    if (r == 0 && !S_ISLNK(disk_mode(spot.inode)))
        r = -EINVAL;
    if (r < 0)
        return calls_fail(r);
    length = strlen(disk_target(spot.inode));
    if (length > room)
        length = room;
    memcpy(target, disk_target(spot.inode), length);
    return (ssize_t)length;
}

ssize_t __wrap_readlink(const char *path, char *target, size_t room) {
    if (strcmp(path, "/proc/self/exe") != 0)
        return __wrap_readlinkat(AT_FDCWD, path, target, room);
    memcpy(target, SELF, sizeof SELF - 1);
    return sizeof SELF - 1;
}

int __wrap_fchmodat(int at, const char *path, mode_t mode, int flags) {
    struct spot spot;
    int r = 0;

    (void)flags;
    task_call("fchmodat");
    r = find_there(&spot, at, path);
    if (r == 0)
        disk_set_mode(spot.inode, mode);
    return calls_fail(r);
}

int __wrap_utimensat(int at, const char *path, const struct timespec times[2], int flags) {
    struct spot spot;
    int r = 0;

    (void)flags;
    task_call("utimensat");
    r = find_there(&spot, at, path);
    if (r == 0)
        disk_set_times(spot.inode, times);
    return calls_fail(r);
}

char *__wrap_realpath(const char *path, char *resolved) {
    struct spot spot;
    int r = 0;

    task_call("realpath");
    r = find_there(&spot, AT_FDCWD, path);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    if (resolved == NULL)
        return strdup(path);
    return strcpy(resolved, path);
}
