/*
 * What tests of REMOVE share: what was sent, small trees of it, and a session that removes it. In a
 * room (../../files/room.h).
 */
#ifndef TESTS_SESSION_REMOVAL_H
#define TESTS_SESSION_REMOVAL_H

#include "delivered.h"

#include <stdint.h>

#define REMOVE FXNODE__HELPER__JOB__KIND__REMOVE
#define ENDED(outcome) FXNODE__HELPER__ENDED__OUTCOME__##outcome

extern const char *const removal_tree[]; /* "tree" alone */
extern struct delivered removal_sent;    /* to be closed by each test's fixture */
extern struct delivered_said removal_said;

/* Makes and opens tree, tree/a, tree/empty, tree/link, tree/sub, tree/sub/b. */
void removal_make_small(void);

/* Runs a session that is not to die; or one that is to tell these numbers. */
void removal_run(void);
void removal_run_to_end(uint32_t moved, uint32_t stayed);

/* Asserts that a line "PATH stays: WHY" is among what was told, and that it does. */
void removal_check_stays(const char *path, const char *why);

#endif
