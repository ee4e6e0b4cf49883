#include "node/common/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

char *human_bytes(char out[HUMAN_ROOM], uint64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    /* What would be printed as 1000 belongs to the next unit. */
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(out, HUMAN_ROOM, "%" PRIu64 " B", bytes);
    else
        snprintf(out, HUMAN_ROOM, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

char *human_duration(char out[HUMAN_ROOM], uint64_t seconds) {
    uint64_t hours = seconds / 3600;
    unsigned minutes = (unsigned)(seconds / 60 % 60);
    unsigned rest = (unsigned)(seconds % 60);
    if (hours > 0)
        snprintf(out, HUMAN_ROOM, "%" PRIu64 ":%02u:%02u", hours, minutes, rest);
    else
        snprintf(out, HUMAN_ROOM, "%u:%02u", minutes, rest);
    return out;
}

char *human_time(char out[HUMAN_ROOM], int64_t seconds) {
    time_t at = (time_t)seconds;
    struct tm local;
    if (seconds == 0 || localtime_r(&at, &local) == NULL ||
        strftime(out, HUMAN_ROOM, "%Y-%m-%d %H:%M", &local) == 0)
        snprintf(out, HUMAN_ROOM, "-");
    return out;
}
