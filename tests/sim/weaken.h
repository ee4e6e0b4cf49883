/*
 * Faults put into the program on purpose, to see that the simulation finds them: what makes things
 * durable is left out, or comes too late, as if the program did not ask for it or asked for it
 * later; what has to be asked before a file goes is not asked.
 */
#ifndef TESTS_SIM_WEAKEN_H
#define TESTS_SIM_WEAKEN_H

#include <stdbool.h>

struct inode;

enum weaken {
    WEAKEN_NOTHING,
    WEAKEN_NO_SYNC,           /* files that receiving sessions write are not synced */
    WEAKEN_LATE_SYNC,         /* they are, once they were committed and told of */
    WEAKEN_NO_DIRECTORY_SYNC, /* directories that they change are not synced */
    WEAKEN_EARLY_ACK,         /* a session goes on before what it asks for is committed */
    WEAKEN_LATE_QUEUE,        /* a transfer is said to be queued before it is durable */
    WEAKEN_NO_COMMIT_SYNC,    /* the database as with synchronous = NORMAL */
    WEAKEN_MOVE_EARLY,        /* --move removes once all is sent, before the receiver's word */
    WEAKEN_MOVE_CHANGED,      /* --move removes what was changed since it was sent */
    WEAKEN_SKIP_OVERWRITES,   /* what exists is replaced where it should stay */
};

/* By name; false where there is none of it. */
bool weaken_choose(const char *name);

/* At the begin of a seed. */
void weaken_begin(void);

/* A process flushes a file or directory, or (NULL) all of its disk; a node flushes its database's
 * log: whether it has to be done. */
bool weaken_flushes(struct inode *inode);
bool weaken_flushes_log(struct inode *inode);

#endif
