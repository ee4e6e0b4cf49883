/*
 * Peers whose key is remembered, and where they were last reached. Results as in store.h.
 */
#ifndef STORE_STORE_PEER_H
#define STORE_STORE_PEER_H

#include "base/limits.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

#define STORE_PEER_ADDRESSES 8u /* the newest that are kept of a peer */
#define STORE_PEER_HOST_ROOM 48 /* a numeric IPv4 or IPv6 address and a NUL */
#define STORE_PEER_IFNAME_ROOM 16
#define STORE_PEER_TYPED_ROOM 272 /* "host:port" with a NUL */

/* Plain value. */
struct store_peer_address {
    char host[STORE_PEER_HOST_ROOM];        /* numeric, no scope */
    uint16_t port;                          /* never 0 */
    char interface[STORE_PEER_IFNAME_ROOM]; /* scope of a link-local address, else "" */
    char typed[STORE_PEER_TYPED_ROOM];      /* the host:port that the user typed, else "" */
    int64_t last_good;                      /* when the peer was last reached there */
};

/* Plain value. */
struct store_peer {
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1]; /* as announced: foreign bytes, NUL-terminated */
    int64_t remembered;
    int64_t last_used;
    size_t address_count;
    struct store_peer_address addresses[STORE_PEER_ADDRESSES]; /* last good one first */
};

/* Remembers a peer, or notes its present name and that it was used at `now`. -EINVAL for a name
 * over LIMIT_NAME bytes. */
int store_peer_remember(struct store *store, const uint8_t key[LIMIT_KEY], const char *name,
                        int64_t now, struct fail *fail);

/* Forgets a peer and its addresses; its transfers stay. Or STORE_NONE. */
int store_peer_forget(struct store *store, const uint8_t key[LIMIT_KEY], struct fail *fail);

/* Notes that the peer was reached at `address` at address->last_good: it becomes the first of its
 * addresses; beyond STORE_PEER_ADDRESSES the last one goes. An empty `typed` leaves what was
 * typed for it before. Or STORE_NONE where the peer is not remembered. */
int store_peer_note_address(struct store *store, const uint8_t key[LIMIT_KEY],
                            const struct store_peer_address *address, struct fail *fail);

/* The peer that was last reached by what the user typed, compared byte by byte. Or STORE_NONE. */
int store_peer_find_typed(struct store *store, const char *typed, uint8_t key[LIMIT_KEY],
                          struct fail *fail);

/* All of them, in the order in which they were remembered: *peers is for free(). */
int store_peer_list(struct store *store, struct store_peer **peers, size_t *count,
                    struct fail *fail);

#endif
