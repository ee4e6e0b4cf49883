#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail_set(struct fail *fail, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(fail->text, sizeof fail->text, format, arguments);
    va_end(arguments);
    fail->code = code;
    if (code < 0 && length >= 0 && (size_t)length < sizeof fail->text) {
        char reason[128];
        const char *text = strerror_r(-code, reason, sizeof reason);
        snprintf(fail->text + length, sizeof fail->text - (size_t)length, ": %s", text);
    }
    return code < 0 ? code : -EINVAL;
}
