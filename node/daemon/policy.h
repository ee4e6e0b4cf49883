/*
 * Who may connect, offer and send to this node. Pure: the caller counts what is there and asks.
 *
 * Consent binds to what was offered: an answer holds for one transfer id and manifest hash, and the
 * caller keeps it with the transfer.
 */
#ifndef NODE_DAEMON_POLICY_H
#define NODE_DAEMON_POLICY_H

#include "store/store_peer.h"

#include <stdbool.h>
#include <stdint.h>

/* Sessions at once: in all, with one key, for peers whose key is not remembered, and for one
 * address of such. */
#define POLICY_SESSIONS 32u
#define POLICY_SESSIONS_PER_KEY 8u
#define POLICY_UNKNOWN_SESSIONS 8u
#define POLICY_UNKNOWN_PER_ADDRESS 2u

/* Offers of peers that are not paired which may wait for a yes: of one peer, from one address, in
 * all; and those of one paired peer, which strangers do not crowd out. */
#define POLICY_OFFERS_PER_PEER 4u
#define POLICY_OFFERS_PER_ADDRESS 4u
#define POLICY_OFFERS 32u
#define POLICY_OFFERS_PER_PAIRED 32u

/* Unfinished incoming transfers: what takes everything takes no more at a time. */
#define POLICY_UNFINISHED 1024u

/* Largest manifest that a peer which is not paired may offer, in entries and bytes. */
#define POLICY_UNPAIRED_ENTRIES 2000000u
#define POLICY_UNPAIRED_MANIFEST (256ull << 20)

#define POLICY_DAY 86400 /* seconds of the limit for a day */

/* The node's own setting: what is done with offers of peers that are not paired. */
enum policy_accept {
    POLICY_ACCEPT_ASK,
    POLICY_ACCEPT_PAIRED, /* refused */
    POLICY_ACCEPT_ALL,    /* taken */
};

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
    const struct store_peer_settings *paired; /* of a paired peer; NULL for any other */
    uint32_t entries;
    uint64_t bytes;
    uint64_t manifest_length;
    uint32_t waiting_of_peer;
    uint32_t waiting_from_address; /* of peers that are not paired */
    uint32_t waiting;              /* of peers that are not paired */
    uint32_t unfinished;           /* incoming transfers, waiting or begun */
    enum store_exists exists;      /* policy_exists() */
    bool conflicts;                /* some of its names exist, or may */
};

enum policy_answer {
    POLICY_YES,
    POLICY_ASK,
    POLICY_TOO_LARGE, /* refused: the manifest */
    POLICY_UNWELCOME, /* refused: offers of this peer, or of peers that are not paired */
    POLICY_EXISTS,    /* refused: for the names that exist */
    POLICY_BUSY,
};

enum policy_answer policy_judge(enum policy_accept accept, const struct policy_offer *offer);

/* What becomes of names that exist, in offers of a peer: its own setting where it is paired and has
 * one, else the node's. */
enum store_exists policy_exists(enum store_exists of_node,
                                const struct store_peer_settings *paired);

/* The same for a transfer that was accepted: RENAME, SKIP or OVERWRITE. */
enum store_exists policy_exists_accepted(enum store_exists exists);

/* What an offer counts against the limits of a paired peer: its content, or the list of its entries
 * where that is longer, since names and attributes take room as well. */
uint64_t policy_size(uint64_t bytes, uint64_t manifest_length);

/* Whether a transfer of that size is still within what is taken unasked from a paired peer in a
 * day, of which `taken` was (store_transfer_taken()). */
bool policy_within_day(const struct store_peer_settings *settings, uint64_t taken, uint64_t bytes);

#endif
