/*
 * fxnode: a subcommand for each thing that people do. The node itself is another program, which
 * this one becomes (node/common/part.h).
 */
#include "base/escape.h"
#include "node/cli/cli.h"
#include "node/common/output.h"
#include "node/common/part.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define MAIN_FAILED 1
#define MAIN_USAGE 2

static int run_daemon(int argc, char **argv) {
    struct part daemon = {.fd = -1};
    struct fail fail;

    (void)argc;
    /* The whole command line, the name of the program before it included. */
    if (part_open(&daemon, "daemon", &fail) == 0)
        fail_set(&fail, part_become(&daemon, argv - 1), "cannot start fxnode-daemon");
    fprintf(stderr, "fxnode: %s\n", fail.text);
    return 1;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"daemon", run_daemon, "run a node: receive, send what is queued, be found"},
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
    {"verify", cli_verify, "read again what was delivered"},
    {"id", cli_id, "show this node's id"},
};

static void show_usage(void) {
    printf("usage: fxnode COMMAND [OPTION...] [ARGUMENT...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("    %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n`fxnode COMMAND --help` says more; fxnode(1) says it all.\n");
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int run(int argc, char **argv) {
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
        return MAIN_FAILED;
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

int main(int argc, char **argv) {
    output_begin();
    return output_end(run(argc, argv));
}
