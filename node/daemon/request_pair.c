#include "node/daemon/client.h"

#include "base/escape.h"
#include "base/id.h"
#include "node/daemon/pairing_window.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Showing a code. */

static void show(struct client *client) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__PairShow body = FXNODE__CONTROL__PAIR_SHOW__INIT;
    char code[PAIRING_CODE + 1] = "";
    memcpy(code, pairing_window_code(client->node->window), PAIRING_CODE);
    body.code = code;
    body.seconds = pairing_window_seconds(client->node->window);
    event.body_case = FXNODE__CONTROL__EVENT__BODY_PAIR_SHOW;
    event.pair_show = &body;
    client_send(client, &event);
    sodium_memzero(code, sizeof code);
}

static void on_tried(void *context, uint32_t left) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__PairTried body = FXNODE__CONTROL__PAIR_TRIED__INIT;
    body.left = left;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_PAIR_TRIED;
    event.pair_tried = &body;
    client_send(context, &event);
}

static void tell_paired(struct client *client, const uint8_t *key, const char *more) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];
    char text[sizeof name + sizeof id + 160];
    escape_text(name, sizeof name, peers_name(client->node->peers, key));
    id_format_grouped(id, key);
    snprintf(text, sizeof text, "paired with %s (%s)%s", name, id, more);
    request_peers_changed(client, key, text);
}

static void on_window_over(void *context, enum pairing_window_outcome outcome, const uint8_t *key) {
    struct client *client = context;
    client->shows_code = false;
    switch (outcome) {
    case PAIRING_WINDOW_PAIRED:
        tell_paired(client, key, "");
        return;
    case PAIRING_WINDOW_UNTOLD:
        tell_paired(client, key,
                    "; but the connection was lost before it knew: where it does not list this "
                    "node as paired, pair once more");
        return;
    case PAIRING_WINDOW_BURNT:
        client_result(client, CLIENT_TRUST,
                      "wrong codes were tried until this one was worth nothing: if that was not "
                      "you, somebody on the network is guessing. Run `fxnode pair` for a new one");
        return;
    case PAIRING_WINDOW_EXPIRED:
        client_result(client, CLIENT_FAILED,
                      "nobody has paired within two minutes: the code is void. Run `fxnode pair` "
                      "for a new one");
        return;
    default:
        client_result(client, CLIENT_FAILED,
                      "the peer could not be recorded as paired: the node's log says why");
        return;
    }
}

static void show_code(struct client *client) {
    struct pairing_window_events events = {on_tried, on_window_over, client};
    if (client->node->port == 0) {
        client_result(client, CLIENT_FAILED, "no daemon is running: start one with fxnode daemon");
        return;
    }
    int error = pairing_window_open(client->node->window, &events);
    if (error != 0) {
        client_result(client, CLIENT_FAILED,
                      error == -EBUSY ? "a code is shown already: one at a time" : "out of memory");
        return;
    }
    client->shows_code = true;
    show(client);
}

/* Entering one. */

static void on_ask(void *context, const struct resolve_target *target, bool again, uint32_t left) {
    Fxnode__Control__Event event = FXNODE__CONTROL__EVENT__INIT;
    Fxnode__Control__PairAsk body = FXNODE__CONTROL__PAIR_ASK__INIT;
    if (target->has_key)
        body.key = (ProtobufCBinaryData){LIMIT_KEY, (uint8_t *)target->key};
    body.name = (char *)target->name;
    body.again = again;
    body.left = left;
    event.body_case = FXNODE__CONTROL__EVENT__BODY_PAIR_ASK;
    event.pair_ask = &body;
    client_send(context, &event);
}

static void on_call_over(void *context, int status, const char *text, const uint8_t *key) {
    struct client *client = context;
    client->pairing = NULL;
    if (key != NULL)
        request_peers_changed(client, key, text);
    else
        client_result(client, status, text);
}

void request_pair(struct client *client, const char *peer) {
    struct pairing_call_events events = {on_ask, on_call_over, client};
    if (peer[0] == '\0')
        show_code(client);
    else if (pairing_call_start(&client->pairing, client->node, peer, &events) != 0)
        client_result(client, CLIENT_FAILED, "out of memory");
}

bool request_pair_code(struct client *client, const char *code) {
    return client->pairing != NULL && pairing_call_code(client->pairing, code);
}

void request_pair_abandon(struct client *client) {
    if (client->shows_code)
        pairing_window_close(client->node->window);
    client->shows_code = false;
    pairing_call_cancel(client->pairing);
    client->pairing = NULL;
}
