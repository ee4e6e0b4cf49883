/*
 * What went wrong, in a form that a person can be shown and a caller can pass up.
 *
 * A function that can fail for reasons worth telling takes a `struct fail *` (never NULL) and
 * fills it where the failure is first seen; callers pass it up untouched. The text is one line,
 * already escaped, without the program's name: "cannot write /srv/in/.fxnode/7: No space left on
 * device". Plain value, no ownership.
 */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H

struct fail {
    int code; /* -errno, or 0 where no system error is behind it */
    char text[512];
};

/*
 * Fills `fail`: the formatted text, followed by ": " and strerror(-code) when code is negative.
 * Foreign strings among the arguments must have been escaped by the caller (escape.h).
 * Returns code, or -EINVAL where code is 0, so that callers can `return fail_set(...)`.
 */
int fail_set(struct fail *fail, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
