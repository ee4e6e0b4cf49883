#include "node/daemon/peers.h"

#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/discover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peers {
    struct node *node;
    struct store_peer *known;
    size_t count;
};

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

static struct store_peer *find(const struct peers *peers, const uint8_t *key) {
    for (size_t i = 0; i < peers->count; i++)
        if (id_equal(peers->known[i].key, key))
            return &peers->known[i];
    return NULL;
}

bool peers_is_known(const struct peers *peers, const uint8_t *key) {
    return find(peers, key) != NULL;
}

static const struct discover_entry *find_announced(const struct peers *peers, const uint8_t *key) {
    size_t count;
    const struct discover_entry *entries = discover_entries(peers->node->discover, &count);
    for (size_t i = 0; i < count; i++)
        if (entries[i].has_key && id_equal(entries[i].key, key))
            return &entries[i];
    return NULL;
}

const struct store_peer_settings *peers_paired(const struct peers *peers, const uint8_t *key) {
    const struct store_peer *peer = find(peers, key);
    return peer == NULL || peer->paired == 0 ? NULL : &peer->settings;
}

const char *peers_name(const struct peers *peers, const uint8_t *key) {
    const struct store_peer *peer = find(peers, key);
    if (peer != NULL && peer->name[0] != '\0')
        return peer->name;
    const struct discover_entry *entry = find_announced(peers, key);
    return entry == NULL ? "" : entry->instance;
}

/* Remembering, here and in the database. */

struct remembering {
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1];
    bool has_address;
    struct store_peer_address address;
    int64_t now;
};

static void run_remember(struct store *store, void *arg) {
    struct remembering *job = arg;
    struct fail fail;
    int error = store_begin(store, &fail);
    if (error == 0) {
        error = store_peer_remember(store, job->key, job->name, job->now, &fail);
        if (error == 0 && job->has_address)
            error = store_peer_note_address(store, job->key, &job->address, &fail);
        error = store_end(store, error, &fail);
    }
    if (error != 0)
        log_error("cannot remember a peer: %s", fail.text);
}

static void mirror_address(struct store_peer *peer, const struct store_peer_address *address) {
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
    struct store_peer *peer = find(peers, key);
    if (peer != NULL || peers->count >= PEERS_MAX)
        return peer;
    struct store_peer *grown = reallocarray(peers->known, peers->count + 1, sizeof *grown);
    if (grown == NULL)
        return NULL;
    peers->known = grown;
    peer = &grown[peers->count++];
    *peer = (struct store_peer){.remembered = now};
    memcpy(peer->key, key, LIMIT_KEY);
    return peer;
}

static bool is_link_local(const struct address *address) {
    return address->at.any.sa_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&address->at.v6.sin6_addr);
}

static void fill_address(struct store_peer_address *out, const struct address *address,
                         const char *typed, int64_t now) {
    char host[ADDRESS_ROOM];
    struct address plain = *address;
    plain.interface[0] = '\0';
    if (plain.at.any.sa_family == AF_INET6)
        plain.at.v6.sin6_scope_id = 0;
    address_format_host(host, &plain);
    *out = (struct store_peer_address){.port = address_port(address), .last_good = now};
    snprintf(out->host, sizeof out->host, "%.*s", (int)sizeof out->host - 1, host);
    if (is_link_local(address))
        snprintf(out->interface, sizeof out->interface, "%s", address->interface);
    if (typed != NULL)
        snprintf(out->typed, sizeof out->typed, "%s", typed);
}

void peers_remember(struct peers *peers, const uint8_t *key, const char *name,
                    const struct address *address, const char *typed) {
    int64_t now = io_wall_s();
    struct store_peer *peer = find_or_add(peers, key, now);
    struct remembering *job = calloc(1, sizeof *job);
    if (peer == NULL || job == NULL) {
        log_error("cannot remember another peer (fxnode unpair makes room)");
        free(job);
        return;
    }
    if (name[0] != '\0')
        snprintf(peer->name, sizeof peer->name, "%s", name);
    peer->last_used = now;
    memcpy(job->key, key, LIMIT_KEY);
    memcpy(job->name, peer->name, sizeof job->name);
    job->now = now;
    if (address != NULL) {
        job->has_address = true;
        fill_address(&job->address, address, typed, now);
        mirror_address(peer, &job->address);
    }
    if (database_submit(peers->node->database, run_remember, free, job) != 0)
        free(job);
}

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
    struct store_peer *peer = find(peers, key);
    if (peer != NULL)
        *peer = peers->known[--peers->count];
    if (database_submit(peers->node->database, run_forget, forgotten, job) != 0) {
        done(context, -ENOMEM);
        free(job);
    }
}

/* Where a peer may be found. */

