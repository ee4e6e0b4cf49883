/*
 * SIGINT and SIGTERM for a command that has to say something before it ends: once caught they come
 * only while it waits for the node (client.h), so that no answer is torn.
 */
#ifndef NODE_CLI_INTERRUPT_H
#define NODE_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* Blocks and catches them; `unblocked` receives the mask for waiting. */
void interrupt_catch(sigset_t *unblocked);

/* They end the command again, as always. `unblocked` is what interrupt_catch() gave. */
void interrupt_release(const sigset_t *unblocked);

/* Whether one came since the last call. */
bool interrupt_taken(void);

#endif
