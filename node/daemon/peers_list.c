/* Who is found under which name, and where. */
#include "node/daemon/peers.h"

#include "base/id.h"
#include "node/daemon/discover.h"
#include "node/daemon/peers_mirror.h"
#include "node/daemon/resolve.h"

#include <stdio.h>
#include <string.h>

/* One that is remembered. */

struct peers_search {
    const struct peers *peers;
    const char *text;
};

static bool fits_alias(const struct peers_search *search, const struct store_peer *peer) {
    return peer->alias[0] != '\0' && strcmp(peer->alias, search->text) == 0;
}

static bool fits_id(const struct peers_search *search, const struct store_peer *peer) {
    return id_has_prefix(peer->key, search->text);
}

static bool fits_name(const struct peers_search *search, const struct store_peer *peer) {
    return strcmp(peer->name, search->text) == 0 ||
           strcmp(peers_name(search->peers, peer->key), search->text) == 0;
}

/* 0 for the only one that fits; STORE_NONE; STORE_EXISTS. */
static int search_for(const struct peers_search *search, uint8_t key[LIMIT_KEY],
                      bool (*fits)(const struct peers_search *, const struct store_peer *)) {
    int found = STORE_NONE;
    for (size_t i = 0; i < search->peers->count; i++) {
        if (!fits(search, &search->peers->known[i]))
            continue;
        if (found == 0)
            return STORE_EXISTS;
        memcpy(key, search->peers->known[i].key, LIMIT_KEY);
        found = 0;
    }
    return found;
}

int peers_find(const struct peers *peers, const char *peer, uint8_t key[LIMIT_KEY]) {
    struct peers_search search = {.peers = peers, .text = peer};
    uint8_t other[LIMIT_KEY];
    char typed[STORE_PEER_TYPED_ROOM];
    int by_id = search_for(&search, other, fits_id);
    int found = search_for(&search, key, fits_alias);

    if (found == 0 && by_id != STORE_NONE && (by_id == STORE_EXISTS || !id_equal(key, other)))
        return STORE_EXISTS;
    if (found == 0)
        return 0;
    if (by_id == 0)
        memcpy(key, other, LIMIT_KEY);
    if (by_id != STORE_NONE)
        return by_id;
    found = resolve_is_address(peer) ? STORE_NONE : search_for(&search, key, fits_name);
    if (found == STORE_NONE && resolve_typed(typed, peer) && peers_find_typed(peers, typed, key))
        found = 0;
    return found;
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
    const struct store_peer *peer = peers_mirror_find(peers, key);
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
    const struct store_peer *peer = peers_mirror_find(peers, key);
    size_t count = add_remembered(peer, 0, 1, out, 0);
    count = add_announced(peers, key, out, count);
    return add_remembered(peer, 1, STORE_PEER_ADDRESSES, out, count);
}

/* Lists. */

static void line_of_key(const struct peers *peers, const uint8_t *key, struct peers_line *line) {
    const struct store_peer *peer = peers_mirror_find(peers, key);
    const struct discover_entry *entry = peers_mirror_announced(peers, key);
    *line = (struct peers_line){
        .has_key = true,
        .key = key,
        .name = peers_name(peers, key),
        .announced = entry != NULL ? entry->instance : "",
        .online = entry != NULL,
        .known = peer != NULL,
        .last_used = peer != NULL ? peer->last_used : 0,
        .paired = peer != NULL ? peer->paired : 0,
        .called = entry != NULL  ? entry->instance
                  : peer != NULL ? peer->name
                                 : "",
        .remembered = peer != NULL ? peer->name : "",
        .settings = peers_paired(peers, key),
    };
    line->address_count = line->online ? add_announced(peers, key, line->addresses, 0)
                                       : peers_candidates(peers, key, line->addresses);
}

static bool line_of_instance(const struct peers *peers, const char *instance,
                             struct peers_line *line) {
    size_t count;
    const struct discover_entry *entries = discover_entries(peers->node->discover, &count);
    *line = (struct peers_line){.name = instance,
                                .announced = instance,
                                .called = instance,
                                .remembered = "",
                                .online = true};
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
        if (is_repeated(entries, i) ||
            (entries[i].has_key && peers_mirror_find(peers, entries[i].key) != NULL))
            continue;
        if (peers_line(peers, entries[i].has_key ? entries[i].key : NULL, entries[i].instance,
                       &line))
            each(context, &line);
    }
}

const uint8_t *peers_announced_instead(const struct peers *peers, const uint8_t *key) {
    const struct store_peer *peer = peers_mirror_find(peers, key);
    size_t count;
    const struct discover_entry *entries = discover_entries(peers->node->discover, &count);
    if (peer == NULL || peer->name[0] == '\0' || peers_mirror_announced(peers, key) != NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (entries[i].has_key && strcmp(entries[i].instance, peer->name) == 0)
            return entries[i].key;
    return NULL;
}
