/*
 * A connection that gets lost: a process passes on what is said at one end to the other, and after
 * some bytes hangs up on both.
 */
#ifndef TESTS_SESSION_RELAY_H
#define TESTS_SESSION_RELAY_H

#include <stdint.h>
#include <sys/types.h>

/* Makes such a connection, its ends in `fds`, until `bytes` have passed, both ways together. The
 * process, to be waited for once both ends are closed. */
pid_t relay_open(int fds[2], uint64_t bytes);

#endif
