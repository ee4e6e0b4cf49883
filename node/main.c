/*
 * fxnode: one program, a subcommand for each thing that people do, and two for the processes that a
 * node starts itself: they have one end of a channel as descriptor 3 and are of no use to people.
 */
#include "node/session/main.h"
#include "base/escape.h"
#include "base/log.h"
#include "node/cli/cli.h"
#include "node/daemon/daemon.h"
#include "node/helper/discovery_helper.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define MAIN_CHANNEL 3
#define MAIN_USAGE 2

static int run_session(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return session_main(MAIN_CHANNEL);
}

static int run_discovery(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return discovery_helper_main(MAIN_CHANNEL);
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not for people */
} commands[] = {
    {"daemon", daemon_main, "run a node: receive, send what is queued, be found"},
    {"peers", cli_peers, "who is there"},
    {"pair", cli_pair, "be sure of a peer, by a code of eight digits"},
    {"unpair", cli_unpair, "forget a peer, and trust it no more"},
    {"rename", cli_rename, "give a paired peer another name here"},
    {"set", cli_set, "what is taken from a paired peer, and where it goes"},
    {"export", cli_export, "this node or a peer as a line of text"},
    {"import", cli_import, "pair with the peers of such lines"},
    {"send", cli_send, "send files and whole trees to a peer"},
    {"transfers", cli_transfers, "what is under way, or was"},
    {"accept", cli_accept, "take what is offered"},
    {"reject", cli_reject, "refuse what is offered"},
    {"pause", cli_pause, "stop a transfer for now"},
    {"resume", cli_resume, "go on with a transfer"},
    {"cancel", cli_cancel, "give a transfer up"},
    {"id", cli_id, "show this node's id"},
    {"session", run_session, NULL},
    {"discovery", run_discovery, NULL},
};

static void show_usage(void) {
    printf("usage: fxnode COMMAND [OPTION...] [ARGUMENT...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].summary != NULL)
            printf("    %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n`fxnode COMMAND --help` says more; fxnode(1) says it all.\n");
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv) {
    char shown[256];
    if (argc < 2) {
        fprintf(stderr, "fxnode: which command? (fxnode --help)\n");
        return MAIN_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        show_usage();
        return 0;
    }
    if (sodium_init() < 0) {
        fprintf(stderr, "fxnode: libsodium does not work on this system\n");
        return 1;
    }
    if (strcmp(argv[1], "--version") == 0)
        return cli_version(argc - 1, argv + 1);
    const struct command *command = find(argv[1]);
    if (command == NULL) {
        escape_text(shown, sizeof shown, argv[1]);
        if (shown[0] == '-') {
            fprintf(stderr, "fxnode: the command comes first, then %s (fxnode --help)\n", shown);
            return MAIN_USAGE;
        }
        fprintf(stderr, "fxnode: there is no command \"%s\" (fxnode --help)\n", shown);
        return MAIN_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
