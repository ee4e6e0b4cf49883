#include "tests/sim/fiber.h"

#include "tests/sim/memory.h"
#include "tests/sim/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_SANITIZED 1
#endif
#endif
#ifdef FIBER_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK ((size_t)1024 * 1024) /* of address space */
#define STACKS ((size_t)4096)

#if defined(__x86_64__) && !defined(FIBER_SANITIZED)
#define FIBER_SWITCHED 1
/* Keeps what a call keeps, on the stack that is left: ucontext would ask the system each time. */
void fiber_switch(void **from, void *to);
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size fiber_switch, . - fiber_switch\n");
#endif

struct fiber {
    struct fiber *next; /* in the pool */
    struct fiber *next_of_all;
    void (*entry)(void *arg);
    void *arg;
    char *stack;
    bool used;
#ifdef FIBER_SWITCHED
    void *sp;
#else
    ucontext_t context;
    void *fake;
#endif
};

static struct fiber *all;
static struct fiber *pool;
static struct fiber *now;
#ifdef FIBER_SWITCHED
static void *host;
#else
static ucontext_t host;
#ifdef FIBER_SANITIZED
static void *host_fake;
static const void *host_stack;
static size_t host_size;
#endif
#endif

/* The first thing on a new stack. */
static void begin(void) {
#ifdef FIBER_SANITIZED
    __sanitizer_finish_switch_fiber(NULL, &host_stack, &host_size);
#endif
    now->entry(now->arg);
    for (;;)
        fiber_leave();
}

static void prepare(struct fiber *fiber) {
#ifdef FIBER_SWITCHED
    void **top = (void **)(void *)(fiber->stack + STACK - 64);
    top[-1] = NULL; /* begin() returns to nobody */
    top[-2] = (void *)(uintptr_t)begin;
    fiber->sp = top - 2 - 6;
#else
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK;
    fiber->context.uc_link = NULL;
    fiber->fake = NULL;
    makecontext(&fiber->context, begin, 0);
#endif
}

/* The next of those that lie side by side. */
static char *new_stack(void) {
    static char *stacks;
    static size_t count;

    if (stacks == NULL) {
        stacks = mmap(NULL, STACKS * STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED)
            abort();
    }
    if (count == STACKS)
        abort();
    return stacks + STACK * count++;
}

struct fiber *fiber_new(void (*entry)(void *arg), void *arg) {
    struct fiber *fiber = pool;

    if (fiber != NULL) {
        pool = fiber->next;
    } else {
        fiber = memory_grow(NULL, sizeof *fiber);
        fiber->next_of_all = all;
        all = fiber;
        fiber->stack = new_stack();
    }
    fiber->used = true;
    fiber->entry = entry;
    fiber->arg = arg;
    prepare(fiber);
    return fiber;
}

#ifdef FIBER_SANITIZED
#include <sanitizer/asan_interface.h>
#endif

void fiber_free(struct fiber *fiber) {
    if (fiber == NULL)
        return;
#ifdef FIBER_SANITIZED
    __asan_unpoison_memory_region(fiber->stack, STACK); /* of calls that never returned */
#endif
    fiber->used = false;
    fiber->next = pool;
    pool = fiber;
}

void fiber_enter(struct fiber *fiber) {
    now = fiber;
#ifdef FIBER_SWITCHED
    fiber_switch(&host, fiber->sp);
#else
#ifdef FIBER_SANITIZED
    __sanitizer_start_switch_fiber(&host_fake, fiber->stack, STACK);
#endif
    swapcontext(&host, &fiber->context);
#ifdef FIBER_SANITIZED
    __sanitizer_finish_switch_fiber(host_fake, NULL, NULL);
#endif
#endif
    now = NULL;
}

void fiber_leave(void) {
    struct fiber *fiber = now;
#ifdef FIBER_SWITCHED
    fiber_switch(&fiber->sp, host);
#else
#ifdef FIBER_SANITIZED
    __sanitizer_start_switch_fiber(&fiber->fake, host_stack, host_size);
#endif
    swapcontext(&fiber->context, &host);
#ifdef FIBER_SANITIZED
    __sanitizer_finish_switch_fiber(fiber->fake, &host_stack, &host_size);
#endif
#endif
}

#ifdef FIBER_SWITCHED
/* What is in use of all stacks, one behind the other. */
static struct {
    char *content;
    size_t length;
    size_t room;
} kept;

static size_t depth(const struct fiber *fiber) {
    return fiber->used ? (size_t)(fiber->stack + STACK - (char *)fiber->sp) : 0;
}

bool fiber_keep(void) {
    size_t at = 0;

    kept.length = 0;
    for (struct fiber *fiber = all; fiber != NULL; fiber = fiber->next_of_all)
        kept.length += depth(fiber);
    if (kept.length > kept.room)
        kept.content = __real_realloc(kept.content, kept.room = kept.length);
    if (kept.content == NULL)
        abort();
    for (struct fiber *fiber = all; fiber != NULL; fiber = fiber->next_of_all) {
        memcpy(kept.content + at, fiber->sp, depth(fiber));
        at += depth(fiber);
    }
    return true;
}

void fiber_back(void) {
    size_t at = 0;

    for (struct fiber *fiber = all; fiber != NULL; fiber = fiber->next_of_all) {
        memcpy(fiber->sp, kept.content + at, depth(fiber));
        at += depth(fiber);
    }
}
#else
bool fiber_keep(void) {
    return false;
}

void fiber_back(void) {
}
#endif
