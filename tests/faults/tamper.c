#include "tests/faults/tamper.h"

#include <elf.h>
#include <err.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
#define RESULT(r) ((r)->rax)
#define LENGTH(r) ((r)->rdx)
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
#define RESULT(r) ((r)->regs[0])
#define LENGTH(r) ((r)->regs[2])
#else
#error "the registers of this architecture are not known here"
#endif

static void get(pid_t thread, registers *r) {
    struct iovec vector = {.iov_base = r, .iov_len = sizeof *r};

    if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &vector) < 0)
        err(EXIT_FAILURE, "registers of %d", thread);
}

static void set(pid_t thread, registers *r) {
    struct iovec vector = {.iov_base = r, .iov_len = sizeof *r};

    if (ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &vector) < 0)
        err(EXIT_FAILURE, "registers of %d", thread);
}

void tamper_skip(pid_t thread) {
#if defined(__x86_64__)
    registers r;

    get(thread, &r);
    r.orig_rax = (unsigned long long)-1;
    set(thread, &r);
#else
    int none = -1;
    struct iovec vector = {.iov_base = &none, .iov_len = sizeof none};

    if (ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &vector) < 0)
        err(EXIT_FAILURE, "the system call of %d", thread);
#endif
}

void tamper_shorten(pid_t thread) {
    registers r;

    get(thread, &r);
    if (LENGTH(&r) > 1)
        LENGTH(&r) /= 2;
    set(thread, &r);
}

void tamper_return(pid_t thread, long result) {
    registers r;

    get(thread, &r);
    RESULT(&r) = (unsigned long long)result;
    set(thread, &r);
}
