#include "node/daemon/client.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/path.h"
#include "node/daemon/discover.h"
#include "node/daemon/revoke.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_SETTLE_MS 3000u /* the first look around takes no longer for a list of peers */
#define REQUEST_PEER_ROOM 256   /* what was typed for a peer, as it is shown */

/* The list. */

static void tell_peer(void *context, const struct peers_line *line) {
    event_peer(context, line, false);
}

void request_peers_tell(struct client *client) {
    uv_timer_stop(&client->timer);
    client->lists_peers = false;
    peers_each(client->node->peers, tell_peer, client);
    event_settled(client);
    if (!client->watches_peers)
        client_result(client, CLIENT_DONE, "");
}

static void on_looked_around(uv_timer_t *timer) {
    request_peers_tell(timer->data);
}

void request_peers_list(struct client *client, const Fxnode__Control__Peers *request) {
    bool settled = discover_is_settled(client->node->discover);
    client->watches_peers = request->watch;
    if (!request->has_wait && settled) {
        request_peers_tell(client);
        return;
    }
    /* With a time given it is waited for; else only until discovery has looked around. */
    client->lists_peers = !request->has_wait;
    uv_timer_start(&client->timer, on_looked_around,
                   request->has_wait ? request->wait_ms : REQUEST_SETTLE_MS, 0);
}

/* One peer. */

__attribute__((format(printf, 3, 4))) static void result(struct client *client, int status,
                                                         const char *format, ...) {
    char text[REQUEST_PEER_ROOM + 160];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    client_result(client, status, text);
}

/* The remembered peer that is meant. False with the result given. */
static bool find(struct client *client, const char *peer, uint8_t key[LIMIT_KEY]) {
    char shown[REQUEST_PEER_ROOM];
    int found = peers_find(client->node->peers, peer, key);
    escape_text(shown, sizeof shown, peer);
    if (found == STORE_EXISTS)
        result(client, CLIENT_USAGE, "%s fits several peers: name one by its id", shown);
    else if (found != 0)
        result(client, CLIENT_UNREACHABLE,
               "no peer called %s is paired or remembered (fxnode peers)", shown);
    return found == 0;
}

void request_peers_tell_others(const struct node *node, const uint8_t *key) {
    /* When the node stops, its clients are gone before the database is. */
    if (!node->stopping)
        control_peer_updated(node->control, key);
}

void request_peers_changed(struct client *client, const uint8_t *key, const char *text) {
    struct peers_line line;
    if (peers_line(client->node->peers, key, "", &line))
        event_peer(client, &line, false);
    request_peers_tell_others(client->node, key);
    client_result(client, CLIENT_DONE, text);
}

/* Unpair. */

#define REQUEST_WHO_ROOM (ESCAPE_ROOM(LIMIT_NAME) + ID_SHORT_ROOM + 4)

struct unpairing {
    struct client *client;
    uint8_t key[LIMIT_KEY];
    char who[REQUEST_WHO_ROOM]; /* as it was called */
};

static void describe_who(char out[REQUEST_WHO_ROOM], const struct node *node, const uint8_t *key) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_SHORT_ROOM];
    escape_text(name, sizeof name, peers_name(node->peers, key));
    id_format_short(id, key);
    snprintf(out, REQUEST_WHO_ROOM, "%s (%s)", name[0] != '\0' ? name : "a node", id);
}

static unsigned count_paused(const struct node *node, const uint8_t *key) {
    unsigned count = 0;
    for (const struct transfer *at = transfers_first(node->transfers); at != NULL; at = at->next)
        count += at->shown == TRANSFER_SHOWN(PAUSED) && id_equal(at->record.peer_key, key);
    return count;
}

static void tell_forgotten(const struct unpairing *unpairing) {
    char text[REQUEST_WHO_ROOM + 64];
    unsigned paused = count_paused(unpairing->client->node, unpairing->key);
    if (paused == 0)
        snprintf(text, sizeof text, "forgot %s", unpairing->who);
    else
        snprintf(text, sizeof text, "forgot %s; %u %s paused", unpairing->who, paused,
                 paused == 1 ? "transfer with it is" : "transfers with it are");
    client_result(unpairing->client, CLIENT_DONE, text);
}

static void forgotten(void *context, int error) {
    struct unpairing *unpairing = context;
    struct client *client = unpairing->client;
    if (error == 0) {
        request_peers_tell_others(client->node, unpairing->key);
        tell_forgotten(unpairing);
    } else {
        client_result(client, CLIENT_FAILED,
                      "the key could not be forgotten: the node's log says why");
    }
    client_release(client);
    free(unpairing);
}

void request_peers_unpair(struct client *client, const char *peer) {
    uint8_t key[LIMIT_KEY];
    if (!find(client, peer, key))
        return;
    struct unpairing *unpairing = calloc(1, sizeof *unpairing);
    if (unpairing == NULL) {
        client_result(client, CLIENT_FAILED, "out of memory");
        return;
    }
    unpairing->client = client;
    memcpy(unpairing->key, key, LIMIT_KEY);
    describe_who(unpairing->who, client->node, key);
    client_hold(client);
    revoke_peer(client->node, key, forgotten, unpairing);
}

