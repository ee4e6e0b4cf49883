#include "base/escape.h"
#include "base/id.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/common/human.h"

#include <stdio.h>

enum { OPTION_WAIT, OPTION_WATCH };

static const struct options_own own[] = {{"wait", true}, {"watch", false}};

static const struct options_spec spec = {
    .command = "peers",
    .usage = "[--wait SECONDS] [--watch] [--json]\n\n"
             "Lists the peers that announce themselves, and those known from before.\n\n"
             "      --wait SECONDS   look around for so long before answering\n"
             "      --watch          go on, a line for each that comes or goes\n",
    .own = own,
    .own_count = 2,
};

struct listing {
    bool watch;
    unsigned long shown;
};

static void show_peer(struct listing *listing, const Fxnode__Control__Peer *peer) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_SHORT_ROOM] = "-";
    char last[HUMAN_ROOM];
    const char *state = peer->gone ? "gone" : peer->online ? "online" : "away";

    if (peer->key.len == LIMIT_KEY)
        id_format_short(id, peer->key.data);
    if (!listing->watch && listing->shown == 0)
        printf("%-24s %-8s %-7s %-6s %s\n", "NAME", "ID", "STATE", "KNOWN", "ADDRESS");
    listing->shown++;
    printf("%-24s %-8s %-7s %-6s ", escape_text(name, sizeof name, peer->name), id, state,
           peer->known ? "yes" : "no");
    for (size_t i = 0; i < peer->n_addresses; i++) {
        char address[100];
        printf("%s%s", i > 0 ? " " : "", escape_text(address, sizeof address, peer->addresses[i]));
    }
    if (peer->n_addresses == 0 && peer->last_used != 0)
        printf("last used %s", human_time(last, peer->last_used));
    putchar('\n');
    fflush(stdout);
}

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    struct listing *listing = context;
    switch (event->body_case) {
    case FXNODE__CONTROL__EVENT__BODY_PEER:
        if (json)
            json_peer(event->peer);
        else
            show_peer(listing, event->peer);
        break;
    case FXNODE__CONTROL__EVENT__BODY_PEERS_SETTLED:
        if (json)
            json_settled();
        break;
    case FXNODE__CONTROL__EVENT__BODY_NOTE:
        if (json)
            json_note(event->note->text, event->note->warning);
        else
            fprintf(stderr, "fxnode: %s\n", event->note->text);
        break;
    default:
        break;
    }
}

int cli_peers(int argc, char **argv) {
    Fxnode__Control__Peers body = FXNODE__CONTROL__PEERS__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct listing listing = {0};
    struct options options;
    unsigned long seconds = 0;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    if (options.values[OPTION_WAIT] != NULL &&
        !options_number(&seconds, options.values[OPTION_WAIT], 3600))
        return options_wrong(&spec, "--wait takes a number of seconds, 3600 at most");
    listing.watch = options.values[OPTION_WATCH] != NULL;
    body.watch = listing.watch;
    body.has_wait = options.values[OPTION_WAIT] != NULL;
    body.wait_ms = (uint32_t)seconds * 1000;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_PEERS;
    request.peers = &body;
    status = command_run(&options, CLIENT_MAY_START, &request, show, &listing);
    if (status == CLI_DONE && listing.shown == 0 && !options.json)
        fprintf(stderr, "fxnode: nobody is announcing itself and no peer is known: start fxnode "
                        "daemon on the other machine, or name it by host:port\n");
    return status;
}
