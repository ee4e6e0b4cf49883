/*
 * What runs in the simulation: machines, their processes and the threads of these as fibers of one
 * thread of this program, on a clock that only this file moves. Which of those that can go on does
 * is drawn, so a seed says all that happens. Everything here is of the whole simulation, of which
 * there is one at a time.
 */
#ifndef TESTS_SIM_TASK_H
#define TESTS_SIM_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TASK_NEVER UINT64_MAX
#define PROCESS_HANDLES 256

struct handle;
struct heap;
struct loop;
struct machine;
struct order;
struct task;

/* Plain value, made by process_start(). */
struct process {
    struct process *next;
    struct machine *machine;
    struct process *parent; /* who started it, while that runs */
    const char *role;       /* for traces */
    int pid;                /* never used twice */
    bool ended;             /* nothing of it runs any more */
    bool whole;             /* its first task is never interrupted but where it waits */
    int status;             /* exit status */
    int signal;             /* that killed it, or 0 */
    struct task *main;
    struct loop *loop;   /* loop.c; NULL for none */
    struct order *order; /* a receiving session's; NULL where it is not known */
    struct heap *heap;   /* heap.h; NULL for none yet */
    struct handle *handles[PROCESS_HANDLES];
};

typedef void *task_entry(void *arg);

/* Begins a simulation with this seed; one that is there ends. */
void task_begin(uint64_t seed);

/* Another seed from here on: all that is there stays. */
void task_seed(uint64_t seed);

/* Ends all processes. */
void task_end(void);

/* Draws: below `bound`, and whether something of probability 1 in `n` happens. */
uint64_t task_draw(uint64_t bound);
bool task_chance(unsigned n);

/* Nanoseconds since the begin. */
uint64_t task_clock(void);

/* Calls `fire` at that time (TASK_NEVER: not at all), between two steps. */
typedef void task_fire(void *arg);
void task_at(uint64_t due, task_fire *fire, void *arg);

/* Runs one task until it waits or gives way; where none can, moves the clock. False where nothing
 * will ever happen again. */
bool task_step(void);

/* The process that runs; NULL in what is not simulated. */
struct process *process_now(void);

/* Starts a process with one task. `parent` may be NULL. */
struct process *process_start(struct machine *machine, struct process *parent, const char *role,
                              task_entry *entry, void *arg);

/* Ends one at once, and its children, as a signal does; the parent gets to know. Where it is the
 * one that runs this does not return. */
void process_kill(struct process *process, int signal);

/* The list of those that run; a process of it may have ended. */
struct process *process_first(void);

/* For what stands for calls of the system, from within a task. */

/* Counts a call; others may get their turn, and the machine may stop here for good. */
void task_call(const char *name);

/* Waits until task_wake(key), or until the clock has reached `deadline`; false in that case. */
bool task_wait(const void *key, uint64_t deadline);
void task_wake(const void *key);

/* All who wait for several things look again. */
extern const char task_anything;
#define TASK_ANYTHING (&task_anything)

struct task *task_start(task_entry *entry, void *arg); /* in the same process; NULL: no memory */
void *task_join(struct task *task);

/* What happens with a machine at one of its calls: it is told before the call, and whoever it kills
 * does not make it. */
void task_watch_calls(void (*called)(struct process *process, const char *name));

#endif
