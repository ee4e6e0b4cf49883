/*
 * accept, reject, pause, resume, cancel: one thing done to one transfer.
 */
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_ALWAYS, OPTION_EXISTS };

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    (void)context;
    if (json && event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER)
        json_transfer(event->transfer);
}

/* False where the word is none. */
static bool read_exists(Fxnode__Control__Exists *exists, const char *word) {
    for (*exists = FXNODE__CONTROL__EXISTS__EXISTS_RENAME;
         *exists <= FXNODE__CONTROL__EXISTS__EXISTS_OVERWRITE; (*exists)++)
        if (strcmp(word, json_exists(*exists)) == 0)
            return true;
    return false;
}

static int act(const struct options_spec *spec, Fxnode__Control__Act__What what, int argc,
               char **argv) {
    Fxnode__Control__Act body = FXNODE__CONTROL__ACT__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct options options;
    unsigned long number;
    int status;

    if (!options_parse(&options, spec, argc, argv, &status))
        return status;
    if (!options_number(&number, options.operands[0], LONG_MAX) || number == 0)
        return options_wrong(spec, "TRANSFER is a number that fxnode transfers shows");
    if (options.values[OPTION_EXISTS] != NULL &&
        !read_exists(&body.exists, options.values[OPTION_EXISTS]))
        return options_wrong(spec, "--exists takes rename, skip or overwrite");
    body.what = what;
    body.always = options.values[OPTION_ALWAYS] != NULL; /* others have no option of their own */
    body.number = number;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_ACT;
    request.act = &body;
    return command_run(&options, CLIENT_MAY_START, &request, show, NULL);
}

static const struct options_own accept_own[] = {{"always", false}, {"exists", true}};

int cli_accept(int argc, char **argv) {
    static const struct options_spec spec = {
        .command = "accept",
        .usage =
            "[--always] [--exists HOW] TRANSFER [--json]\n\n"
            "Lets a waiting offer in.\n\n"
            "      --always         and from now on all that this peer offers, unasked; it has\n"
            "                       to be a paired one\n"
            "      --exists HOW     what comes gets another name where its own is in use "
            "(rename),\n"
            "                       unless it is the same file (skip), or replaces it "
            "(overwrite)\n",
        .own = accept_own,
        .own_count = 2,
        .least = 1,
        .most = 1,
    };
    return act(&spec, FXNODE__CONTROL__ACT__WHAT__ACCEPT, argc, argv);
}

#define ACT(name, what, help)                                                                      \
    int cli_##name(int argc, char **argv) {                                                        \
        static const struct options_spec spec = {                                                  \
            .command = #name,                                                                      \
            .usage = "TRANSFER [--json]\n\n" help "\n",                                            \
            .least = 1,                                                                            \
            .most = 1,                                                                             \
        };                                                                                         \
        return act(&spec, FXNODE__CONTROL__ACT__WHAT__##what, argc, argv);                         \
    }

ACT(reject, REJECT, "Turns a waiting offer away; the sender is told.")
ACT(pause, PAUSE, "Stops a transfer until it is resumed. What has arrived is kept.")
ACT(resume, RESUME, "Goes on with a paused transfer.")
ACT(cancel, CANCEL, "Ends a transfer for good. What has arrived of it is removed.")