bool peers_find_typed(const struct peers *peers, const char *typed, uint8_t key[LIMIT_KEY]) {
    const struct store_peer_address *newest = NULL;
    for (size_t i = 0; i < peers->count; i++) {
        const struct store_peer *peer = &peers->known[i];
        for (size_t k = 0; k < peer->address_count; k++) {
            const struct store_peer_address *address = &peer->addresses[k];
            if (strcmp(address->typed, typed) != 0 ||
                (newest != NULL && newest->last_good >= address->last_good))
                continue;
            newest = address;
            memcpy(key, peer->key, LIMIT_KEY);
        }
    }
    return newest != NULL;
}

static bool is_host_name(const char *typed) {
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port = 0;
    struct address address;
    return address_split(typed, host, &port) && !address_parse(&address, host, port, "");
}

const char *peers_typed_name(const struct peers *peers, const uint8_t *key) {
    const struct store_peer *peer = find(peers, key);
    for (size_t i = 0; peer != NULL && i < peer->address_count; i++)
        if (is_host_name(peer->addresses[i].typed))
            return peer->addresses[i].typed;
    return NULL;
}

static size_t add_candidate(struct address *out, size_t count, const struct address *address) {
    for (size_t i = 0; i < count; i++)
        if (address_equal(&out[i], address))
            return count;
    if (count < DIALER_CANDIDATES)
        out[count++] = *address;
    return count;
}

static size_t add_remembered(const struct store_peer *peer, size_t from, size_t to,
                             struct address *out, size_t count) {
    for (size_t i = from; peer != NULL && i < to && i < peer->address_count; i++) {
        struct address address;
        const struct store_peer_address *kept = &peer->addresses[i];
        char host[ADDRESS_ROOM];
        snprintf(host, sizeof host, "%s%s%s", kept->host, kept->interface[0] != '\0' ? "%" : "",
                 kept->interface);
        if (address_parse(&address, host, kept->port, kept->interface))
            count = add_candidate(out, count, &address);
    }
    return count;
}

static size_t add_announced(const struct peers *peers, const uint8_t *key, struct address *out,
                            size_t count) {
    size_t entry_count;
    const struct discover_entry *entries = discover_entries(peers->node->discover, &entry_count);
    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].has_key && id_equal(entries[i].key, key))
            count = add_candidate(out, count, &entries[i].address);
    return count;
}

size_t peers_candidates(const struct peers *peers, const uint8_t *key, struct address *out) {
    const struct store_peer *peer = find(peers, key);
    size_t count = add_remembered(peer, 0, 1, out, 0);
    count = add_announced(peers, key, out, count);
    return add_remembered(peer, 1, STORE_PEER_ADDRESSES, out, count);
}

/* Lists. */

static void line_of_key(const struct peers *peers, const uint8_t *key, struct peers_line *line) {
    const struct store_peer *peer = find(peers, key);
    const struct discover_entry *entry = find_announced(peers, key);
    *line = (struct peers_line){
        .has_key = true,
        .key = key,
        .name = peers_name(peers, key),
        .announced = entry != NULL ? entry->instance : "",
        .online = entry != NULL,
        .known = peer != NULL,
        .last_used = peer != NULL ? peer->last_used : 0,
    };
    line->address_count = line->online ? add_announced(peers, key, line->addresses, 0)
                                       : peers_candidates(peers, key, line->addresses);
}

static bool line_of_instance(const struct peers *peers, const char *instance,
                             struct peers_line *line) {
    size_t count;
    const struct discover_entry *entries = discover_entries(peers->node->discover, &count);
    *line = (struct peers_line){.name = instance, .announced = instance, .online = true};
    for (size_t i = 0; i < count; i++)
        if (!entries[i].has_key && strcmp(entries[i].instance, instance) == 0)
            line->address_count =
                add_candidate(line->addresses, line->address_count, &entries[i].address);
    return line->address_count > 0;
}

bool peers_line(const struct peers *peers, const uint8_t *key, const char *instance,
                struct peers_line *line) {
    if (key == NULL)
        return line_of_instance(peers, instance, line);
    line_of_key(peers, key, line);
    return line->known || line->online;
}

/* Whether an earlier entry of the table stands for the same peer. */
static bool is_repeated(const struct discover_entry *entries, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (entries[k].has_key == entries[i].has_key &&
            (entries[i].has_key ? id_equal(entries[k].key, entries[i].key)
                                : strcmp(entries[k].instance, entries[i].instance) == 0))
            return true;
    return false;
}

void peers_each(const struct peers *peers,
                void (*each)(void *context, const struct peers_line *line), void *context) {
    struct peers_line line;
    size_t count;
    const struct discover_entry *entries = discover_entries(peers->node->discover, &count);

    for (size_t i = 0; i < peers->count; i++) {
        line_of_key(peers, peers->known[i].key, &line);
        each(context, &line);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_repeated(entries, i) || (entries[i].has_key && find(peers, entries[i].key) != NULL))
            continue;
        if (peers_line(peers, entries[i].has_key ? entries[i].key : NULL, entries[i].instance,
                       &line))
            each(context, &line);
    }
}
