#include "base/escape.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/common/human.h"

#include <inttypes.h>
#include <stdio.h>

enum { OPTION_ALL };

static const struct options_own own[] = {{"all", false}};

static const struct options_spec spec = {
    .command = "transfers",
    .usage = "[--all] [--json]\n\n"
             "Lists the transfers that are not finished.\n\n"
             "      --all            finished ones too, the newest first\n",
    .own = own,
    .own_count = 1,
};

static void show_transfer(const Fxnode__Control__Transfer *transfer) {
    char names[COMMAND_NAMES_ROOM];
    char peer[COMMAND_PEER_ROOM];
    char done[HUMAN_ROOM] = "?";
    char total[HUMAN_ROOM];

    if (!transfer->done_unknown)
        human_bytes(done, transfer->done);
    printf("%6" PRIu64 "  %-9s  %8s of %-8s  %s %s: %s", transfer->number,
           json_state(transfer->state), done, human_bytes(total, transfer->bytes),
           transfer->direction == FXNODE__CONTROL__TRANSFER__DIRECTION__OUTGOING ? "to" : "from",
           command_peer(peer, transfer->peer_name, &transfer->peer_key),
           command_names(names, transfer));
    if (transfer->reason[0] != '\0')
        printf(" (%s)", transfer->reason);
    putchar('\n');
}

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    unsigned long *shown = context;
    if (event->body_case != FXNODE__CONTROL__EVENT__BODY_TRANSFER)
        return;
    ++*shown;
    if (json)
        json_transfer(event->transfer);
    else
        show_transfer(event->transfer);
}

int cli_transfers(int argc, char **argv) {
    Fxnode__Control__Transfers body = FXNODE__CONTROL__TRANSFERS__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct options options;
    unsigned long shown = 0;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    body.all = options.values[OPTION_ALL] != NULL;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_TRANSFERS;
    request.transfers = &body;
    status = command_run(&options, CLIENT_MAY_START, &request, show, &shown);
    if (status == CLI_DONE && shown == 0 && !options.json)
        fprintf(stderr, "fxnode: no transfers\n");
    return status;
}
