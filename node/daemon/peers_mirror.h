/*
 * What peers.c (the keys that are remembered), peers_paired.c (those that are paired) and
 * peers_list.c (who is found under which name, and where) share: the mirror of the database's
 * peers. Loop's thread.
 */
#ifndef NODE_DAEMON_PEERS_MIRROR_H
#define NODE_DAEMON_PEERS_MIRROR_H

#include "node/daemon/discover.h"
#include "node/daemon/peers.h"

struct pairing;

struct peers {
    struct node *node;
    struct store_peer *known;
    size_t count;
    size_t reserved;          /* places behind those, for peers that are being recorded */
    struct pairing *pairings; /* being recorded */
};

/* peers.c */

/* NULL where the key is not remembered. Valid until a peer is added or forgotten. */
struct store_peer *peers_mirror_find(const struct peers *peers, const uint8_t *key);

/* Keeps places for `count` more. False where memory is short or PEERS_MAX is reached. */
bool peers_mirror_reserve(struct peers *peers, size_t count);

/* Gives `count` of them back. */
void peers_mirror_release(struct peers *peers, size_t count);

/* Takes one of them for a key that is not remembered. */
struct store_peer *peers_mirror_add(struct peers *peers, const uint8_t *key, int64_t now);

/* Copies what a peer calls itself, cut where it is too long; an empty name changes nothing. */
void peers_mirror_name(char out[LIMIT_NAME + 1], const char *name);

/* Where a peer was met, as it is stored. False where that is not known. */
bool peers_mirror_met(struct store_peer_address *out, const struct peers_met *met, int64_t now);

/* Makes an address the first one of a peer. */
void peers_mirror_address(struct store_peer *peer, const struct store_peer_address *address);

/* The first announced address of a key, NULL where it is not announced. */
const struct discover_entry *peers_mirror_announced(const struct peers *peers, const uint8_t *key);

/* peers_paired.c */

/* The key is being forgotten: no pairing that is under way brings it back. */
void peers_mirror_abandon(struct peers *peers, const uint8_t *key);

#endif
