/*
 * The state directory and its lock: one state directory has one node. STATE/lock is locked
 * for the node's life and its text names the control socket, since the environment of another
 * session of the same user (cron, su) may name another one.
 */
#ifndef NODE_COMMON_STATEDIR_H
#define NODE_COMMON_STATEDIR_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>

struct statedir {
    int fd;      /* the directory, O_RDONLY | O_DIRECTORY */
    int lock_fd; /* -1 until statedir_lock() */
};

enum statedir_outcome { STATEDIR_LOCKED = 1 /* another node has it */ };

/* Opens `path`, which is absolute, made with mode 0700 with its parents where missing; what was
 * made is durable before the lock is there. Refuses one that others can write to or that is not
 * ours. 0, or -errno with `fail` filled. */
int statedir_open(struct statedir *dir, const char *path, struct fail *fail);

/* Takes the lock without waiting. 0, STATEDIR_LOCKED, or -errno with `fail` filled. */
int statedir_lock(struct statedir *dir, const char *path, struct fail *fail);

/* Writes the control socket's path into the lock file (lock held). 0, or -errno with `fail` filled.
 */
int statedir_publish(struct statedir *dir, const char *path, const char *socket, struct fail *fail);

/* The control socket that the node holding STATE/lock has named. True and a NUL-terminated path, or
 * false where no node holds it or it has not named one yet. */
bool statedir_socket(const char *path, char *out, size_t room);

/* Closes both; the lock ends with it. */
void statedir_close(struct statedir *dir);

#endif
