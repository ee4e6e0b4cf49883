#include "node/cli/cli.h"
#include "node/cli/command.h"

static const struct options_spec spec = {
    .command = "unpair",
    .usage =
        "PEER [--json]\n\n"
        "Forgets a peer: its key, its alias, its addresses and its settings. Transfers with it\n"
        "that are not finished are paused; offers of it that wait are refused.\n",
    .least = 1,
    .most = 1,
};

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    (void)context;
    (void)json;
    (void)event;
}

int cli_unpair(int argc, char **argv) {
    Fxnode__Control__Unpair body = FXNODE__CONTROL__UNPAIR__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct options options;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    body.peer = options.operands[0];
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_UNPAIR;
    request.unpair = &body;
    return command_run(&options, CLIENT_MAY_START, &request, show, NULL);
}
