/*
 * What a receiver takes over from the staging of a transfer that this one replaces: every file of
 * the same path, size and time, as far as it is durable there. Only receive*.c use this.
 *
 *   receive_inherit_open      before the verdict, while everything may be opened
 *   receive_inherit           once manifest and directories are durable, before anything is said to
 *                             be held; takes over what there is and tells the node
 *   receive_inherit_close     in any case
 */
#ifndef NODE_SESSION_RECEIVE_INHERIT_H
#define NODE_SESSION_RECEIVE_INHERIT_H

#include "base/fail.h"
#include "node/session/receive.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens the staging of receive->job->replaced, where that is a transfer. *bytes: content that is
 * durable there. 0, also where nothing is to be had; STAGING_BUSY, STAGING_NO_SPACE; negative,
 * `fail` filled. */
int receive_inherit_open(struct receive *receive, uint64_t *bytes, struct fail *fail);

/* Its directory, borrowed, or -1. */
int receive_inherit_fd(const struct receive *receive);

/* Takes over. `alone`: there are no other threads yet. Lock not held. What was taken is in
 * receive->job->extents then. 0; an outcome or negative, `fail` filled. */
int receive_inherit(struct receive *receive, bool alone, struct fail *fail);

void receive_inherit_close(struct receive *receive);

#endif
