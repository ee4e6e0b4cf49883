/*
 * Which system calls the process may still make, as a program for the kernel's classic BPF
 * (Documentation/userspace-api/seccomp_filter.rst). It is built in place: nothing here takes
 * memory, so that a filter is whole or is not loaded.
 *
 * Begin, add rules, load. The first rule that fits a call decides; what none fits fails with EPERM,
 * and a call of another architecture than this program's ends the process.
 */
#ifndef NODE_SESSION_CALL_FILTER_H
#define NODE_SESSION_CALL_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel takes BPF_MAXINSNS; a rule without checks has two. */
#define CALL_FILTER_MAX 1024u

/* Plain value; to be read only. */
struct call_filter {
    size_t length; /* instructions; more than CALL_FILTER_MAX where there was no room */
    struct sock_filter program[CALL_FILTER_MAX];
};

/* Of the lower 32 bits of an argument, those in `mask` have to be those of `value`. */
struct call_check {
    unsigned argument; /* 0 to 5 */
    uint32_t mask;
    uint32_t value;
};

void call_filter_begin(struct call_filter *filter);

/* `action` is a SECCOMP_RET_ value. A `call` below 0 is one that this architecture does not have,
 * which needs no rule. */
void call_filter_add(struct call_filter *filter, int call, uint32_t action);

/* The same for calls that pass all `count` checks. */
void call_filter_add_if(struct call_filter *filter, int call, uint32_t action,
                        const struct call_check *checks, size_t count);

/* Ends the program, and puts it into force for the calling thread and those it starts later. For
 * good. 0; -E2BIG where there was no room for all rules, or -errno: then nothing has changed. */
int call_filter_load(struct call_filter *filter);

#endif
