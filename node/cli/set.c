/*
 * set: what is done with the offers of one paired peer.
 */
#include "base/escape.h"
#include "base/limits.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/common/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct options_spec spec = {
    .command = "set",
    .usage = "PEER [KEY=VALUE...] [--json]\n\n"
             "Changes what is done with the offers of a paired peer, and shows the settings.\n\n"
             "      accept=on|ask|off  they are taken, asked about, or refused\n"
             "      directory=DIR      where its files go, below the directory for received files\n"
             "      limit=SIZE         larger transfers are asked about; k, M, G, or none\n"
             "      day-limit=SIZE     what would be more than this in 24 hours is asked about\n"
             "      exists=HOW         what becomes of names that exist: rename, skip, overwrite,\n"
             "                         ask, refuse, or default for what the configuration says\n",
    .least = 1,
    .most = -1,
};

typedef Fxnode__Control__Configure settings;

static const char *set_accept(settings *to, const char *value) {
    for (to->accept = FXNODE__CONTROL__ACCEPT__ACCEPT_ON;
         to->accept <= FXNODE__CONTROL__ACCEPT__ACCEPT_OFF; to->accept++)
        if (strcmp(value, json_accept(to->accept)) == 0)
            return NULL;
    return "accept is on, ask or off";
}

static const char *set_directory(settings *to, const char *value) {
    to->has_directory = true;
    to->directory = (char *)value;
    return NULL; /* the node judges it */
}

static bool read_size(uint64_t *out, const char *value) {
    *out = 0;
    return strcmp(value, "none") == 0 ||
           (config_parse_size(out, value, 1000) && *out <= LIMIT_FILE_SIZE);
}

static const char *set_limit(settings *to, const char *value) {
    to->has_limit = true;
    return read_size(&to->limit, value) ? NULL : "limit is a size such as 500M or 2G, or none";
}

static const char *set_day_limit(settings *to, const char *value) {
    to->has_day_limit = true;
    return read_size(&to->day_limit, value) ? NULL
                                            : "day-limit is a size such as 500M or 2G, or none";
}

static const char *set_exists(settings *to, const char *value) {
    to->has_exists = true;
    for (to->exists = FXNODE__CONTROL__EXISTS__DEFAULT_EXISTS;
         to->exists <= FXNODE__CONTROL__EXISTS__EXISTS_REFUSE; to->exists++)
        if (strcmp(value, json_exists(to->exists)) == 0)
            return NULL;
    return "exists is rename, skip, overwrite, ask, refuse or default";
}

/* Takes one KEY=VALUE. NULL, or what is wrong with it. */
static const char *take(settings *to, const char *assignment) {
    static const struct {
        const char *key;
        const char *(*set)(settings *, const char *);
    } keys[] = {
        {"accept", set_accept},       {"directory", set_directory}, {"limit", set_limit},
        {"day-limit", set_day_limit}, {"exists", set_exists},
    };
    size_t length = strcspn(assignment, "=");

    for (size_t i = 0; assignment[length] == '=' && i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i].key) == length && strncmp(assignment, keys[i].key, length) == 0)
            return keys[i].set(to, assignment + length + 1);
    return "it is accept=, directory=, limit=, day-limit= or exists= and a value";
}

/* Exact, so that it can be given back. */
static void show_size(const char *key, uint64_t size) {
    static const char *const units[] = {"", "k", "M", "G"};
    size_t unit = 0;
    while (size != 0 && size % 1000 == 0 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1000;
        unit++;
    }
    if (size == 0)
        printf("%s=none\n", key);
    else
        printf("%s=%" PRIu64 "%s\n", key, size, units[unit]);
}

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    char directory[ESCAPE_ROOM(LIMIT_COMPONENT)];
    (void)context;
    if (event->body_case != FXNODE__CONTROL__EVENT__BODY_PEER)
        return;
    if (json) {
        json_peer(event->peer);
        return;
    }
    printf("accept=%s\n", json_accept(event->peer->accept));
    printf("directory=%s\n", escape_text(directory, sizeof directory, event->peer->directory));
    show_size("limit", event->peer->limit);
    show_size("day-limit", event->peer->day_limit);
    printf("exists=%s\n", json_exists(event->peer->exists));
}

int cli_set(int argc, char **argv) {
    Fxnode__Control__Configure body = FXNODE__CONTROL__CONFIGURE__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct options options;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    body.peer = options.operands[0];
    body.paired = true;
    for (int i = 1; i < options.operand_count; i++) {
        char shown[ESCAPE_ROOM(40)];
        const char *fault = take(&body, options.operands[i]);
        if (fault != NULL)
            return options_wrong(&spec, "%s: %s",
                                 escape_text(shown, sizeof shown, options.operands[i]), fault);
    }
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_CONFIGURE;
    request.configure = &body;
    return command_run(&options, CLIENT_MAY_START, &request, show, NULL);
}
