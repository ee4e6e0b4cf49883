/*
 * The functions of the C library that are system calls, under all names by which programs and
 * libraries link to them. Each counts, fails or is shortened, and else calls the next one of its
 * name.
 */
#undef _FORTIFY_SOURCE
#include "tests/faults/fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Looked up at first use; programs are not linked with this file, so that the prototypes of
 * headers, which differ by attributes and 64 in their names, need not agree with it. */
static void *next_of(_Atomic(void *) *kept, const char *name) {
    void *found = atomic_load(kept);

    if (found == NULL) {
        found = dlsym(RTLD_NEXT, name);
        atomic_store(kept, found);
    }
    return found;
}

#define NEXT(type, name, parameters, arguments)                                                    \
    static _Atomic(void *) kept;                                                                   \
    return ((type(*) parameters)next_of(&kept, name))arguments

/* A function of the C library by its name there, and a name of ours that headers do not know. */
#define CALL(call, type, name, failed, parameters, arguments)                                      \
    type fault_##name parameters __asm__(#name);                                                   \
    type fault_##name parameters {                                                                 \
        int error = fault_strike(call);                                                            \
        if (error > 0) {                                                                           \
            errno = error;                                                                         \
            return failed;                                                                         \
        }                                                                                          \
        NEXT(type, #name, parameters, arguments);                                                  \
    }

/* Whether the kernel may do less than it was asked for. */
static bool may_be_short(int fd) {
    struct stat st;
    int type = 0;
    socklen_t length = sizeof type;

    if (syscall(SYS_fstat, fd, &st) < 0)
        return false;
    if (S_ISSOCK(st.st_mode))
        return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
               type == SOCK_STREAM;
    return S_ISREG(st.st_mode);
}

/* Whether there is anything behind it that can fail: not so with pipes and eventfds. */
static bool may_fail(int fd) {
    struct stat st;

    return syscall(SYS_fstat, fd, &st) == 0 && (st.st_mode & S_IFMT) != 0 && !S_ISFIFO(st.st_mode);
}

/* Half of it, of much whole pages. */
static size_t shorten(int fd, size_t length) {
    if (length < 2 || !may_be_short(fd))
        return length;
    return length < 8192 ? length / 2 : length / 2 & ~(size_t)4095;
}