/* Configure. */

/* A change on its way to the disk, in up to two steps. */
struct change {
    struct client *client;
    uint8_t key[LIMIT_KEY];
    unsigned steps; /* that are not durable yet, and 1 while they are being given */
    int error;
};

static void stepped(void *context, int error) {
    struct change *change = context;
    if (error != 0)
        change->error = error;
    if (--change->steps > 0)
        return;
    if (change->error == 0)
        request_peers_changed(change->client, change->key, "");
    else
        client_result(change->client, CLIENT_FAILED,
                      "the change could not be recorded: the node's log says why");
    client_release(change->client);
    free(change);
}

static bool changes_settings(const Fxnode__Control__Configure *request) {
    return request->accept != FXNODE__CONTROL__ACCEPT__DEFAULT_ACCEPT || request->has_directory ||
           request->has_limit || request->has_day_limit || request->has_exists;
}

static void fill_settings(struct store_peer_settings *settings,
                          const Fxnode__Control__Configure *request) {
    static const enum store_peer_accept accepts[] = {
        [FXNODE__CONTROL__ACCEPT__ACCEPT_ON] = STORE_PEER_TAKE,
        [FXNODE__CONTROL__ACCEPT__ACCEPT_ASK] = STORE_PEER_ASK,
        [FXNODE__CONTROL__ACCEPT__ACCEPT_OFF] = STORE_PEER_REFUSE,
    };
    static const enum store_exists exists[] = {
        [FXNODE__CONTROL__EXISTS__DEFAULT_EXISTS] = STORE_EXISTS_DEFAULT,
        [FXNODE__CONTROL__EXISTS__EXISTS_RENAME] = STORE_EXISTS_RENAME,
        [FXNODE__CONTROL__EXISTS__EXISTS_SKIP] = STORE_EXISTS_SKIP,
        [FXNODE__CONTROL__EXISTS__EXISTS_OVERWRITE] = STORE_EXISTS_OVERWRITE,
        [FXNODE__CONTROL__EXISTS__EXISTS_ASK] = STORE_EXISTS_ASK,
        [FXNODE__CONTROL__EXISTS__EXISTS_REFUSE] = STORE_EXISTS_REFUSE,
    };
    if (request->accept != FXNODE__CONTROL__ACCEPT__DEFAULT_ACCEPT)
        settings->accept = accepts[request->accept];
    if (request->has_directory)
        snprintf(settings->directory, sizeof settings->directory, "%s", request->directory);
    if (request->has_limit)
        settings->limit = request->limit;
    if (request->has_day_limit)
        settings->day_limit = request->day_limit;
    if (request->has_exists)
        settings->exists = exists[request->exists];
}

static const char *directory_fault(const char *directory) {
    size_t length = strlen(directory);
    if (length >= STORE_PEER_DIRECTORY_ROOM)
        return "more than 255 bytes";
    /* Settings are shown as lines that can be given back. */
    if (!escape_is_plain(directory, length))
        return "characters that cannot be shown as they are, or a backslash";
    return length == 0 ? NULL : path_directory_fault(directory, length);
}

/* False with the result given. */
static bool are_values_valid(struct client *client, const Fxnode__Control__Configure *request) {
    const char *alias = request->has_alias ? alias_fault(request->alias) : NULL;
    const char *directory = request->has_directory ? directory_fault(request->directory) : NULL;
    if (alias != NULL)
        result(client, CLIENT_USAGE, "an alias %s", alias);
    else if (directory != NULL)
        result(client, CLIENT_USAGE, "a directory of a peer cannot have %s", directory);
    return alias == NULL && directory == NULL;
}

static void apply(struct client *client, const Fxnode__Control__Configure *request,
                  const uint8_t *key) {
    struct peers *peers = client->node->peers;
    struct store_peer_settings settings = *peers_paired(peers, key);
    struct change *change = calloc(1, sizeof *change);
    if (change == NULL) {
        client_result(client, CLIENT_FAILED, "out of memory");
        return;
    }
    change->client = client;
    memcpy(change->key, key, LIMIT_KEY);
    change->steps = 1;
    if (request->has_alias) {
        change->steps++;
        if (!peers_set_alias(peers, key, request->alias, stepped, change)) {
            free(change);
            result(client, CLIENT_FAILED, "another peer is called %s already", request->alias);
            return;
        }
    }
    client_hold(client);
    fill_settings(&settings, request);
    change->steps++;
    if (!changes_settings(request) || !peers_set(peers, key, &settings, stepped, change))
        change->steps--;
    stepped(change, 0);
}

void request_peers_configure(struct client *client, const Fxnode__Control__Configure *request) {
    char shown[REQUEST_PEER_ROOM];
    uint8_t key[LIMIT_KEY];
    bool changes = request->has_alias || changes_settings(request);
    if (!find(client, request->peer, key) || !are_values_valid(client, request))
        return;
    if ((changes || request->paired) && peers_paired(client->node->peers, key) == NULL)
        result(client, CLIENT_FAILED, "%s is not paired: pair with it first (fxnode pair)",
               escape_text(shown, sizeof shown, request->peer));
    else if (changes)
        apply(client, request, key);
    else
        request_peers_changed(client, key, "");
}
