/*
 * What a session gives up before it reads its peer: paths by Landlock, system calls by seccomp.
 * Both are one-way, and both quietly do nothing where the kernel has no such thing (a debug line
 * says so). They hold for the calling thread and those it starts later: call them while the
 * process has one thread.
 */
#ifndef NODE_SESSION_CONFINE_H
#define NODE_SESSION_CONFINE_H

#include <stddef.h>

enum confine_right {
    CONFINE_READ,    /* read files and list directories */
    CONFINE_OWN,     /* everything but devices and execution */
    CONFINE_PLACE,   /* list; create and move in; remove empty directories; no file is opened */
    CONFINE_REMOVE,  /* remove files and empty directories */
    CONFINE_REPLACE, /* the same, and files may go */
};

/* A file or directory and all below it, by its path (which may be gone, or be a symbolic link to
 * it) or, where that is NULL, by any descriptor of it, O_PATH included. Both are borrowed. */
struct confine_rule {
    const char *path;
    int fd;
    enum confine_right right;
};

/* Adds one Landlock layer: of the file system only `rules` stay reachable, by TCP nothing can be
 * bound or connected, and no signal or abstract socket reaches beyond the session. What is open
 * already stays usable. 0 or -errno (a kernel without Landlock: 0). */
int confine_files(const struct confine_rule *rules, size_t count);

/* Allows only the system calls that moving files needs. Those that could reach another process,
 * program or network kill the session, others fail with EPERM. Does nothing in builds with a
 * sanitizer, whose run-time needs more. 0 or -errno. */
int confine_calls(void);

/* The same for a session without a peer that looks who writes into a file (files/writers.h): by
 * that others can be made to wait. */
int confine_calls_but_leases(void);

#endif
