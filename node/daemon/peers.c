#include "node/daemon/peers.h"

#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/peers_mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int peers_load(struct peers **out, struct node *node, struct store *store, struct fail *fail) {
    struct peers *peers = calloc(1, sizeof *peers);
    if (peers == NULL)
        return fail_set(fail, -ENOMEM, "cannot load the peers");
    peers->node = node;
    int error = store_peer_list(store, &peers->known, &peers->count, fail);
    if (error != 0) {
        free(peers);
        return error;
    }
    *out = peers;
    return 0;
}

void peers_free(struct peers *peers) {
    if (peers != NULL)
        free(peers->known);
    free(peers);
}

/* The mirror. */

struct store_peer *peers_mirror_find(const struct peers *peers, const uint8_t *key) {
    for (size_t i = 0; i < peers->count; i++)
        if (id_equal(peers->known[i].key, key))
            return &peers->known[i];
    return NULL;
}

bool peers_mirror_reserve(struct peers *peers, size_t count) {
    size_t used = peers->count + peers->reserved;
    if (used > PEERS_MAX || count > PEERS_MAX - used)
        return false;
    struct store_peer *grown = reallocarray(peers->known, used + count + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    peers->known = grown;
    peers->reserved += count;
    return true;
}

void peers_mirror_release(struct peers *peers, size_t count) {
    peers->reserved -= count;
}

struct store_peer *peers_mirror_add(struct peers *peers, const uint8_t *key, int64_t now) {
    struct store_peer *peer = &peers->known[peers->count++];
    peers->reserved--;
    *peer = (struct store_peer){.remembered = now};
    memcpy(peer->key, key, LIMIT_KEY);
    return peer;
}

void peers_mirror_name(char out[LIMIT_NAME + 1], const char *name) {
    if (name[0] != '\0')
        snprintf(out, LIMIT_NAME + 1, "%s", name);
}

const struct discover_entry *peers_mirror_announced(const struct peers *peers, const uint8_t *key) {
    size_t count;
    const struct discover_entry *entries = discover_entries(peers->node->discover, &count);
    for (size_t i = 0; i < count; i++)
        if (entries[i].has_key && id_equal(entries[i].key, key))
            return &entries[i];
    return NULL;
}

bool peers_is_known(const struct peers *peers, const uint8_t *key) {
    return peers_mirror_find(peers, key) != NULL;
}

const struct store_peer_settings *peers_paired(const struct peers *peers, const uint8_t *key) {
    const struct store_peer *peer = peers_mirror_find(peers, key);
    return peer == NULL || peer->paired == 0 ? NULL : &peer->settings;
}

const char *peers_name(const struct peers *peers, const uint8_t *key) {
    const struct store_peer *peer = peers_mirror_find(peers, key);
    if (peer != NULL && peer->alias[0] != '\0')
        return peer->alias;
    if (peer != NULL && peer->name[0] != '\0')
        return peer->name;
    const struct discover_entry *entry = peers_mirror_announced(peers, key);
    return entry == NULL ? "" : entry->instance;
}

/* Remembering, here and in the database. */

int peers_note_store(struct store *store, const struct peers_note *note, struct fail *fail) {
    int error = store_peer_remember(store, note->key, note->name, note->now, fail);
    if (error == 0 && note->has_address)
        error = store_peer_note_address(store, note->key, &note->address, fail);
    return error;
}

static void run_remember(struct store *store, void *arg) {
    struct fail fail;
    int error = store_begin(store, &fail);
    if (error == 0)
        error = store_end(store, peers_note_store(store, arg, &fail), &fail);
    if (error != 0)
        log_error("cannot remember a peer: %s", fail.text);
}

void peers_mirror_address(struct store_peer *peer, const struct store_peer_address *address) {
    size_t i = 0;
    struct store_peer_address first = *address;
    while (i < peer->address_count &&
           (strcmp(peer->addresses[i].host, address->host) != 0 ||
            peer->addresses[i].port != address->port ||
            strcmp(peer->addresses[i].interface, address->interface) != 0))
        i++;
    if (i < peer->address_count && first.typed[0] == '\0')
        memcpy(first.typed, peer->addresses[i].typed, sizeof first.typed);
    if (i == peer->address_count && peer->address_count < STORE_PEER_ADDRESSES)
        peer->address_count++;
    if (i == STORE_PEER_ADDRESSES)
        i--;
    memmove(&peer->addresses[1], &peer->addresses[0], i * sizeof peer->addresses[0]);
    peer->addresses[0] = first;
}

static struct store_peer *find_or_add(struct peers *peers, const uint8_t *key, int64_t now) {
    struct store_peer *peer = peers_mirror_find(peers, key);
    if (peer != NULL)
        return peer;
    return peers_mirror_reserve(peers, 1) ? peers_mirror_add(peers, key, now) : NULL;
}

static bool is_link_local(const struct address *address) {
    return address->at.any.sa_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&address->at.v6.sin6_addr);
}

