#include "base/alias.h"
#include "base/escape.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"

#include <stdio.h>

static const struct options_spec spec = {
    .command = "rename",
    .usage = "PEER ALIAS [--json]\n\n"
             "Gives a paired peer another name on this node.\n",
    .least = 2,
    .most = 2,
};

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    char old[256];
    char peer[COMMAND_PEER_ROOM];
    if (event->body_case != FXNODE__CONTROL__EVENT__BODY_PEER)
        return;
    if (json)
        json_peer(event->peer);
    else
        printf("%s is now called %s\n", escape_text(old, sizeof old, context),
               command_peer(peer, event->peer->name, &event->peer->key));
}

int cli_rename(int argc, char **argv) {
    Fxnode__Control__Configure body = FXNODE__CONTROL__CONFIGURE__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct options options;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    body.peer = options.operands[0];
    body.paired = true;
    body.has_alias = true;
    body.alias = options.operands[1];
    const char *fault = alias_fault(body.alias);
    if (fault != NULL)
        return options_wrong(&spec, "an alias %s", fault);
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_CONFIGURE;
    request.configure = &body;
    return command_run(&options, CLIENT_MAY_START, &request, show, body.peer);
}
