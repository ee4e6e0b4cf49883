/*
 * Runs a program, and makes one system call of it or of a process that it starts go wrong.
 *
 *     fault-trace [-l LOG] [-a PROCESS:CALL:N[+]] [-d ACTION] PROGRAM [ARGUMENT...]
 *
 * Without -a nothing goes wrong. -l writes a line "PROCESS CALL N" for each call as it begins, and
 * "mark" whenever SIGUSR1 comes.
 *
 * PROCESS is the program that runs, without "fxnode-", and the how manieth process of it that is:
 * "daemon.1", "session.2", "discovery.1"; "spawn.N" is one that was forked and has not yet started
 * a program. CALL is the name of a system call, and N says which one, counted from 1 over all
 * threads of the process; "N+" is that one and all after it. ACTION:
 *
 *     kill    SIGKILL to the process before the call is made (the default)
 *     ERRNO   the call is not made and fails: "ENOSPC"
 *     short   the call is made with half the length (read, write, pread64, pwrite64, sendto,
 *             recvfrom)
 *
 * When that happens it says "fault-trace: PROCESS CALL N: ACTION" on standard error, lets all
 * processes go on untraced (not with "N+"), and stays their parent. SIGTERM, SIGINT and SIGHUP are
 * passed on to the program; when this ends, the program is killed. Ends when no process is left,
 * with the status of the program, or 128 and the signal that ended it; 125 where it cannot trace.
 *
 * strace(1) is no slower and can do a part of this. But it counts calls by thread, so that the N-th
 * of a process has no name; makes the same go wrong in every child; and cannot shorten.
 */
#include "tests/faults/tamper.h"
#include "tests/faults/tracees.h"

#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 125
#define ERRORS 134 /* all have lower numbers */
#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |      \
     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

static struct {
    const char *process; /* NULL: nothing goes wrong */
    int call;
    uint32_t n;
    bool onwards;
    const char *action;
    int error; /* what the call returns, -errno */
} fault = {.action = "kill"};
static FILE *calls_log;
static pid_t program;
static int program_status;
static pid_t failing; /* the thread in a call that is to fail, or 0 */
static volatile sig_atomic_t marked;
static bool leaving; /* everybody is let go */

static int read_errno(const char *name) {
    for (int i = 1; i < ERRORS; i++)
        if (strerrorname_np(i) != NULL && strcmp(strerrorname_np(i), name) == 0)
            return i;
    errx(CANNOT, "%s: neither kill nor short nor an error", name);
}

static void read_action(const char *action) {
    fault.action = action;
    if (strcmp(action, "kill") != 0 && strcmp(action, "short") != 0)
        fault.error = -read_errno(action);
}

/* PROCESS:CALL:N[+] */
static void read_place(char *text) {
    char *call = strchr(text, ':');
    char *n = call == NULL ? NULL : strchr(call + 1, ':');
    char *end = NULL;

    if (n == NULL)
        errx(CANNOT, "%s: not PROCESS:CALL:N", text);
    *call++ = '\0';
    *n++ = '\0';
    fault.process = text;
    fault.call = seccomp_syscall_resolve_name(call);
    fault.n = (uint32_t)strtoul(n, &end, 10);
    fault.onwards = *end == '+';
    if (fault.call < 0 || fault.call >= (int)TRACEES_CALLS || fault.n == 0)
        errx(CANNOT, "%s:%s: no such call", call, n);
}

static void pass_on(int number) {
    if (program > 0)
        kill(program, number);
}

static void mark(int number) {
    (void)number;
    marked = 1;
}

/* Between two calls, as the log is not to be written to by what interrupts that. */
static void write_mark(void) {
    if (marked && calls_log != NULL)
        fputs("mark\n", calls_log);
    marked = 0;
}

static void let_go(pid_t thread) {
    ptrace(PTRACE_INTERRUPT, thread, 0, 0);
}

static void leave(void) {
    leaving = true;
    tracees_each(let_go);
}

static void say(const struct tracee *tracee, const char *call, uint32_t n) {
    dprintf(STDERR_FILENO, "fault-trace: %s %s %u: %s\n", tracee->name, call, n, fault.action);
}

static void go_wrong(pid_t thread, const struct tracee *tracee) {
    if (strcmp(fault.action, "kill") == 0) {
        kill(tracee->pid, SIGKILL);
        leave();
    } else if (strcmp(fault.action, "short") == 0) {
        tamper_shorten(thread);
        if (!fault.onwards)
            leave();
    } else {
        tamper_skip(thread);
        failing = thread;
    }
}

