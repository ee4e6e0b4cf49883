#include "base/escape.h"
#include "node/cli/cli.h"
#include "node/cli/columns.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/common/human.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#define EXISTING_SHOWN 3 /* names of an offer that exist */

enum { OPTION_ALL };

static const struct options_own own[] = {{"all", false}};

static const struct options_spec spec = {
    .command = "transfers",
    .usage = "[--all] [--json]\n\n"
             "Lists the transfers that are not finished, and what waits for a yes.\n\n"
             "      --all            finished ones too, above those\n",
    .own = own,
    .own_count = 1,
};

static const char *const headings[COLUMNS_COUNT] = {"TRANSFER", "STATE", "DONE", "PEER", "FILES"};

struct listing {
    struct columns *columns;
    unsigned long shown;
};

static bool is_partial(const Fxnode__Control__Transfer *transfer) {
    return transfer->state == FXNODE__CONTROL__TRANSFER__STATE__DELIVERED && transfer->failed > 0;
}

/* What is whole or has not begun, and what was ended without it being known how far it was. */
static bool says_enough(const Fxnode__Control__Transfer *transfer) {
    switch (transfer->state) {
    case FXNODE__CONTROL__TRANSFER__STATE__OFFERED:
    case FXNODE__CONTROL__TRANSFER__STATE__DELIVERED:
        return true;
    case FXNODE__CONTROL__TRANSFER__STATE__FAILED:
    case FXNODE__CONTROL__TRANSFER__STATE__REFUSED:
    case FXNODE__CONTROL__TRANSFER__STATE__CANCELLED:
        return transfer->done_unknown;
    default:
        return false;
    }
}

/* "4.1 MB of 20 MB", or the sum alone. */
#define DONE_ROOM (2 * HUMAN_ROOM + 8)
static void done_text(char out[DONE_ROOM], const Fxnode__Control__Transfer *transfer) {
    char done[HUMAN_ROOM] = "?";
    char total[HUMAN_ROOM];
    human_bytes(total, transfer->bytes);
    if (!transfer->done_unknown)
        human_bytes(done, transfer->done);
    if (is_partial(transfer))
        snprintf(out, DONE_ROOM, "part of %s", total);
    else if (says_enough(transfer))
        snprintf(out, DONE_ROOM, "%s", total);
    else
        snprintf(out, DONE_ROOM, "%s of %s", done, total);
}

/* What becomes, or became, of the sources of one that moves; NULL where there is nothing to say. */
#define MOVING_ROOM 64
static const char *moving_text(char room[MOVING_ROOM], const Fxnode__Control__Transfer *transfer) {
    if (transfer->moving == FXNODE__CONTROL__MOVING__MOVING_NO)
        return NULL;
    if (transfer->moving == FXNODE__CONTROL__MOVING__MOVING_OVER) {
        snprintf(room, MOVING_ROOM, "%u removed here, %u stayed", (unsigned)transfer->moved,
                 (unsigned)transfer->stayed);
        return room;
    }
    switch (transfer->state) {
    case FXNODE__CONTROL__TRANSFER__STATE__FAILED:
    case FXNODE__CONTROL__TRANSFER__STATE__REFUSED:
    case FXNODE__CONTROL__TRANSFER__STATE__CANCELLED:
        return NULL;
    case FXNODE__CONTROL__TRANSFER__STATE__DELIVERED:
        return "not removed here yet";
    default:
        return "to be removed here once delivered";
    }
}

/* The names, why it is not going on or is not whole, and what becomes of its sources. */
#define FILES_ROOM (COMMAND_NAMES_ROOM + 1024 + MOVING_ROOM)
static void files_text(char out[FILES_ROOM], const Fxnode__Control__Transfer *transfer) {
    char names[COMMAND_NAMES_ROOM], lacking[64], room[MOVING_ROOM];
    const char *why = transfer->reason;
    const char *moving = moving_text(room, transfer);
    if (is_partial(transfer)) {
        snprintf(lacking, sizeof lacking, "%u of %u %s not delivered", (unsigned)transfer->failed,
                 (unsigned)transfer->entries, transfer->failed == 1 ? "was" : "were");
        why = lacking;
    }
    command_names(names, transfer);
    if (why[0] != '\0' && moving != NULL)
        snprintf(out, FILES_ROOM, "%s (%s; %s)", names, why, moving);
    else if (why[0] != '\0' || moving != NULL)
        snprintf(out, FILES_ROOM, "%s (%s)", names, moving != NULL ? moving : why);
    else
        snprintf(out, FILES_ROOM, "%s", names);
}

