/*
 * Peers whose key is remembered, those of them that are paired, and where they were last reached.
 * Results as in store.h.
 */
#ifndef STORE_STORE_PEER_H
#define STORE_STORE_PEER_H

#include "base/alias.h"
#include "base/limits.h"
#include "store/store.h"
#include "store/store_exists.h"

#include <stddef.h>
#include <stdint.h>

#define STORE_PEER_ADDRESSES 8u /* the newest that are kept of a peer */
#define STORE_PEER_HOST_ROOM 48 /* a numeric IPv4 or IPv6 address and a NUL */
#define STORE_PEER_IFNAME_ROOM 16
#define STORE_PEER_TYPED_ROOM 272 /* "host:port" with a NUL */
#define STORE_PEER_DIRECTORY_ROOM 256

/* What is done with the offers of a paired peer within its limits. Stored: numbers never change. */
enum store_peer_accept {
    STORE_PEER_TAKE = 1,
    STORE_PEER_ASK = 2,
    STORE_PEER_REFUSE = 3,
};

/* Of a paired peer. Plain value. */
struct store_peer_settings {
    enum store_peer_accept accept;
    char directory[STORE_PEER_DIRECTORY_ROOM]; /* relative, below that for received files; "" */
    uint64_t limit;     /* bytes of one transfer that are taken unasked; 0: any number */
    uint64_t day_limit; /* and of those of 24 hours together */
    enum store_exists exists;
};

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
    int64_t paired;         /* since when; 0: it is not */
    char alias[ALIAS_ROOM]; /* of a paired one: valid, and no other has it; else "" */
    struct store_peer_settings settings;
    size_t address_count;
    struct store_peer_address addresses[STORE_PEER_ADDRESSES]; /* last good one first */
};

/* Remembers a peer, or notes its present name and that it was used at `now`. -EINVAL for a name
 * over LIMIT_NAME bytes. */
int store_peer_remember(struct store *store, const uint8_t key[LIMIT_KEY], const char *name,
                        int64_t now, struct fail *fail);

/* Makes a peer paired, in one commit: remembers it where it is not, keeps the settings of one that
 * is paired already, and gives a newly paired one STORE_PEER_TAKE without limits. `alias` is valid;
 * an empty name leaves the one that is there. -EINVAL for a name over LIMIT_NAME bytes; or
 * STORE_EXISTS where another peer has the alias. */
int store_peer_pair(struct store *store, const uint8_t key[LIMIT_KEY], const char *alias,
                    const char *name, int64_t now, struct fail *fail);

/* Change a paired peer. Or STORE_NONE where there is no such one, STORE_EXISTS for an alias that
 * another one has. */
int store_peer_set_alias(struct store *store, const uint8_t key[LIMIT_KEY], const char *alias,
                         struct fail *fail);
int store_peer_set_settings(struct store *store, const uint8_t key[LIMIT_KEY],
                            const struct store_peer_settings *settings, struct fail *fail);

/* Forgets a peer and its addresses; its transfers stay. Or STORE_NONE. */
int store_peer_forget(struct store *store, const uint8_t key[LIMIT_KEY], struct fail *fail);

/* Notes that the peer was reached at `address` at address->last_good: it becomes the first of its
 * addresses; beyond STORE_PEER_ADDRESSES the last one goes. An empty `typed` leaves what was
 * typed for it before. Or STORE_NONE where the peer is not remembered. */
int store_peer_note_address(struct store *store, const uint8_t key[LIMIT_KEY],
                            const struct store_peer_address *address, struct fail *fail);

/* All of them, in the order in which they were remembered: *peers is for free(). */
int store_peer_list(struct store *store, struct store_peer **peers, size_t *count,
                    struct fail *fail);

#endif
