#include "tests/sim/trace.h"

#include "tests/sim/machine.h"
#include "tests/sim/task.h"

#include <stdarg.h>
#include <stdio.h>

static bool on;

void trace_on(void) {
    on = true;
}

bool trace_is_on(void) {
    return on;
}

void trace_line(const char *format, ...) {
    struct process *process = process_now();
    va_list arguments;

    printf("%10.6f ", (double)task_clock() / 1e9);
    if (process != NULL)
        printf("%s %s[%d] ", process->machine->name, process->role, process->pid);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}
