/*
 * Offers in the daemon's own terminal: each is a line in the log, and where the daemon is in the
 * foreground of a terminal, the key y or n answers it. The terminal gives single keys only while
 * such a question is open; in the background nothing is read, changed or waited for. Loop's thread.
 */
#ifndef NODE_DAEMON_CONSOLE_H
#define NODE_DAEMON_CONSOLE_H

#include "node/daemon/node.h"
#include "node/daemon/transfer.h"

struct console;

/* 0 or -ENOMEM. SIGTTOU and SIGTTIN are to be ignored. */
int console_new(struct console **out, struct node *node);
void console_free(struct console *console);

/* The node is stopping: nothing more is asked, and the terminal is as it was. */
void console_rest(struct console *console);

/* An offer waits for an answer: said once, and asked about on a terminal. */
void console_offer(struct transfer *transfer);

/* A transfer has changed: one that is asked about may have been answered elsewhere. */
void console_changed(struct console *console, const struct transfer *transfer);

#endif