bool peers_mirror_met(struct store_peer_address *out, const struct peers_met *met, int64_t now) {
    const struct address *address = met->address;
    char host[ADDRESS_ROOM];
    struct address plain;
    if (address == NULL)
        return false;
    plain = *address;
    plain.interface[0] = '\0';
    if (plain.at.any.sa_family == AF_INET6)
        plain.at.v6.sin6_scope_id = 0;
    address_format_host(host, &plain);
    *out = (struct store_peer_address){.port = address_port(address), .last_good = now};
    snprintf(out->host, sizeof out->host, "%.*s", (int)sizeof out->host - 1, host);
    if (is_link_local(address))
        snprintf(out->interface, sizeof out->interface, "%s", address->interface);
    if (met->typed != NULL)
        snprintf(out->typed, sizeof out->typed, "%s", met->typed);
    return true;
}

bool peers_note(struct peers *peers, const struct peers_met *met, struct peers_note *note) {
    int64_t now = io_wall_s();
    struct store_peer *peer = find_or_add(peers, met->key, now);
    if (peer == NULL) {
        log_error("cannot remember another peer (fxnode unpair makes room)");
        return false;
    }
    peers_mirror_name(peer->name, met->name);
    peer->last_used = now;
    *note = (struct peers_note){.now = now};
    memcpy(note->key, met->key, LIMIT_KEY);
    memcpy(note->name, peer->name, sizeof note->name);
    note->has_address = peers_mirror_met(&note->address, met, now);
    if (note->has_address)
        peers_mirror_address(peer, &note->address);
    return true;
}

void peers_remember(struct peers *peers, const struct peers_met *met) {
    struct peers_note *job = calloc(1, sizeof *job);
    if (job == NULL)
        log_error("cannot remember a peer: out of memory");
    else if (!peers_note(peers, met, job) ||
             database_submit(peers->node->database, run_remember, free, job) != 0)
        free(job);
}

/* Forgetting. */

struct forgetting {
    uint8_t key[LIMIT_KEY];
    int result;
    void (*done)(void *context, int error);
    void *context;
};

static void run_forget(struct store *store, void *arg) {
    struct forgetting *job = arg;
    struct fail fail;
    job->result = store_peer_forget(store, job->key, &fail);
    if (job->result < 0)
        log_error("%s", fail.text);
}

static void forgotten(void *arg) {
    struct forgetting *job = arg;
    job->done(job->context, job->result < 0 ? job->result : 0);
    free(job);
}

void peers_forget(struct peers *peers, const uint8_t *key, void (*done)(void *context, int error),
                  void *context) {
    struct forgetting *job = calloc(1, sizeof *job);
    if (job == NULL) {
        done(context, -ENOMEM);
        return;
    }
    memcpy(job->key, key, LIMIT_KEY);
    job->done = done;
    job->context = context;
    peers_mirror_abandon(peers, job->key);
    struct store_peer *peer = peers_mirror_find(peers, job->key);
    if (peer != NULL)
        *peer = peers->known[--peers->count];
    if (database_submit(peers->node->database, run_forget, forgotten, job) != 0) {
        done(context, -ENOMEM);
        free(job);
    }
}
