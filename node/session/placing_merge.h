/*
 * Placing into what exists: top-level items whose names are in use, entry by entry. Only placing.c
 * uses this.
 */
#ifndef NODE_SESSION_PLACING_MERGE_H
#define NODE_SESSION_PLACING_MERGE_H

#include "node/session/placing.h"

#include <stdbool.h>

struct placing_merge;

/* `placing` is borrowed. 0 or negative. */
int placing_merge_new(struct placing_merge **out, const struct placing *placing);
void placing_merge_free(struct placing_merge *merge);

/* Whether the top-level item that is entry `number` and staged goes together with what has its
 * name. 1; 0 where it does not, or nothing has that name; negative with `fail` filled. */
int placing_merge_fits(struct placing_merge *merge, uint32_t number, struct fail *fail);

/* Places that item, and all that is in it, into what has its name. 0; 1 where it does not go
 * together with that, or nothing has that name, or nothing is staged: nothing was done then;
 * PLACING_NO_SPACE or negative with `fail` filled. */
#define PLACING_NO_SPACE 2
int placing_merge_item(struct placing_merge *merge, uint32_t number, struct fail *fail);

/* Whether something that existed was kept so far, that may not be what was sent. */
bool placing_merge_kept(const struct placing_merge *merge);

/* After the last: makes it durable and says what became of it. 0 or negative with `fail` filled. */
int placing_merge_end(struct placing_merge *merge, struct fail *fail);

#endif
