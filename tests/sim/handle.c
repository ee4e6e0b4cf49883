#include "tests/sim/handle.h"

#include "tests/sim/disk.h"
#include "tests/sim/memory.h"
#include "tests/sim/socket.h"

#include <errno.h>
#include <stddef.h>

#define LOWEST 3

struct lock {
    struct lock *next;
    struct handle *handle; /* NULL: was given up */
    enum handle_lock kind;
    bool exclusive;
};

static struct lock *locks;

struct handle *handle_new(enum handle_kind kind, int flags) {
    struct handle *handle = memory_lasting(sizeof *handle);

    handle->kind = kind;
    handle->flags = flags;
    return handle;
}

int handle_install(struct process *process, struct handle *handle, int least) {
    handle_use(handle);
    for (int fd = least < LOWEST ? LOWEST : least; fd < PROCESS_HANDLES; fd++) {
        if (process->handles[fd] != NULL)
            continue;
        process->handles[fd] = handle;
        return fd;
    }
    handle_release(handle);
    return -EMFILE;
}

struct handle *handle_get(int fd) {
    struct handle *handle = fd < 0 || fd >= PROCESS_HANDLES ? NULL : process_now()->handles[fd];

    if (handle == NULL)
        errno = EBADF;
    return handle;
}

void handle_use(struct handle *handle) {
    if (handle->uses++ == 0 && handle->inode != NULL)
        disk_hold(handle->inode);
}

static struct lock *find_lock(const struct handle *handle, enum handle_lock kind) {
    for (struct lock *lock = locks; lock != NULL; lock = lock->next)
        if (lock->handle == handle && lock->kind == kind)
            return lock;
    return NULL;
}

void handle_release(struct handle *handle) {
    if (--handle->uses > 0)
        return;
    handle_unlock(handle, HANDLE_FLOCK);
    handle_unlock(handle, HANDLE_OFD);
    if (handle->inode != NULL)
        disk_let_go(handle->inode);
    if (handle->socket != NULL)
        socket_close(handle->socket);
}

int handle_close(struct process *process, int fd) {
    struct handle *handle = fd < 0 || fd >= PROCESS_HANDLES ? NULL : process->handles[fd];

    if (handle == NULL)
        return -EBADF;
    process->handles[fd] = NULL;
    handle_release(handle);
    return 0;
}

void handle_close_all(struct process *process) {
    for (int fd = 0; fd < PROCESS_HANDLES; fd++)
        if (process->handles[fd] != NULL)
            handle_close(process, fd);
}

bool handle_lock(struct handle *handle, enum handle_lock kind, bool exclusive) {
    struct lock *own = find_lock(handle, kind);

    for (struct lock *lock = locks; lock != NULL; lock = lock->next)
        if (lock->handle != NULL && lock != own && lock->kind == kind &&
            lock->handle->inode == handle->inode && (exclusive || lock->exclusive))
            return false;
    if (own == NULL) {
        own = memory_lasting(sizeof *own);
        own->handle = handle;
        own->kind = kind;
        own->next = locks;
        locks = own;
    }
    own->exclusive = exclusive;
    task_wake(handle->inode); /* where it is less than before */
    return true;
}

void handle_unlock(struct handle *handle, enum handle_lock kind) {
    struct lock *own = find_lock(handle, kind);

    if (own == NULL)
        return;
    own->handle = NULL;
    task_wake(handle->inode);
}

void handle_forget_locks(void) {
    locks = NULL;
}