#define CALL_SHORT(call, name, parameters, arguments)                                              \
    ssize_t fault_##name parameters __asm__(#name);                                                \
    ssize_t fault_##name parameters {                                                              \
        int error = fault_strike(call);                                                            \
        if (error == EINTR || (error > 0 && may_fail(fd))) {                                       \
            errno = error;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        if (error == FAULT_SHORT)                                                                  \
            length = shorten(fd, length);                                                          \
        NEXT(ssize_t, #name, parameters, arguments);                                               \
    }

/* clang-format off */
CALL_SHORT(FAULT_READ, read, (int fd, void *data, size_t length), (fd, data, length))
CALL_SHORT(FAULT_READ, __read_chk, (int fd, void *data, size_t length, size_t room), (fd, data, length, room))
CALL_SHORT(FAULT_PREAD, pread, (int fd, void *data, size_t length, off_t at), (fd, data, length, at))
CALL_SHORT(FAULT_PREAD, pread64, (int fd, void *data, size_t length, off_t at), (fd, data, length, at))
CALL_SHORT(FAULT_PREAD, __pread_chk, (int fd, void *data, size_t length, off_t at, size_t room), (fd, data, length, at, room))
CALL_SHORT(FAULT_PREAD, __pread64_chk, (int fd, void *data, size_t length, off_t at, size_t room), (fd, data, length, at, room))
CALL_SHORT(FAULT_WRITE, write, (int fd, const void *data, size_t length), (fd, data, length))
CALL_SHORT(FAULT_PWRITE, pwrite, (int fd, const void *data, size_t length, off_t at), (fd, data, length, at))
CALL_SHORT(FAULT_PWRITE, pwrite64, (int fd, const void *data, size_t length, off_t at), (fd, data, length, at))
CALL_SHORT(FAULT_COPY, copy_file_range, (int in, off_t *from, int fd, off_t *to, size_t length, unsigned flags), (in, from, fd, to, length, flags))
CALL_SHORT(FAULT_SEND, send, (int fd, const void *data, size_t length, int flags), (fd, data, length, flags))
CALL_SHORT(FAULT_SEND, sendto, (int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t to_length), (fd, data, length, flags, to, to_length))
CALL_SHORT(FAULT_RECEIVE, recv, (int fd, void *data, size_t length, int flags), (fd, data, length, flags))
CALL_SHORT(FAULT_RECEIVE, __recv_chk, (int fd, void *data, size_t length, size_t room, int flags), (fd, data, length, room, flags))
CALL_SHORT(FAULT_RECEIVE, recvfrom, (int fd, void *data, size_t length, int flags, struct sockaddr *from, socklen_t *from_length), (fd, data, length, flags, from, from_length))
CALL(FAULT_SEND, ssize_t, sendmsg, -1, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
CALL(FAULT_SEND, ssize_t, writev, -1, (int fd, const struct iovec *parts, int count), (fd, parts, count))
CALL(FAULT_RECEIVE, ssize_t, recvmsg, -1, (int fd, struct msghdr *message, int flags), (fd, message, flags))

CALL(FAULT_OPEN, int, __open_2, -1, (const char *path, int flags), (path, flags))
CALL(FAULT_OPEN, int, __open64_2, -1, (const char *path, int flags), (path, flags))
CALL(FAULT_OPEN, int, __openat_2, -1, (int at, const char *path, int flags), (at, path, flags))
CALL(FAULT_OPEN, int, __openat64_2, -1, (int at, const char *path, int flags), (at, path, flags))
CALL(FAULT_OPEN, FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
CALL(FAULT_OPEN, FILE *, fopen64, NULL, (const char *path, const char *mode), (path, mode))
CALL(FAULT_OPEN, DIR *, fdopendir, NULL, (int fd), (fd))
CALL(FAULT_SYNC, int, fsync, -1, (int fd), (fd))
CALL(FAULT_SYNC, int, fdatasync, -1, (int fd), (fd))
CALL(FAULT_SYNC, int, syncfs, -1, (int fd), (fd))
CALL(FAULT_RENAME, int, rename, -1, (const char *from, const char *to), (from, to))
CALL(FAULT_RENAME, int, renameat, -1, (int in, const char *from, int out, const char *to), (in, from, out, to))
CALL(FAULT_RENAME, int, renameat2, -1, (int in, const char *from, int out, const char *to, unsigned flags), (in, from, out, to, flags))
CALL(FAULT_LINK, int, linkat, -1, (int in, const char *from, int out, const char *to, int flags), (in, from, out, to, flags))
CALL(FAULT_LINK, int, symlinkat, -1, (const char *target, int out, const char *to), (target, out, to))
CALL(FAULT_UNLINK, int, unlink, -1, (const char *path), (path))
CALL(FAULT_UNLINK, int, unlinkat, -1, (int at, const char *path, int flags), (at, path, flags))
CALL(FAULT_MKDIR, int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
CALL(FAULT_MKDIR, int, mkdirat, -1, (int at, const char *path, mode_t mode), (at, path, mode))
CALL(FAULT_TRUNCATE, int, ftruncate, -1, (int fd, off_t length), (fd, length))
CALL(FAULT_TRUNCATE, int, ftruncate64, -1, (int fd, off_t length), (fd, length))
CALL(FAULT_ALLOCATE, int, fallocate, -1, (int fd, int mode, off_t from, off_t length), (fd, mode, from, length))
CALL(FAULT_MODE, int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
CALL(FAULT_MODE, int, fchmodat, -1, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags))
CALL(FAULT_TIMES, int, futimens, -1, (int fd, const struct timespec *times), (fd, times))
CALL(FAULT_TIMES, int, utimensat, -1, (int at, const char *path, const struct timespec *times, int flags), (at, path, times, flags))
CALL(FAULT_SETXATTR, int, fsetxattr, -1, (int fd, const char *name, const void *value, size_t size, int flags), (fd, name, value, size, flags))
CALL(FAULT_SETXATTR, int, fremovexattr, -1, (int fd, const char *name), (fd, name))
CALL(FAULT_GETXATTR, ssize_t, fgetxattr, -1, (int fd, const char *name, void *value, size_t size), (fd, name, value, size))
CALL(FAULT_GETXATTR, ssize_t, flistxattr, -1, (int fd, char *list, size_t size), (fd, list, size))
CALL(FAULT_STAT, int, stat, -1, (const char *path, struct stat *st), (path, st))
CALL(FAULT_STAT, int, stat64, -1, (const char *path, struct stat *st), (path, st))
CALL(FAULT_STAT, int, lstat, -1, (const char *path, struct stat *st), (path, st))
CALL(FAULT_STAT, int, lstat64, -1, (const char *path, struct stat *st), (path, st))
CALL(FAULT_STAT, int, fstat, -1, (int fd, struct stat *st), (fd, st))
CALL(FAULT_STAT, int, fstat64, -1, (int fd, struct stat *st), (fd, st))
CALL(FAULT_STAT, int, fstatat, -1, (int at, const char *path, struct stat *st, int flags), (at, path, st, flags))
CALL(FAULT_STAT, int, statx, -1, (int at, const char *path, int flags, unsigned mask, struct statx *st), (at, path, flags, mask, st))
CALL(FAULT_STAT, int, fstatvfs, -1, (int fd, void *st), (fd, st))
CALL(FAULT_STAT, int, faccessat, -1, (int at, const char *path, int mode, int flags), (at, path, mode, flags))
CALL(FAULT_READLINK, ssize_t, readlink, -1, (const char *path, char *target, size_t room), (path, target, room))
CALL(FAULT_READLINK, ssize_t, readlinkat, -1, (int at, const char *path, char *target, size_t room), (at, path, target, room))
CALL(FAULT_READDIR, struct dirent *, readdir, NULL, (DIR *directory), (directory))
CALL(FAULT_SEEK, off_t, lseek, -1, (int fd, off_t offset, int whence), (fd, offset, whence))
CALL(FAULT_LOCK, int, flock, -1, (int fd, int operation), (fd, operation))
CALL(FAULT_SOCKET, int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
CALL(FAULT_SOCKETPAIR, int, socketpair, -1, (int domain, int type, int protocol, int *pair), (domain, type, protocol, pair))
CALL(FAULT_SOCKETPAIR, int, pipe2, -1, (int *pair, int flags), (pair, flags))
CALL(FAULT_EVENTS, int, epoll_create1, -1, (int flags), (flags))
CALL(FAULT_WATCH, int, epoll_ctl, -1, (int epoll, int operation, int fd, struct epoll_event *event), (epoll, operation, fd, event))
CALL(FAULT_EVENTS, int, eventfd, -1, (unsigned count, int flags), (count, flags))
CALL(FAULT_EVENTS, int, inotify_init1, -1, (int flags), (flags))
CALL(FAULT_EVENTS, int, inotify_add_watch, -1, (int fd, const char *path, uint32_t mask), (fd, path, mask))
CALL(FAULT_ACCEPT, int, accept4, -1, (int fd, struct sockaddr *from, socklen_t *length, int flags), (fd, from, length, flags))
CALL(FAULT_CONNECT, int, connect, -1, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
CALL(FAULT_BIND, int, bind, -1, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
CALL(FAULT_BIND, int, listen, -1, (int fd, int backlog), (fd, backlog))
CALL(FAULT_OPTION, int, setsockopt, -1, (int fd, int level, int name, const void *value, socklen_t length), (fd, level, name, value, length))
CALL(FAULT_OPTION, int, getsockopt, -1, (int fd, int level, int name, void *value, socklen_t *length), (fd, level, name, value, length))
CALL(FAULT_OPTION, int, getsockname, -1, (int fd, struct sockaddr *to, socklen_t *length), (fd, to, length))
CALL(FAULT_POLL, int, poll, -1, (struct pollfd *fds, nfds_t count, int timeout), (fds, count, timeout))
CALL(FAULT_POLL, int, ppoll, -1, (struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask), (fds, count, timeout, mask))
CALL(FAULT_WAIT, int, epoll_wait, -1, (int epoll, struct epoll_event *events, int room, int timeout), (epoll, events, room, timeout))
CALL(FAULT_WAIT, int, epoll_pwait, -1, (int epoll, struct epoll_event *events, int room, int timeout, const sigset_t *mask), (epoll, events, room, timeout, mask))
CALL(FAULT_MAP, void *, mmap, MAP_FAILED, (void *at, size_t length, int protection, int flags, int fd, off_t offset), (at, length, protection, flags, fd, offset))
CALL(FAULT_MAP, void *, mmap64, MAP_FAILED, (void *at, size_t length, int protection, int flags, int fd, off_t offset), (at, length, protection, flags, fd, offset))
CALL(FAULT_FORK, pid_t, fork, -1, (void), ())
CALL(FAULT_EXEC, int, execv, -1, (const char *path, char *const *argv), (path, argv))
CALL(FAULT_EXEC, int, execvp, -1, (const char *path, char *const *argv), (path, argv))
/* clang-format on */

/* Its number is returned, not put into errno. */
int fault_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument) __asm__("pthread_create");
int fault_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument) {
    int error = fault_strike(FAULT_THREAD);

    if (error > 0)
        return error;
    NEXT(int, "pthread_create", (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *),
         (thread, attributes, run, argument));
}

/* A descriptor is closed even where that fails. */
int fault_close(int fd) __asm__("close");
int fault_close(int fd) {
    int error = fault_strike(FAULT_CLOSE);
    int result = (int)syscall(SYS_close, fd);

    if (error <= 0 || result < 0)
        return result;
    errno = error;
    return -1;
}

static int open_at(int at, const char *path, int flags, va_list list) {
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    int error = fault_strike(FAULT_OPEN);

    if (error > 0) {
        errno = error;
        return -1;
    }
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

#define OPEN(name, at, parameters)                                                                 \
    int fault_##name parameters __asm__(#name);                                                    \
    int fault_##name parameters {                                                                  \
        va_list list;                                                                              \
        int fd;                                                                                    \
        va_start(list, flags);                                                                     \
        fd = open_at(at, path, flags, list);                                                       \
        va_end(list);                                                                              \
        return fd;                                                                                 \
    }

OPEN(open, AT_FDCWD, (const char *path, int flags, ...))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...))
OPEN(openat, at, (int at, const char *path, int flags, ...))
OPEN(openat64, at, (int at, const char *path, int flags, ...))

/* Of its many commands those that take a lock or make a descriptor. */
static int control_descriptor(int fd, int command, va_list list) {
    long argument = va_arg(list, long);
    bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    bool locks = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK;
    int error = duplicates ? fault_strike(FAULT_DUP) : locks ? fault_strike(FAULT_LOCK) : 0;

    if (error > 0) {
        errno = error;
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

#define CONTROL(name)                                                                              \
    int fault_##name(int fd, int command, ...) __asm__(#name);                                     \
    int fault_##name(int fd, int command, ...) {                                                   \
        va_list list;                                                                              \
        int result;                                                                                \
        va_start(list, command);                                                                   \
        result = control_descriptor(fd, command, list);                                            \
        va_end(list);                                                                              \
        return result;                                                                             \
    }

CONTROL(fcntl)
CONTROL(fcntl64)

/* What the C library has no function for. */
long fault_syscall(long number, ...) __asm__("syscall");
long fault_syscall(long number, ...) {
    long a[6];
    va_list list;
    int error = number == SYS_openat2 ? fault_strike(FAULT_OPEN) : 0;

    if (error > 0) {
        errno = error;
        return -1;
    }
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    NEXT(long, "syscall", (long, long, long, long, long, long, long),
         (number, a[0], a[1], a[2], a[3], a[4], a[5]));
}
