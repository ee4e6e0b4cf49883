/*
 * Who is traced: threads, the processes that they belong to, and how often each process has made
 * each system call. One thread.
 */
#ifndef TESTS_FAULTS_TRACEES_H
#define TESTS_FAULTS_TRACEES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACEES_CALLS 1024u /* system calls have lower numbers */
#define TRACEES_NAME 32u

/* A process, from the start of a program to its end or the start of another. */
struct tracee {
    pid_t pid;
    char name[TRACEES_NAME]; /* "session.2": the second one that ran fxnode-session */
    uint32_t calls[TRACEES_CALLS];
    struct tracee *next;
};

/* The process of a thread; made where it is new ("spawn.N" until it starts a program), as is the
 * thread. NULL where the thread is gone already. Valid until its last thread is dropped. */
struct tracee *tracees_of(pid_t thread);

/* The process has started a program: it has a new name, one thread, and has made no calls. */
void tracees_started(struct tracee *tracee);

void tracees_drop(pid_t thread);

/* Calls act(thread) for each thread that is traced. */
void tracees_each(void (*act)(pid_t thread));

size_t tracees_count(void);

#endif
