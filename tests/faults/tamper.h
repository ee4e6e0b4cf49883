/*
 * System calls of a stopped thread that are made to do something else than they would.
 */
#ifndef TESTS_FAULTS_TAMPER_H
#define TESTS_FAULTS_TAMPER_H

#include <sys/types.h>

/* At the entry of a call: it is not made. Its result has to be set at its exit. */
void tamper_skip(pid_t thread);

/* At the entry of read, write, pread64, pwrite64, sendto or recvfrom: half as many bytes, at least
 * one. */
void tamper_shorten(pid_t thread);

/* At the exit of a call: what it returns (-errno for errors). */
void tamper_return(pid_t thread, long result);

#endif