/* The first of its names that exist, and how many more. */
static void existing_text(char *out, size_t room, const Fxnode__Control__Transfer *transfer) {
    unsigned count = 0;
    size_t used = (size_t)snprintf(out, room, "; exists already:");

    for (size_t i = 0; i < transfer->n_names && i < 64; i++) {
        char name[ESCAPE_ROOM(32)];
        if ((transfer->existing >> i & 1) == 0 || count++ >= EXISTING_SHOWN)
            continue;
        escape_bytes(name, sizeof name, transfer->names[i].data, transfer->names[i].len);
        used += (size_t)snprintf(out + used, room - used, "%s \"%s\"", count > 1 ? "," : "", name);
    }
    if (count > EXISTING_SHOWN)
        snprintf(out + used, room - used, " and %u more", count - EXISTING_SHOWN);
}

/* What a yes does to what exists, by then. */
static const char *becomes_text(Fxnode__Control__Exists exists) {
    if (exists == FXNODE__CONTROL__EXISTS__EXISTS_OVERWRITE)
        return "; files that exist and differ are replaced";
    return exists == FXNODE__CONTROL__EXISTS__EXISTS_SKIP ? "; goes into directories that exist"
                                                          : "";
}

/* What somebody has to know who is asked for a yes; false where nobody is. */
#define OFFER_ROOM (ESCAPE_ROOM(PATH_MAX) + 1024)
static bool offer_text(char out[OFFER_ROOM], const Fxnode__Control__Transfer *transfer) {
    char destination[ESCAPE_ROOM(PATH_MAX)];
    char left[HUMAN_ROOM];
    int64_t now = (int64_t)time(NULL);
    int used;

    if (transfer->state != FXNODE__CONTROL__TRANSFER__STATE__OFFERED ||
        transfer->direction != FXNODE__CONTROL__TRANSFER__DIRECTION__INCOMING)
        return false;
    escape_bytes(destination, sizeof destination, transfer->destination.data,
                 transfer->destination.len);
    used = snprintf(out, OFFER_ROOM,
                    "%s; %u %s for %s; fxnode accept %" PRIu64 " or fxnode reject %" PRIu64,
                    transfer->paired ? "paired" : "not paired", (unsigned)transfer->entries,
                    transfer->entries == 1 ? "entry" : "entries",
                    destination[0] != '\0' ? destination : "the directory for received files",
                    transfer->number, transfer->number);
    if (transfer->expires != 0)
        used +=
            snprintf(out + used, OFFER_ROOM - (size_t)used, ", within %s",
                     human_duration(
                         left, transfer->expires > now ? (uint64_t)(transfer->expires - now) : 0));
    used += snprintf(out + used, OFFER_ROOM - (size_t)used, "%s", becomes_text(transfer->exists));
    if (transfer->existing != 0)
        existing_text(out + used, OFFER_ROOM - (size_t)used, transfer);
    return true;
}

static void show_transfer(struct columns *columns, const Fxnode__Control__Transfer *transfer) {
    bool goes_out = transfer->direction == FXNODE__CONTROL__TRANSFER__DIRECTION__OUTGOING;
    char number[24], done[DONE_ROOM], files[FILES_ROOM], offer[OFFER_ROOM];
    char name[COMMAND_PEER_ROOM], peer[COMMAND_PEER_ROOM + 8];
    const char *state = is_partial(transfer) ? "partial" : json_state(transfer->state);

    snprintf(number, sizeof number, "%" PRIu64, transfer->number);
    done_text(done, transfer);
    snprintf(peer, sizeof peer, "%s %s", goes_out ? "to" : "from",
             command_peer(name, transfer->peer_name, &transfer->peer_key));
    files_text(files, transfer);
    bool waits = offer_text(offer, transfer);
    if (!columns_add(columns, 0, (const char *const[]){number, state, done, peer, files},
                     waits ? offer : NULL))
        printf("%s  %s  %s  %s  %s\n", number, state, done, peer, files);
}

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    struct listing *listing = context;
    if (event->body_case != FXNODE__CONTROL__EVENT__BODY_TRANSFER)
        return;
    listing->shown++;
    if (json)
        json_transfer(event->transfer);
    else
        show_transfer(listing->columns, event->transfer);
}

int cli_transfers(int argc, char **argv) {
    Fxnode__Control__Transfers body = FXNODE__CONTROL__TRANSFERS__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct options options;
    struct listing listing = {0};
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    body.all = options.values[OPTION_ALL] != NULL;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_TRANSFERS;
    request.transfers = &body;
    listing.columns = columns_new(headings);
    if (listing.columns == NULL)
        return command_end(options.json, CLI_FAILED, "out of memory");
    status = command_run(&options, CLIENT_MAY_START, &request, show, &listing);
    columns_print(listing.columns);
    columns_free(listing.columns);
    if (status == CLI_DONE && listing.shown == 0 && !options.json)
        fprintf(stderr, "fxnode: no transfers\n");
    return status;
}
