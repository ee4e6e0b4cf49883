#include "base/alias.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/cli/own.h"

#include <stdio.h>

static const struct options_spec spec = {
    .command = "export",
    .usage = "[PEER] [--json]\n\n"
             "Writes this node, or a peer that is remembered, as one line of text for fxnode\n"
             "import.\n",
    .most = 1,
};

/* A name that is no alias is made one: what is written can be read. */
static void show_line(bool json, const uint8_t *key, const char *name) {
    char alias[ALIAS_ROOM];
    char line[ALIAS_LINE_ROOM];
    alias_line_format(line, key, alias_make(alias, name, key));
    if (json)
        json_peer_line(key, alias, line);
    else
        puts(line);
}

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    (void)context;
    if (event->body_case == FXNODE__CONTROL__EVENT__BODY_PEER && event->peer->key.len == LIMIT_KEY)
        show_line(json, event->peer->key.data, event->peer->name);
}

static int export_peer(const struct options *options) {
    Fxnode__Control__Configure body = FXNODE__CONTROL__CONFIGURE__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    body.peer = options->operands[0];
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_CONFIGURE;
    request.configure = &body;
    return command_run(options, CLIENT_MAY_START, &request, show, NULL);
}

int cli_export(int argc, char **argv) {
    struct options options;
    struct own own;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    if (options.operand_count > 0)
        return export_peer(&options);
    status = own_find(&own, &options);
    if (status != CLI_DONE)
        return status;
    show_line(options.json, own.key, own.name);
    return command_end(options.json, CLI_DONE, "");
}
