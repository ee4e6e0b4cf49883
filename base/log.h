/*
 * The log: lines on standard error, "fxnode: TEXT", or "fxnode[discovery]: TEXT" in a helper. Any
 * thread may log. Foreign strings among the arguments must have been escaped (escape.h).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Sets the helper's name (NULL: the node itself or a command; borrowed) and the least level
 * shown. Call before threads start. FXNODE_LOG=debug|info|warn|error overrides the level. */
void log_open(const char *helper, enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A token bucket for lines that strangers can cause: 10 at once, then one a second. Zero-initialise
 * it. Plain value; one thread. */
struct log_limit {
    uint64_t last_ms;
    uint32_t tokens_used;
    uint32_t dropped;
};

/* Whether a line may be logged at `now_ms` (monotonic). `*dropped` receives how many lines were
 * held back since the last one that was let through. */
bool log_limit_take(struct log_limit *limit, uint64_t now_ms, uint32_t *dropped);

#endif
