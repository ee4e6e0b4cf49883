/*
 * pair: this node shows a code, or its user gives the one that a peer shows. Both last until the
 * node has a result; the code is worth nothing once the command has ended.
 */
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/interrupt.h"
#include "node/cli/json.h"
#include "node/cli/pair_ask.h"
#include "node/cli/pair_show.h"

#include <unistd.h>

static const struct options_spec spec = {
    .command = "pair",
    .usage = "[PEER] [--json]\n\n"
             "Makes two nodes sure of each other. Without PEER a code is shown, for two minutes;\n"
             "with PEER the code that it shows is asked for on the terminal, or else read as one\n"
             "line of standard input.\n",
    .most = 1,
};

#define GOES_ON (-1) /* no exit status yet */

struct pairing {
    struct options options;
    struct client *client;
    sigset_t unblocked;
    struct pair_show show;
    struct pair_ask ask;
    bool gave; /* a code */
};

static void clear(struct pairing *pairing) {
    pair_show_clear(&pairing->show);
    pair_ask_clear(&pairing->ask);
}

static int end(struct pairing *pairing, int status, const char *text) {
    clear(pairing);
    return command_end(pairing->options.json, status, text);
}

static int begin_showing(struct pairing *pairing, const Fxnode__Control__PairShow *shown) {
    bool json = pairing->options.json;
    if (json)
        json_pair_code(shown);
    else if (!pair_show_begin(&pairing->show, shown, client_welcome(pairing->client)))
        return end(pairing, CLI_FAILED, "the node gave no code: restart it after an update");
    return GOES_ON;
}

/* A script has one code: with a wrong one it is over. */
static int begin_asking(struct pairing *pairing, const Fxnode__Control__PairAsk *whose) {
    if (pairing->options.json)
        json_pair_ask(whose);
    if (whose->again && !pairing->ask.terminal)
        return end(
            pairing, CLI_TRUST,
            "that is not the code that it shows, or somebody is in between: nothing was paired");
    pair_ask_begin(&pairing->ask, whose);
    return GOES_ON;
}

static int take_event(struct pairing *pairing, const Fxnode__Control__Event *event) {
    bool json = pairing->options.json;
    switch (event->body_case) {
    case FXNODE__CONTROL__EVENT__BODY_PAIR_SHOW:
        return begin_showing(pairing, event->pair_show);
    case FXNODE__CONTROL__EVENT__BODY_PAIR_TRIED:
        clear(pairing);
        if (json)
            json_pair_tried(event->pair_tried);
        else
            pair_show_tried(event->pair_tried);
        pair_show_count(&pairing->show);
        return GOES_ON;
    case FXNODE__CONTROL__EVENT__BODY_PAIR_ASK:
        return begin_asking(pairing, event->pair_ask);
    case FXNODE__CONTROL__EVENT__BODY_PEER:
        if (json)
            json_peer(event->peer);
        return GOES_ON;
    case FXNODE__CONTROL__EVENT__BODY_NOTE:
        clear(pairing);
        command_note(json, event->note);
        pair_show_count(&pairing->show);
        return GOES_ON;
    case FXNODE__CONTROL__EVENT__BODY_RESULT:
        return end(pairing, event->result->status, event->result->text);
    default:
        return GOES_ON;
    }
}

static int give_code(struct pairing *pairing) {
    Fxnode__Control__PairCode body = FXNODE__CONTROL__PAIR_CODE__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct fail fail;

    body.code = pairing->ask.code;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_PAIR_CODE;
    request.pair_code = &body;
    pairing->gave = true;
    int rc = client_request(pairing->client, &request, &fail);
    pair_ask_forget(&pairing->ask);
    return rc == 0 ? GOES_ON : command_lost(pairing->options.json, rc, &fail);
}

static int take_input(struct pairing *pairing) {
    switch (pair_ask_take(&pairing->ask)) {
    case PAIR_ASK_CODE:
        return give_code(pairing);
    case PAIR_ASK_WRONG:
        return end(pairing, CLI_USAGE, "a code has 8 digits, and is the first line of the input");
    case PAIR_ASK_ENDED:
        return pairing->ask.terminal ? end(pairing, CLI_STOPPED, "stopped: nothing was paired")
                                     : end(pairing, CLI_USAGE,
                                           "no code: it is asked for on a terminal, or read as the "
                                           "first line of standard input");
    default:
        return GOES_ON;
    }
}

/* What was given may be on its way, so that only the list of peers knows. */
static int stop(struct pairing *pairing) {
    return end(pairing, CLI_STOPPED,
               pairing->gave ? "stopped: fxnode peers tells whether that was in time"
                             : "stopped: nothing was paired");
}

static int follow(struct pairing *pairing) {
    int status = GOES_ON;
    while (status == GOES_ON) {
        const struct client_wait wait = {.unblocked = &pairing->unblocked,
                                         .has_input = pairing->ask.waits,
                                         .input = STDIN_FILENO,
                                         .until_ms = pair_show_next(&pairing->show)};
        const Fxnode__Control__Event *event = NULL;
        struct fail fail;
        int rc = client_next(pairing->client, &event, &wait, &fail);
        if (rc == 0) {
            status = take_event(pairing, event);
        } else if (rc == CLIENT_INPUT) {
            status = take_input(pairing);
        } else if (rc == CLIENT_TICK) {
            pair_show_count(&pairing->show);
        } else if (rc != CLIENT_SIGNAL) {
            clear(pairing);
            status = command_lost(pairing->options.json, rc, &fail);
        } else if (interrupt_taken()) {
            status = stop(pairing);
        }
    }
    return status;
}

static int ask_node(struct pairing *pairing, const char *peer) {
    Fxnode__Control__Pair body = FXNODE__CONTROL__PAIR__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct fail fail;

    if (peer == NULL && client_welcome(pairing->client)->transient)
        return command_lost(pairing->options.json, CLIENT_NO_NODE, &fail);
    body.peer = (char *)(peer != NULL ? peer : "");
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_PAIR;
    request.pair = &body;
    interrupt_catch(&pairing->unblocked);
    int rc = client_request(pairing->client, &request, &fail);
    return rc == 0 ? follow(pairing) : command_lost(pairing->options.json, rc, &fail);
}

int cli_pair(int argc, char **argv) {
    struct pairing pairing = {0};
    struct locations where;
    int status;

    if (!options_parse(&pairing.options, &spec, argc, argv, &status))
        return status;
    const char *peer = pairing.options.operand_count > 0 ? pairing.options.operands[0] : NULL;
    if (peer != NULL && peer[0] == '\0')
        return options_wrong(&spec, "PEER is empty");
    status = command_open(&pairing.options, peer != NULL ? CLIENT_MAY_START : CLIENT_NEVER_START,
                          &where, &pairing.client);
    if (pairing.client != NULL)
        status = ask_node(&pairing, peer);
    pair_ask_forget(&pairing.ask);
    client_close(pairing.client);
    return status;
}
