#include "node/daemon/client.h"

#include "node/common/landing.h"
#include "node/daemon/peers.h"
#include "store/store_expire.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static void send_transfer(struct client *client, Fxnode__Control__Transfer *body) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_TRANSFER;
    event.transfer = body;
    client_send(client, &event);
}

static size_t fill_names(ProtobufCBinaryData *out, const struct store_names *names) {
    size_t count = names->length < LIMIT_OFFER_NAMES ? names->length : LIMIT_OFFER_NAMES;
    for (size_t i = 0; i < count; i++)
        out[i] = (ProtobufCBinaryData){names->items[i].length, (uint8_t *)names->items[i].bytes};
    return count;
}

/* Who the peer is today, whatever it was called when the transfer began. */
static void fill_peer(const struct client *client, const struct store_transfer *record,
                      Fxnode__Control__Transfer *body) {
    const struct peers *peers = client->node->peers;
    body->peer_key = (ProtobufCBinaryData){LIMIT_KEY, (uint8_t *)record->peer_key};
    body->paired = peers_paired(peers, record->peer_key) != NULL;
    body->peer_name =
        (char *)(body->paired ? peers_name(peers, record->peer_key) : record->peer_name);
}

static Fxnode__Control__Exists event_exists(enum store_exists exists) {
    static const Fxnode__Control__Exists values[] = {
        [STORE_EXISTS_DEFAULT] = FXNODE__CONTROL__EXISTS__DEFAULT_EXISTS,
        [STORE_EXISTS_RENAME] = FXNODE__CONTROL__EXISTS__EXISTS_RENAME,
        [STORE_EXISTS_SKIP] = FXNODE__CONTROL__EXISTS__EXISTS_SKIP,
        [STORE_EXISTS_OVERWRITE] = FXNODE__CONTROL__EXISTS__EXISTS_OVERWRITE,
        [STORE_EXISTS_ASK] = FXNODE__CONTROL__EXISTS__EXISTS_ASK,
        [STORE_EXISTS_REFUSE] = FXNODE__CONTROL__EXISTS__EXISTS_REFUSE,
    };
    return values[exists];
}

/* `plain` is room for the path, and has to last as long as the message. */
static void fill_landing(const struct store_transfer *record, char plain[PATH_MAX],
                         Fxnode__Control__Transfer *body) {
    if (record->direction != STORE_INCOMING)
        return;
    landing_plain(plain, record->destination);
    body->destination = (ProtobufCBinaryData){strlen(plain), (uint8_t *)plain};
    body->exists = event_exists(record->exists);
    if (record->state != STORE_OFFERED)
        return;
    body->expires = record->created + STORE_EXPIRE_OFFER_S;
    body->existing = record->existing;
}

void event_transfer(struct client *client, const struct store_transfer *record,
                    transfer_shown shown, const char *reason, uint64_t done) {
    Fxnode__Control__Transfer body = FXNODE__CONTROL__TRANSFER__INIT;
    ProtobufCBinaryData names[LIMIT_OFFER_NAMES];
    char destination[PATH_MAX];
    bool placed = record->final_names.length > 0;

    body.number = record->number;
    body.direction = record->direction == STORE_OUTGOING
                         ? FXNODE__CONTROL__TRANSFER__DIRECTION__OUTGOING
                         : FXNODE__CONTROL__TRANSFER__DIRECTION__INCOMING;
    body.state = shown;
    fill_peer(client, record, &body);
    body.entries = record->entries;
    body.bytes = record->bytes;
    body.done_unknown = done == TRANSFER_DONE_UNKNOWN;
    body.done = body.done_unknown ? 0 : done;
    body.failed = record->failed;
    body.moving = (Fxnode__Control__Moving)record->moving;
    body.moved = record->moved;
    body.stayed = record->stayed;
    body.n_names = fill_names(names, placed ? &record->final_names : &record->names);
    body.names = names;
    body.name_count = record->name_count;
    body.reason = (char *)reason;
    fill_landing(record, destination, &body);
    body.created = record->created;
    body.changed = record->changed;
    body.id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, (uint8_t *)record->transfer_id};
    body.skipped = client->follows == record->number ? client->skipped : 0;
    body.partial = client->follows == record->number ? client->partial : 0;
    send_transfer(client, &body);
}

void event_live_transfer(struct client *client, const struct transfer *transfer) {
    event_transfer(client, &transfer->record, transfer->shown, transfer->reason, transfer->done);
}

void event_shown(struct client *client, transfer_shown shown, const struct resolve_target *target) {
    Fxnode__Control__Transfer body = FXNODE__CONTROL__TRANSFER__INIT;
    body.direction = FXNODE__CONTROL__TRANSFER__DIRECTION__OUTGOING;
    body.state = shown;
    if (target != NULL) {
        body.peer_name = (char *)target->name;
        if (target->has_key)
            body.peer_key = (ProtobufCBinaryData){LIMIT_KEY, (uint8_t *)target->key};
    }
    send_transfer(client, &body);
}

void event_note(struct client *client, const struct note *note) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Note body = FXNODE__CONTROL__NOTE__INIT;
    body.text = (char *)note->text;
    body.warning = note->warning;
    body.path = (ProtobufCBinaryData){note->length, (uint8_t *)note->path};
    event.body_case = FXNODE__CONTROL__EVENT__BODY_NOTE;
    event.note = &body;
    client_send(client, &event);
}

static void fill_paired(Fxnode__Control__Peer *body, const struct peers_line *line) {
    static const Fxnode__Control__Accept accepts[] = {
        [STORE_PEER_TAKE] = FXNODE__CONTROL__ACCEPT__ACCEPT_ON,
        [STORE_PEER_ASK] = FXNODE__CONTROL__ACCEPT__ACCEPT_ASK,
        [STORE_PEER_REFUSE] = FXNODE__CONTROL__ACCEPT__ACCEPT_OFF,
    };
    body->paired = line->paired;
    body->accept = accepts[line->settings->accept];
    body->directory = (char *)line->settings->directory;
    body->limit = line->settings->limit;
    body->day_limit = line->settings->day_limit;
    body->exists = event_exists(line->settings->exists);
}

void event_peer(struct client *client, const struct peers_line *line, bool gone) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__Peer body = FXNODE__CONTROL__PEER__INIT;
    char texts[DIALER_CANDIDATES][ADDRESS_ROOM];
    char *addresses[DIALER_CANDIDATES];

    if (line->has_key)
        body.key = (ProtobufCBinaryData){LIMIT_KEY, (uint8_t *)line->key};
    body.name = (char *)line->name;
    for (size_t i = 0; i < line->address_count; i++) {
        address_format(texts[i], &line->addresses[i]);
        addresses[i] = texts[i];
    }
    body.n_addresses = line->address_count;
    body.addresses = addresses;
    body.online = line->online;
    body.known = line->known;
    body.gone = gone;
    body.last_used = line->last_used;
    body.announced = (char *)line->called;
    if (line->settings != NULL)
        fill_paired(&body, line);
    event.body_case = FXNODE__CONTROL__EVENT__BODY_PEER;
    event.peer = &body;
    client_send(client, &event);
}

void event_settled(struct client *client) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__PeersSettled body = FXNODE__CONTROL__PEERS_SETTLED__INIT;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_PEERS_SETTLED;
    event.peers_settled = &body;
    client_send(client, &event);
}
