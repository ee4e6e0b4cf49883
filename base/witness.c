#include "base/witness.h"

#ifdef FXNODE_CRASH_POINTS
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Ranges that are not shown are not tested; a test has fewer. */
#define RANGES 256

static void say(const char *line, size_t length) {
    if (write(STDERR_FILENO, line, length) < 0)
        abort();
}

static void say_durable(const struct rangeset *units) {
    char line[RANGES * 42 + 64];
    size_t length = (size_t)snprintf(line, sizeof line, "fxnode: durable at the peer:");

    for (size_t i = 0; i < units->length && i < RANGES; i++)
        length += (size_t)snprintf(line + length, sizeof line - length, " %" PRIu64 "+%" PRIu64,
                                   units->ranges[i].first, units->ranges[i].count);
    line[length++] = '\n';
    say(line, length);
}

void witness_durable(const struct rangeset *units) {
    static uint64_t told;
    uint64_t total = rangeset_total(units);

    if (getenv("FXNODE_WITNESS") != NULL && total > told)
        say_durable(units);
    told = total;
}

void witness_arrived(uint64_t unit, uint32_t bytes) {
    char line[64];

    if (getenv("FXNODE_WITNESS") != NULL)
        say(line, (size_t)snprintf(line, sizeof line, "fxnode: arrived: %" PRIu64 " %" PRIu32 "\n",
                                   unit, bytes));
}
#endif
