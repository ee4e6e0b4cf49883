/*
 * A connection that gets lost, or on which something happens: a process passes on what is said at
 * one end to the other, and after some bytes hangs up on both, or does something and goes on.
 */
#ifndef TESTS_SESSION_RELAY_H
#define TESTS_SESSION_RELAY_H

#include <stdint.h>
#include <sys/types.h>

/* Makes such a connection, its ends in `fds`, until `bytes` have passed, both ways together. The
 * process, to be waited for once both ends are closed. */
pid_t relay_open(int fds[2], uint64_t bytes);

/* The same, but once `bytes` have passed `happens` is called in that process and all that follows
 * passes too. The ends take in no more than 100 kB before it is passed on. */
pid_t relay_open_until(int fds[2], uint64_t bytes, void (*happens)(void));

#endif
