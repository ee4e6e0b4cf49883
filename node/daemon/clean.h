/*
 * Directories of transfers that are over: a sender's own files are removed by the database's
 * thread, a receiver's staging by a session of its own, one at a time. Loop's thread; nothing
 * blocks.
 */
#ifndef NODE_DAEMON_CLEAN_H
#define NODE_DAEMON_CLEAN_H

#include "node/daemon/node.h"
#include "store/store_transfer.h"

struct clean;

/* 0 or -ENOMEM. */
int clean_new(struct clean **out, struct node *node);
void clean_free(struct clean *clean);

/* Removes the directory of a finished transfer, in its turn, and records that it is gone. What
 * cannot be removed now is tried again at the next start or hour, and so is, for 30 days, the
 * staging of a cancelled one that is not there: its disk may not be mounted. */
void clean_transfer(struct node *node, const struct store_transfer *record);

/* Records that the directory of a transfer is gone: its session has removed it. */
void clean_done(struct node *node, uint64_t number);

/* Removes the staging area from each directory for received files, where it is empty and no session
 * has it: one that was killed before its transfer was recorded leaves it. */
void clean_areas(struct node *node);

/* Lets old transfers expire and removes what they leave; again every hour. */
void clean_expired(struct clean *clean);

#endif
