/*
 * Offers in the daemon's own terminal: each is a line in the log, and where the daemon is in the
 * foreground of a terminal, y or n answers it. In the background nothing is read. Loop's thread.
 */
#ifndef NODE_DAEMON_CONSOLE_H
#define NODE_DAEMON_CONSOLE_H

#include "node/daemon/node.h"
#include "node/daemon/transfer.h"

struct console;

/* 0 or -ENOMEM. */
int console_new(struct console **out, struct node *node);
void console_free(struct console *console);

/* An offer waits for an answer. */
void console_offer(struct transfer *transfer);

#endif
