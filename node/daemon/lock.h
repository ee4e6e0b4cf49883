/*
 * One state directory has one node: taking its lock, if need be from a transient node, which is
 * told to retire. Blocks; for set-up.
 */
#ifndef NODE_DAEMON_LOCK_H
#define NODE_DAEMON_LOCK_H

#include "base/fail.h"
#include "node/common/statedir.h"

/* Takes the lock of the open state directory `path`; where it is held and no node answers for it
 * that may take two seconds. 0, or -errno with `fail` filled: another node has it, and stays. */
int lock_take(struct statedir *dir, const char *path, struct fail *fail);

#endif
