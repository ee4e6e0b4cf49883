/*
 * Who may connect, offer and send to this node. Pure: the caller counts what is there and asks.
 *
 * Consent binds to what was offered: an answer holds for one transfer id and manifest hash, and the
 * caller keeps it with the transfer.
 */
#ifndef NODE_DAEMON_POLICY_H
#define NODE_DAEMON_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Sessions at once: in all, with one key, for peers whose key is not remembered, and for one
 * address of such. */
#define POLICY_SESSIONS 32u
#define POLICY_SESSIONS_PER_KEY 8u
#define POLICY_UNKNOWN_SESSIONS 8u
#define POLICY_UNKNOWN_PER_ADDRESS 2u

/* Offers waiting for a yes: of one peer, from one address, in all. */
#define POLICY_OFFERS_PER_PEER 4u
#define POLICY_OFFERS_PER_ADDRESS 4u
#define POLICY_OFFERS 32u

/* Unfinished incoming transfers: what takes everything takes no more at a time. */
#define POLICY_UNFINISHED 1024u

/* Largest manifest that a peer whose key is not remembered may offer, in entries and bytes. */
#define POLICY_UNKNOWN_ENTRIES 2000000u
#define POLICY_UNKNOWN_MANIFEST (256ull << 20)

enum policy_accept { POLICY_ACCEPT_ASK, POLICY_ACCEPT_ALL };

/* Sessions with peers that are running when another control connection comes. */
struct policy_sessions {
    uint32_t all;
    uint32_t of_key; /* with the peer that connects */
    uint32_t unknown;
    uint32_t unknown_from_address;
};

/* Whether there is room for one more; if not, the peer is told "busy". */
bool policy_admits_session(const struct policy_sessions *sessions, bool known);

/* A new offer, and the offers that wait already. */
struct policy_offer {
    bool known; /* the peer's key is remembered */
    uint32_t entries;
    uint64_t manifest_length;
    uint32_t waiting_of_peer;
    uint32_t waiting_from_address;
    uint32_t waiting;
    uint32_t unfinished; /* incoming transfers, waiting or begun */
};

enum policy_answer { POLICY_YES, POLICY_ASK, POLICY_NO, POLICY_BUSY };

enum policy_answer policy_judge(enum policy_accept accept, const struct policy_offer *offer);

#endif
