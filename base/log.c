#include "base/log.h"

#include "base/escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_helper;
static enum log_level log_least = LOG_LEVEL_INFO;

void log_open(const char *helper, enum log_level level) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const char *wanted = getenv("FXNODE_LOG");
    log_helper = helper;
    log_least = level;
    for (size_t i = 0; wanted != NULL && i < sizeof names / sizeof *names; i++)
        if (strcmp(wanted, names[i]) == 0)
            log_least = (enum log_level)i;
}

/* One write per line, so that lines of several processes never mix. */
__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *format,
                                                           va_list arguments) {
    char line[2048];
    int length;

    if (level > log_least)
        return;
    length = log_helper != NULL ? snprintf(line, sizeof line, "fxnode[%s]: ", log_helper)
                                : snprintf(line, sizeof line, "fxnode: ");
    length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    if ((size_t)length > sizeof line - 2)
        length = (int)sizeof line - 2;
    /* What comes from a peer was escaped long before; a helper may have been taken over since. */
    escape_mend(line);
    line[length++] = '\n';
    /* There is nowhere left to report that the log cannot be written. */
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return;
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...) {                                                           \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        log_line(level, format, arguments);                                                        \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

#define LOG_BURST 10u

bool log_limit_take(struct log_limit *limit, uint64_t now_ms, uint32_t *dropped) {
    uint64_t refill = now_ms > limit->last_ms ? (now_ms - limit->last_ms) / 1000 : 0;
    *dropped = 0;
    if (refill > 0) {
        limit->tokens_used -= refill < limit->tokens_used ? (uint32_t)refill : limit->tokens_used;
        limit->last_ms += refill * 1000;
    }
    if (limit->tokens_used >= LOG_BURST) {
        limit->dropped++;
        return false;
    }
    limit->tokens_used++;
    *dropped = limit->dropped;
    limit->dropped = 0;
    return true;
}
