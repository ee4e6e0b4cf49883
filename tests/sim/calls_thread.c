/* Threads, clocks and what a process asks about itself. */
#include "tests/sim/calls.h"
#include "tests/sim/machine.h"
#include "tests/sim/trace.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EPOCH_S 1800000000
#define BOOT_S 1000
#define SECOND 1000000000u

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, task_entry *entry,
                          void *arg) {
    (void)attributes;
    task_call("pthread_create");
    *thread = (pthread_t)(uintptr_t)task_start(entry, arg);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result) {
    void *value = NULL;

    task_call("pthread_join");
    value = task_join((struct task *)(uintptr_t)thread);
    if (result != NULL)
        *result = value;
    return 0;
}

/* A mutex is a byte that says whether it is held. */
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
    (void)attributes;
    memset(mutex, 0, sizeof *mutex);
    return 0;
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex) {
    (void)mutex;
    return 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    char *held = (char *)mutex;

    while (*held != 0)
        task_wait(mutex, TASK_NEVER);
    *held = 1;
    return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    *(char *)mutex = 0;
    task_wake(mutex);
    return 0;
}

int __wrap_pthread_condattr_init(pthread_condattr_t *attributes) {
    (void)attributes;
    return 0;
}

int __wrap_pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock) {
    (void)attributes;
    return clock == CLOCK_MONOTONIC ? 0 : EINVAL;
}

int __wrap_pthread_condattr_destroy(pthread_condattr_t *attributes) {
    (void)attributes;
    return 0;
}

int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
    (void)attributes;
    memset(condition, 0, sizeof *condition);
    return 0;
}

int __wrap_pthread_cond_destroy(pthread_cond_t *condition) {
    (void)condition;
    return 0;
}

static int wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline) {
    bool woken = false;

    __wrap_pthread_mutex_unlock(mutex);
    woken = task_wait(condition, deadline);
    __wrap_pthread_mutex_lock(mutex);
    return woken ? 0 : ETIMEDOUT;
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    return wait(condition, mutex, TASK_NEVER);
}

static uint64_t from_boot(const struct timespec *time) {
    return time->tv_sec < BOOT_S
               ? 0
               : (uint64_t)(time->tv_sec - BOOT_S) * SECOND + (uint64_t)time->tv_nsec;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until) {
    return wait(condition, mutex, from_boot(until));
}

/* Waking too many is allowed: pthread_cond_wait(3). */
int __wrap_pthread_cond_signal(pthread_cond_t *condition) {
    task_wake(condition);
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition) {
    task_wake(condition);
    return 0;
}

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old) {
    (void)how;
    (void)set;
    (void)old;
    return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
    uint64_t ns = clock == CLOCK_THREAD_CPUTIME_ID ? 0 : task_clock();

    *now = (struct timespec){.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};
    if (clock == CLOCK_REALTIME)
        now->tv_sec += EPOCH_S;
    else if (clock != CLOCK_THREAD_CPUTIME_ID)
        now->tv_sec += BOOT_S;
    return 0;
}

static int sleep_until(uint64_t deadline) {
    char key = 0; /* nobody wakes it */

    task_call("sleep");
    while (task_clock() < deadline)
        task_wait(&key, deadline);
    return 0;
}

int __wrap_nanosleep(const struct timespec *span, struct timespec *left) {
    (void)left;
    return sleep_until(task_clock() + (uint64_t)span->tv_sec * SECOND + (uint64_t)span->tv_nsec);
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left) {
    (void)clock;
    if ((flags & TIMER_ABSTIME) == 0)
        return __wrap_nanosleep(time, left);
    return sleep_until(from_boot(time));
}

pid_t __wrap_getpid(void) {
    return process_now()->pid;
}

uid_t __wrap_getuid(void) {
    return 0;
}

uid_t __wrap_geteuid(void) {
    return 0;
}

int __wrap_gethostname(char *name, size_t room) {
    snprintf(name, room, "%s", process_now()->machine->name);
    return 0;
}

char *__wrap_getenv(const char *name) {
    if (strcmp(name, "FXNODE_LOG") == 0)
        return trace_is_on() ? (char *)"debug" : (char *)"error";
    return strcmp(name, "HOME") == 0 ? (char *)"/home" : NULL;
}

int __wrap_unsetenv(const char *name) {
    (void)name;
    return 0;
}

int __wrap_prctl(int option, ...) {
    (void)option; /* a child's end with its parent is in task.c */
    return 0;
}

int __wrap_setpriority(int which, id_t who, int priority) {
    (void)which;
    (void)who;
    (void)priority;
    return 0;
}

__sighandler_t __wrap_signal(int number, __sighandler_t handler) {
    (void)number;
    return handler;
}

mode_t __wrap_umask(mode_t mask) {
    (void)mask;
    return 022;
}

int __wrap_isatty(int fd) {
    (void)fd;
    errno = ENOTTY;
    return 0;
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
    (void)pid;
    CPU_ZERO_S(size, set);
    CPU_SET_S(0, size, set);
    CPU_SET_S(1, size, set);
    return 0;
}

/* What a node says when it is ready. */
int __wrap_fprintf(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap___fprintf_chk(FILE *file, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int say(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static int say(const char *format, va_list arguments) {
    char line[512];
    int length = vsnprintf(line, sizeof line, format, arguments);

    line[strcspn(line, "\n")] = '\0';
    trace("%s", line);
    return length;
}

int __wrap_fprintf(FILE *file, const char *format, ...) {
    va_list arguments;
    int length = 0;

    (void)file;
    va_start(arguments, format);
    length = say(format, arguments);
    va_end(arguments);
    return length;
}

int __wrap___fprintf_chk(FILE *file, int flag, const char *format, ...) {
    va_list arguments;
    int length = 0;

    (void)file;
    (void)flag;
    va_start(arguments, format);
    length = say(format, arguments);
    va_end(arguments);
    return length;
}

/* A process of the simulation is confined by having nothing but what is simulated. */
int __wrap_confine_calls(void) {
    return 0;
}

struct confine_rule;
int __wrap_confine_files(const struct confine_rule *rules, size_t count) {
    (void)rules;
    (void)count;
    return 0;
}
