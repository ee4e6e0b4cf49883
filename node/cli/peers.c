#include "base/escape.h"
#include "base/id.h"
#include "node/cli/cli.h"
#include "node/cli/columns.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/common/human.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_WAIT, OPTION_WATCH };

static const struct options_own own[] = {{"wait", true}, {"watch", false}};

static const struct options_spec spec = {
    .command = "peers",
    .usage =
        "[--wait SECONDS] [--watch] [--json]\n\n"
        "Lists the peers that announce themselves, and those remembered: paired ones first.\n\n"
        "      --wait SECONDS   look around for so long before answering\n"
        "      --watch          go on, a line for each that comes or goes\n",
    .own = own,
    .own_count = 2,
};

static const char *const headings[COLUMNS_COUNT] = {"NAME", "ID", "STATE", "TRUST", "ADDRESS"};

/* Those that can be relied upon come first. */
enum rank { RANK_PAIRED, RANK_SEEN, RANK_STRANGER };
static const char *const trusts[] = {"paired", "seen", "-"};

struct listing {
    bool watch;              /* each is shown as it comes */
    struct columns *columns; /* else all at the end */
    unsigned long shown;
};

static enum rank rank_of(const Fxnode__Control__Peer *peer) {
    return peer->paired != 0 ? RANK_PAIRED : peer->known ? RANK_SEEN : RANK_STRANGER;
}

/* The alias is this user's word; what the peer calls itself stands behind it. */
#define NAME_ROOM (2 * ESCAPE_ROOM(LIMIT_NAME) + 32)
static void name_text(char out[NAME_ROOM], const Fxnode__Control__Peer *peer) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char announced[ESCAPE_ROOM(LIMIT_NAME)];
    escape_text(name, sizeof name, peer->name);
    escape_text(announced, sizeof announced, peer->announced);
    if (peer->paired == 0 || announced[0] == '\0' || strcmp(name, announced) == 0)
        snprintf(out, NAME_ROOM, "%s", name[0] != '\0' ? name : "-");
    else
        snprintf(out, NAME_ROOM, "%s (calls itself %s)", name, announced);
}

#define ADDRESSES_ROOM 1024
static void address_text(char out[ADDRESSES_ROOM], const Fxnode__Control__Peer *peer) {
    char last[HUMAN_ROOM];
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < peer->n_addresses && used < ADDRESSES_ROOM - 128; i++) {
        char address[100];
        used += (size_t)snprintf(out + used, ADDRESSES_ROOM - used, "%s%s", i > 0 ? " " : "",
                                 escape_text(address, sizeof address, peer->addresses[i]));
    }
    if (peer->n_addresses == 0 && peer->last_used != 0)
        snprintf(out, ADDRESSES_ROOM, "last used %s", human_time(last, peer->last_used));
}

static void show_peer(struct listing *listing, const Fxnode__Control__Peer *peer) {
    char name[NAME_ROOM];
    char addresses[ADDRESSES_ROOM];
    char id[ID_SHORT_ROOM] = "-";
    const char *state = peer->gone ? "gone" : peer->online ? "online" : "away";
    const char *trust = trusts[rank_of(peer)];

    if (peer->key.len == LIMIT_KEY)
        id_format_short(id, peer->key.data);
    name_text(name, peer);
    address_text(addresses, peer);
    listing->shown++;
    if (listing->columns != NULL &&
        columns_add(listing->columns, rank_of(peer),
                    (const char *const[]){name, id, state, trust, addresses}, NULL))
        return;
    printf("%-24s  %-8s  %-6s  %-6s  %s\n", name, id, state, trust, addresses);
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
        command_note(json, event->note);
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
    if (!listing.watch && !options.json)
        listing.columns = columns_new(headings);
    status = command_run(&options, CLIENT_MAY_START, &request, show, &listing);
    if (listing.columns != NULL)
        columns_print(listing.columns);
    columns_free(listing.columns);
    if (status == CLI_DONE && listing.shown == 0 && !options.json)
        fprintf(stderr,
                "fxnode: nobody is announcing itself and no peer is remembered: start fxnode "
                "daemon on the other machine, or name it by host:port\n");
    return status;
}
