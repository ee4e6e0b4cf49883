/* A command's end of a node's control socket; from within a simulated process. */
#ifndef TESTS_SIM_CONSOLE_H
#define TESTS_SIM_CONSOLE_H

#include "proto/control.pb-c.h"

struct console;

/* Connects and says hello; NULL where no node answers. */
struct console *console_open(void);
void console_close(struct console *console);

/* 0 or -errno. */
int console_ask(struct console *console, const Fxnode__Control__Request *request);

/* The next event, valid until the next call; NULL where the node is gone. */
const Fxnode__Control__Event *console_next(struct console *console);

#endif
