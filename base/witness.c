#include "base/witness.h"

#ifdef FXNODE_CRASH_POINTS
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Ranges that are not shown are not tested; a test has fewer. */
#define RANGES 256

static void say(const struct rangeset *units) {
    char line[RANGES * 42 + 64];
    size_t length = (size_t)snprintf(line, sizeof line, "fxnode: durable at the peer:");

    for (size_t i = 0; i < units->length && i < RANGES; i++)
        length += (size_t)snprintf(line + length, sizeof line - length, " %" PRIu64 "+%" PRIu64,
                                   units->ranges[i].first, units->ranges[i].count);
    line[length++] = '\n';
    if (write(STDERR_FILENO, line, length) < 0)
        abort();
}

void witness_durable(const struct rangeset *units) {
    static uint64_t told;
    uint64_t total = rangeset_total(units);

    if (getenv("FXNODE_WITNESS") != NULL && total > told)
        say(units);
    told = total;
}
#endif
