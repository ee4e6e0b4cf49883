/* Stacks to run on, within one thread of this program. */
#ifndef TESTS_SIM_FIBER_H
#define TESTS_SIM_FIBER_H

#include <stdbool.h>

struct fiber;

/* One that will call `entry`. It leaves for good when that returns. */
struct fiber *fiber_new(void (*entry)(void *arg), void *arg);

/* One that does not run; nothing that is on its stack is undone. NULL is allowed. */
void fiber_free(struct fiber *fiber);

/* Goes on in it until it leaves. Not from within a fiber. */
void fiber_enter(struct fiber *fiber);

/* Back to who entered this one. */
void fiber_leave(void);

/* For region.h: keeps what is on the stacks; false where that cannot be. And puts it there again,
 * for the fibers that there were. */
bool fiber_keep(void);
void fiber_back(void);

#endif
