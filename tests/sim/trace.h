/* What happens, line by line, where it is wanted. */
#ifndef TESTS_SIM_TRACE_H
#define TESTS_SIM_TRACE_H

#include <stdbool.h>

void trace_on(void);
bool trace_is_on(void);

/* A line with the time and the process before it. */
#define trace(...) (trace_is_on() ? trace_line(__VA_ARGS__) : (void)0)
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
