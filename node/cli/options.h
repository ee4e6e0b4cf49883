/*
 * Arguments of a command: the options that every command takes, its own, and --help.
 */
#ifndef NODE_CLI_OPTIONS_H
#define NODE_CLI_OPTIONS_H

#include "base/limits.h"
#include "node/common/locations.h"

#include <stdbool.h>
#include <stddef.h>

/* An option of one command. */
struct options_own {
    const char *name; /* without the dashes */
    bool has_value;
};

#define OPTIONS_OWN_MAX 8
#define OPTIONS_REPEATED_MAX LIMIT_PATTERNS

struct options_spec {
    const char *command;
    const char *usage; /* what follows the command's name, and a line per option */
    const struct options_own *own;
    size_t own_count;
    const char *repeats; /* one more, whose values are all kept; or NULL */
    int least;           /* operands */
    int most;            /* -1: any number */
};

struct options {
    struct location_options where;
    bool json;
    const char *values[OPTIONS_OWN_MAX]; /* of own options, by index: its value, or "" for a flag */
    const char *repeated[OPTIONS_REPEATED_MAX];
    size_t repeated_count;
    char **operands;
    int operand_count;
};

/* Parses argv. True to go on. False to end with *status: --help was shown (0) or the arguments are
 * wrong, which was said on standard error (2). */
bool options_parse(struct options *options, const struct options_spec *spec, int argc, char **argv,
                   int *status);

/* Says "fxnode: COMMAND: TEXT" and where help is, on standard error; returns the status for wrong
 * usage. */
int options_wrong(const struct options_spec *spec, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A decimal number up to `most`. */
bool options_number(unsigned long *out, const char *text, unsigned long most);

#endif
