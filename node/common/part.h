/*
 * The parts that fxnode consists of: what people call is a program of its own, and so is each role
 * that it plays as a process of its own (daemon, session, discovery). Each is linked with the
 * libraries of its role only. So it starts sooner, and what reads the bytes of a peer has neither
 * D-Bus nor a database in its memory.
 *
 * A part is called "fxnode-" and its role. It lies beside the program that looks for it, or in
 * FXNODE_PARTS, a path relative to there.
 */
#ifndef NODE_COMMON_PART_H
#define NODE_COMMON_PART_H

#include "base/fail.h"

#define PART_CHANNEL 3 /* the descriptor at which a session or discovery finds the node */

/* A part held open: the same program for as long as its holder runs, whatever is installed
 * meanwhile. `fd` can be executed and nothing else; it is 10 at least and closed on exec. */
struct part {
    const char *role; /* a literal */
    int fd;           /* -1: none */
};

/* Opens the part for `role`, for part_close(). It has to belong to root or to whom this program
 * belongs. 0, or -errno with `fail` filled; -EPERM where it is somebody else's, or no file. */
int part_open(struct part *part, const char *role, struct fail *fail);
void part_close(struct part *part);

/* Becomes the part: argv[0] is for people, environment and descriptors stay. Returns only where
 * that fails: -errno. */
int part_become(const struct part *part, char *const argv[]);

/* Its path, for those who start it themselves; valid as long as it is open, in this process and in
 * a child until it executes something. */
#define PART_PATH_ROOM 32u
void part_path(const struct part *part, char path[PART_PATH_ROOM]);

/* To be called by a part when it starts: how it is called in lists of processes, which would show
 * the number of its descriptor. */
void part_name(const char *role);

#endif
