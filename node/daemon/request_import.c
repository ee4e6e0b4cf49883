/* Peers that come as a list: all of them become paired, or none. */
#include "node/daemon/client.h"

#include "node/daemon/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct import {
    struct client *client;
    size_t count;
    struct peers_imported list[];
};

static void tell_imported(const struct import *import) {
    struct peers_line line;
    for (size_t i = 0; i < import->count; i++) {
        outgoing_seen(import->client->node, import->list[i].key);
        if (peers_line(import->client->node->peers, import->list[i].key, "", &line)) {
            event_peer(import->client, &line, false);
            request_peers_tell_others(import->client->node, import->list[i].key);
        }
    }
}

static void imported(void *context, int error, const struct fail *fail) {
    struct import *import = context;
    char text[sizeof fail->text + 32] = "";
    if (error == 0)
        tell_imported(import);
    else
        snprintf(text, sizeof text, "%s; no peer was imported", fail->text);
    client_result(import->client, error == 0 ? CLIENT_DONE : CLIENT_FAILED, text);
    client_release(import->client);
    free(import);
}

/* NULL, or what is wrong with an alias. */
static const char *fill_import(struct import *import, const Fxnode__Control__Import *request) {
    const char *fault = NULL;
    for (size_t i = 0; fault == NULL && i < request->n_peers; i++) {
        const Fxnode__Control__Imported *peer = request->peers[i];
        struct peers_imported *entry = &import->list[import->count++];
        memcpy(entry->key, peer->key.data, LIMIT_KEY);
        fault = alias_fault(peer->name);
        if (fault == NULL)
            snprintf(entry->alias, sizeof entry->alias, "%s", peer->name);
    }
    return fault;
}

void request_import(struct client *client, const Fxnode__Control__Import *request) {
    struct import *import = calloc(1, sizeof *import + request->n_peers * sizeof import->list[0]);
    if (import == NULL) {
        client_result(client, CLIENT_FAILED, "out of memory");
        return;
    }
    import->client = client;
    const char *fault = fill_import(import, request);
    if (fault != NULL) {
        char text[160];
        snprintf(text, sizeof text, "peer %zu: an alias %s", import->count, fault);
        client_result(client, CLIENT_USAGE, text);
        free(import);
        return;
    }
    client_hold(client);
    peers_import(client->node->peers, import->list, import->count, imported, import);
}
