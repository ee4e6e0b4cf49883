#include "base/crash.h"

#ifdef FXNODE_CRASH_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void crash_point(const char *name) {
    static atomic_ulong passed;
    const char *wanted = getenv("FXNODE_CRASH");
    size_t length = strlen(name);

    if (wanted == NULL || strncmp(wanted, name, length) != 0)
        return;
    if (wanted[length] != '\0' && wanted[length] != ':')
        return;
    unsigned long nth = wanted[length] == ':' ? strtoul(wanted + length + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&passed, 1) + 1 == nth) {
        dprintf(STDERR_FILENO, "fxnode: crash point %s\n", name);
        kill(getpid(), SIGKILL);
    }
}
#endif
