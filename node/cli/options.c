#include "node/cli/options.h"

#include "base/escape.h"
#include "node/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_STATE = 256, CODE_SOCKET, CODE_CONFIG, CODE_JSON, CODE_HELP, CODE_REPEATED, CODE_OWN };

static const struct option common[] = {
    {"state", required_argument, NULL, CODE_STATE},
    {"socket", required_argument, NULL, CODE_SOCKET},
    {"config", required_argument, NULL, CODE_CONFIG},
    {"json", no_argument, NULL, CODE_JSON},
    {"help", no_argument, NULL, CODE_HELP},
};

#define COMMON_COUNT (sizeof common / sizeof *common)

int options_wrong(const struct options_spec *spec, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "fxnode: %s: %s; see fxnode %s --help\n", spec->command, text, spec->command);
    return CLI_USAGE;
}

bool options_number(unsigned long *out, const char *text, unsigned long most) {
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && *out <= most;
}

static void show_help(const struct options_spec *spec) {
    printf("usage: fxnode %s %s\n"
           "      --json           one JSON object a line\n"
           "      --state DIR      state directory (FXNODE_STATE)\n"
           "      --socket PATH    control socket (FXNODE_SOCKET)\n"
           "      --config FILE    configuration file\n",
           spec->command, spec->usage);
}

static void take_common(struct options *options, int code) {
    switch (code) {
    case CODE_STATE:
        options->where.state = optarg;
        break;
    case CODE_SOCKET:
        options->where.socket = optarg;
        break;
    case CODE_CONFIG:
        options->where.config = optarg;
        break;
    default:
        options->json = true;
        break;
    }
}

/* All options, the last one zero. */
static void list_options(struct option all[], const struct options_spec *spec) {
    memcpy(all, common, sizeof common);
    all += COMMON_COUNT;
    for (size_t i = 0; i < spec->own_count; i++)
        *all++ =
            (struct option){.name = spec->own[i].name,
                            .has_arg = spec->own[i].has_value ? required_argument : no_argument,
                            .val = CODE_OWN + (int)i};
    if (spec->repeats != NULL)
        *all++ = (struct option){
            .name = spec->repeats, .has_arg = required_argument, .val = CODE_REPEATED};
    *all = (struct option){0};
}

/* False where there are too many values of the option that may be repeated. */
static bool take_option(struct options *options, int code) {
    if (code >= CODE_OWN)
        options->values[code - CODE_OWN] = optarg != NULL ? optarg : "";
    else if (code != CODE_REPEATED)
        take_common(options, code);
    else if (options->repeated_count < OPTIONS_REPEATED_MAX)
        options->repeated[options->repeated_count++] = optarg;
    else
        return false;
    return true;
}

static int reject_option(const struct options_spec *spec, int code, char **argv) {
    char shown[ESCAPE_ROOM(80)];
    escape_text(shown, sizeof shown, argv[optind - 1]);
    if (code == ':')
        return options_wrong(spec, "%s needs a value", shown);
    return options_wrong(spec, "there is no option %s here", shown);
}

bool options_parse(struct options *options, const struct options_spec *spec, int argc, char **argv,
                   int *status) {
    struct option all[COMMON_COUNT + OPTIONS_OWN_MAX + 2];
    int code;

    *options = (struct options){0};
    list_options(all, spec);
    opterr = 0;
    optind = 1;
    /* "--" ends the options; before it they may stand anywhere. ":" tells missing values apart. */
    while ((code = getopt_long(argc, argv, ":h", all, NULL)) != -1) {
        if (code == CODE_HELP || code == 'h') {
            show_help(spec);
            *status = CLI_DONE;
            return false;
        }
        if (code < CODE_STATE) {
            *status = reject_option(spec, code, argv);
            return false;
        }
        if (!take_option(options, code)) {
            *status = options_wrong(spec, "--%s can be given %u times", spec->repeats,
                                    OPTIONS_REPEATED_MAX);
            return false;
        }
    }
    options->operands = argv + optind;
    options->operand_count = argc - optind;
    if (options->operand_count < spec->least ||
        (spec->most >= 0 && options->operand_count > spec->most)) {
        *status = options_wrong(spec, "%s operands (fxnode %s %.*s)",
                                options->operand_count < spec->least ? "missing" : "too many",
                                spec->command, (int)strcspn(spec->usage, "\n"), spec->usage);
        return false;
    }
    return true;
}