static void call_begins(pid_t thread, struct tracee *tracee, uint64_t number) {
    uint32_t n = number < TRACEES_CALLS ? ++tracee->calls[number] : 0;
    char *name = NULL;
    bool here = fault.process != NULL && (int)number == fault.call &&
                (fault.onwards ? n >= fault.n : n == fault.n) &&
                strcmp(tracee->name, fault.process) == 0;

    if (n == 0 || (calls_log == NULL && !here))
        return;
    name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
    if (calls_log != NULL)
        fprintf(calls_log, "%s %s %u\n", tracee->name, name == NULL ? "unknown" : name, n);
    if (here) {
        say(tracee, name, n);
        go_wrong(thread, tracee);
    }
    free(name);
}

static void call_ends(pid_t thread) {
    if (thread != failing)
        return;
    failing = 0;
    tamper_return(thread, fault.error);
    if (!fault.onwards)
        leave();
}

/* A thread is at the beginning or the end of a system call. */
static void call_stops(pid_t thread, struct tracee *tracee) {
    struct __ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !leaving)
        call_begins(thread, tracee, info.entry.nr);
    else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
        call_ends(thread);
}

/* The signal to hand over when a stopped thread goes on. */
static int act_on(pid_t thread, int status) {
    struct tracee *tracee = tracees_of(thread);
    int number = WSTOPSIG(status);

    if (tracee == NULL)
        return 0;
    if (number == (SIGTRAP | 0x80)) {
        call_stops(thread, tracee);
        return 0;
    }
    if (status >> 16 == PTRACE_EVENT_EXEC)
        tracees_started(tracee);
    return status >> 16 == 0 ? number : 0;
}

/* Calls of other processes need not be looked at. */
static bool is_interesting(pid_t thread) {
    const struct tracee *tracee = tracees_of(thread);

    return calls_log != NULL ||
           (fault.process != NULL && tracee != NULL && strcmp(tracee->name, fault.process) == 0);
}

static void stopped(pid_t thread, int status) {
    int number = act_on(thread, status);

    if (leaving)
        tracees_drop(thread);
    ptrace(leaving                  ? PTRACE_DETACH
           : is_interesting(thread) ? PTRACE_SYSCALL
                                    : PTRACE_CONT,
           thread, 0, number);
}

static void ended(pid_t thread, int status) {
    tracees_drop(thread);
    if (thread != program)
        return;
    program_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    dprintf(STDERR_FILENO, "fault-trace: ended %d\n", program_status);
}

static void watch(void) {
    int status;
    pid_t thread;

    while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        write_mark();
        if (thread <= 0)
            continue;
        if (WIFSTOPPED(status))
            stopped(thread, status);
        else
            ended(thread, status);
    }
}

/* The child waits until it is traced. */
static void start(char **argv) {
    int ready[2];
    char byte = 0;

    if (pipe(ready) < 0)
        err(CANNOT, "pipe");
    program = fork();
    if (program < 0)
        err(CANNOT, "fork");
    if (program == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
            _exit(CANNOT);
        close(ready[0]);
        execvp(argv[0], argv);
        err(127, "%s", argv[0]);
    }
    close(ready[0]);
    if (ptrace(PTRACE_SEIZE, program, 0, OPTIONS) < 0 ||
        ptrace(PTRACE_INTERRUPT, program, 0, 0) < 0)
        err(CANNOT, "ptrace");
    if (write(ready[1], &byte, 1) != 1)
        err(CANNOT, "pipe");
    close(ready[1]);
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_handler = pass_on};
    struct sigaction marking = {.sa_handler = mark};
    int option;

    while ((option = getopt(argc, argv, "+l:a:d:")) != -1) {
        if (option == 'l' && (calls_log = fopen(optarg, "we")) == NULL)
            err(CANNOT, "%s", optarg);
        if (option == 'a')
            read_place(optarg);
        if (option == 'd')
            read_action(optarg);
        if (option == '?')
            return CANNOT;
    }
    if (optind >= argc)
        errx(CANNOT, "which program?");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGUSR1, &marking, NULL);
    start(argv + optind);
    watch();
    if (calls_log != NULL && fclose(calls_log) != 0)
        err(CANNOT, "the log");
    return program_status;
}
