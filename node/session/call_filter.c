#include "node/session/call_filter.h"

#include <endian.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>

/* Bit of the calls of x32, which share the number of x86-64's architecture. */
#define X32 0x40000000u

/* What a debugger makes of a call that is to be left out. */
#define NO_CALL UINT32_MAX

/* Where the lower half of a 64-bit argument lies. */
#if __BYTE_ORDER == __BIG_ENDIAN
#define LOWER 4u
#else
#define LOWER 0u
#endif

static void put(struct call_filter *filter, struct sock_filter instruction) {
    if (filter->length < CALL_FILTER_MAX)
        filter->program[filter->length] = instruction;
    filter->length++;
}

static void load(struct call_filter *filter, size_t offset) {
    put(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void load_call(struct call_filter *filter) {
    load(filter, offsetof(struct seccomp_data, nr));
}

static void answer(struct call_filter *filter, uint32_t action) {
    put(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Goes on with the next instruction where what is loaded is `value`, else passes over `skipped`. */
static void expect(struct call_filter *filter, uint32_t value, size_t skipped) {
    put(filter,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)skipped));
}

void call_filter_begin(struct call_filter *filter) {
    uint32_t native = seccomp_arch_native();

    filter->length = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    put(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native, 1, 0));
    answer(filter, SECCOMP_RET_KILL_PROCESS);
    load_call(filter);
    if (native == SCMP_ARCH_X86_64) {
        put(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NO_CALL, 2, 0));
        put(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1));
        answer(filter, SECCOMP_RET_KILL_PROCESS);
    }
}

void call_filter_add(struct call_filter *filter, int call, uint32_t action) {
    if (call < 0)
        return;
    expect(filter, (uint32_t)call, 1);
    answer(filter, action);
}

/* A check is three instructions; behind the last of them and the answer the call is loaded again,
 * for the rules that follow. */
void call_filter_add_if(struct call_filter *filter, int call, uint32_t action,
                        const struct call_check *checks, size_t count) {
    size_t left = count * 3 + 1;

    if (call < 0)
        return;
    expect(filter, (uint32_t)call, left + 1);
    for (size_t i = 0; i < count; i++) {
        left -= 3;
        load(filter,
             offsetof(struct seccomp_data, args) + checks[i].argument * sizeof(uint64_t) + LOWER);
        put(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, checks[i].mask));
        expect(filter, checks[i].value & checks[i].mask, left);
    }
    answer(filter, action);
    load_call(filter);
}

int call_filter_load(struct call_filter *filter) {
    struct sock_fprog program = {.filter = filter->program};

    answer(filter, SECCOMP_RET_ERRNO | EPERM);
    if (filter->length > CALL_FILTER_MAX)
        return -E2BIG;
    program.len = (unsigned short)filter->length;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return -errno;
    return 0;
}
