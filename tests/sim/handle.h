/* Descriptors of simulated processes and what they stand for. */
#ifndef TESTS_SIM_HANDLE_H
#define TESTS_SIM_HANDLE_H

#include "tests/sim/task.h"

#include <stdbool.h>
#include <stdint.h>

struct inode;
struct socket;

enum handle_kind { HANDLE_FILE, HANDLE_SOCKET, HANDLE_EVENT, HANDLE_NULL };

struct handle {
    unsigned uses; /* descriptors, messages on their way */
    enum handle_kind kind;
    int flags; /* as of open(2) */
    struct inode *inode;
    uint64_t offset;
    struct socket *socket;
    uint64_t counter; /* of an eventfd */
};

/* A new one that nobody uses, for handle_install(). */
struct handle *handle_new(enum handle_kind kind, int flags);

/* The lowest descriptor that is free, `least` or higher, stands for it: the descriptor or -EMFILE
 * (then it is released). */
int handle_install(struct process *process, struct handle *handle, int least);

/* What a descriptor of the running process stands for; NULL with errno EBADF. */
struct handle *handle_get(int fd);

/* One use more or less; the last one closes what it stands for. */
void handle_use(struct handle *handle);
void handle_release(struct handle *handle);

/* 0 or -EBADF. */
int handle_close(struct process *process, int fd);
void handle_close_all(struct process *process);

/* Locks on a whole file: those of flock(2) and those of fcntl(2) know nothing of each other. */
enum handle_lock { HANDLE_FLOCK, HANDLE_OFD };

/* Takes or changes to it; false where others are in the way. */
bool handle_lock(struct handle *handle, enum handle_lock kind, bool exclusive);
void handle_unlock(struct handle *handle, enum handle_lock kind);
void handle_forget_locks(void); /* at the begin of a seed */

#endif
