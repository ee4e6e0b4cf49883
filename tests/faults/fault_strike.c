#include "tests/faults/fault.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct fault_control *control; /* NULL: nothing fails here */
static enum fault_role role;

/* FAULT_ROLES for a program that is no part of a node. */
static enum fault_role find_role(void) {
    static const char *const names[FAULT_ROLES] = {
        [FAULT_COMMAND] = "fxnode",
        [FAULT_DAEMON] = "fxnode-daemon",
        [FAULT_SESSION] = "fxnode-session",
        [FAULT_DISCOVERY] = "fxnode-discovery",
    };
    char path[4096];
    long length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof path - 1);
    enum fault_role found = 0;

    path[length < 0 ? 0 : length] = '\0';
    while (found < FAULT_ROLES && strcmp(basename(path), names[found]) != 0)
        found++;
    return found;
}

/* By bare system calls: what is counted begins with the program. */
__attribute__((constructor)) static void begin(void) {
    const char *name = getenv(FAULT_FILE);
    void *frame;
    void *map;
    long fd;

    role = find_role();
    if (name == NULL || role == FAULT_ROLES)
        return;
    fd = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    map = (void *)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                          0L);
    syscall(SYS_close, fd);
    (void)backtrace(&frame, 1); /* loads what it needs while it may */
    if (map != MAP_FAILED)
        control = map;
}

static void tell_frames(void) {
    void *frames[FAULT_FRAMES];
    int count = backtrace(frames, FAULT_FRAMES);

    for (int i = 0; i < count; i++) {
        Dl_info info;

        if (dladdr(frames[i], &info) == 0)
            continue;
        control->frames[i].offset = (uintptr_t)frames[i] - (uintptr_t)info.dli_fbase;
        snprintf(control->frames[i].file, FAULT_NAME, "%s", info.dli_fname);
    }
}

/* FNV-1a of where the callers are in their files. */
static uint64_t number_callers(void) {
    void *frames[FAULT_FRAMES];
    int count = backtrace(frames, FAULT_FRAMES);
    uint64_t hash = 14695981039346656037u;

    for (int i = 0; i < count; i++) {
        struct dl_find_object found = {0};

        (void)_dl_find_object(frames[i], &found); /* dladdr() would look through all symbols */
        hash = (hash ^ ((uintptr_t)frames[i] - (uintptr_t)found.dlfo_map_start)) * 1099511628211u;
    }
    return hash;
}

static void record(enum fault_call call, uint64_t n) {
    uint32_t at = atomic_fetch_add(&control->recorded, 1);

    if (at < FAULT_RECORDS)
        control->records[at] = (struct fault_record){
            .which = role * 256 + call, .n = (uint32_t)n, .callers = number_callers()};
}

int fault_strike(enum fault_call call) {
    uint64_t n;

    if (control == NULL)
        return 0;
    n = atomic_fetch_add(&control->counts[role][call], 1) + 1;
    if (control->recording != 0)
        record(call, n);
    if (n != atomic_load(&control->n) || control->role != role || control->call != call)
        return 0;
    atomic_store(&control->n, 0);
    tell_frames();
    atomic_store(&control->fired, 1);
    return control->error;
}
