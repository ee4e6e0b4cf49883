/*
 * Transfers, both ways: what was agreed and how far it has come. Results as in store.h.
 *
 * A transfer has a local number, which names its directory and is never used again, and is
 * identified between nodes by direction, peer key and transfer id.
 *
 *   QUEUED, OFFERED, RUNNING, PAUSED  to each other and to any finished state
 *   RUNNING                           to PLACING (store_placing.h)
 *   PLACING                           to DELIVERED or FAILED
 *   DELIVERED, FAILED, REFUSED, CANCELLED   finished: final
 */
#ifndef STORE_STORE_TRANSFER_H
#define STORE_STORE_TRANSFER_H

#include "base/limits.h"
#include "base/lineage.h"
#include "store/store.h"
#include "store/store_exists.h"
#include "store/store_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* These enums are stored: their numbers never change. */
enum store_direction { STORE_OUTGOING = 1, STORE_INCOMING = 2 };

enum store_state {
    STORE_QUEUED = 1,  /* waits for the peer or for its turn */
    STORE_OFFERED = 2, /* waits for a yes, there or here */
    STORE_RUNNING = 3, /* accepted; goes on whenever there is a connection */
    STORE_PAUSED = 4,
    STORE_PLACING = 5,
    STORE_DELIVERED = 6, /* this and what follows: finished */
    STORE_FAILED = 7,
    STORE_REFUSED = 8,
    STORE_CANCELLED = 9,
};

/* Whether the sources of an outgoing transfer are removed once it is delivered. */
enum store_moving { STORE_MOVING_NO = 0, STORE_MOVING_WANTED = 1, STORE_MOVING_OVER = 2 };

/* What a new transfer begins with; everything is borrowed. */
struct store_transfer_new {
    enum store_direction direction;
    enum store_state state;     /* QUEUED, OFFERED, RUNNING or PAUSED */
    const uint8_t *peer_key;    /* LIMIT_KEY */
    const char *peer_name;      /* as announced, foreign, LIMIT_NAME bytes at most; "" if unknown */
    const uint8_t *transfer_id; /* LIMIT_TRANSFER_ID */
    const uint8_t *manifest_hash; /* LIMIT_HASH */
    uint64_t manifest_length;
    uint32_t entries;
    uint64_t bytes;
    uint64_t units;
    const struct store_name *names; /* top-level, the first LIMIT_OFFER_NAMES at most */
    size_t names_length;
    uint32_t name_count;            /* how many top-level names there are */
    const struct store_name *paths; /* outgoing: absolute, in the order given; incoming: NULL */
    size_t paths_length;
    const struct lineage *lineage; /* outgoing: what it replaces; NULL for nothing */
    bool moves;                    /* outgoing: what it sends is removed once it is delivered */
    const char *destination;       /* incoming: absolute directory; outgoing: NULL */
    uint64_t rate;                 /* bytes a second, 0 for no limit */
    enum store_exists exists;      /* RENAME, SKIP or OVERWRITE; 0 is RENAME */
    uint64_t existing; /* incoming: bits for `names`, lowest first: those that are in use here */
    int64_t now;
    /* Called (unless NULL) with the new number before the commit, to give its directory that name.
     * A directory that has the name already is of a crash between this and a commit that never
     * came: it is nobody's. Not 0 (-errno) gives the transfer up, and store_transfer_create()
     * returns it. Where the commit itself fails afterwards, the caller undoes what this did. */
    int (*before_commit)(uint64_t number, void *context);
    void *context;
};

/* A transfer as it stands. Owned pointers; store_transfer_clear() frees them. */
struct store_transfer {
    uint64_t number;
    enum store_direction direction;
    enum store_state state;
    uint8_t peer_key[LIMIT_KEY];
    char peer_name[LIMIT_NAME + 1]; /* foreign */
    uint8_t transfer_id[LIMIT_TRANSFER_ID];
    uint8_t manifest_hash[LIMIT_HASH];
    uint64_t manifest_length;
    uint32_t entries;
    uint64_t bytes;
    uint64_t units;
    struct store_names names;       /* top-level, as offered */
    struct store_names final_names; /* once delivered: as they were placed */
    uint32_t name_count;
    uint32_t failed;   /* entries that were not delivered */
    char *reason;      /* why it waits, failed or was refused; never NULL */
    char *destination; /* incoming: absolute directory; else NULL */
    uint64_t rate;
    int64_t created;
    int64_t changed;
    int64_t finished; /* 0 until then */
    bool confirmed;   /* incoming: the sender has recorded the delivery */
    bool exact;       /* incoming, from PLACING on: all that did not fail is as it was sent */
    bool has_work;    /* its directory (outgoing/NUMBER, or the staging) may still exist */
    enum store_exists exists; /* RENAME, SKIP or OVERWRITE */
    uint64_t existing; /* incoming: bits for `names`: those that were in use when it was offered */
    struct lineage lineage;   /* outgoing: the transfers that it replaces */
    enum store_moving moving; /* outgoing: store_moving.h */
    uint32_t moved;           /* once that is over: entries that were removed here */
    uint32_t stayed;          /* and that were not */
    uint64_t receipt;         /* delivered: bytes of its receipt (store_receipt.h), 0 for none */
};

struct store_transfer_list {
    struct store_transfer *items; /* owned */
    size_t length;
};

enum store_transfer_which {
    STORE_TRANSFERS_ACTIVE, /* not finished, lowest number first */
    STORE_TRANSFERS_ALL,    /* highest number first */
    STORE_TRANSFERS_MOVING, /* delivered, and its sources are still to be removed; lowest first */
    STORE_TRANSFERS_LEFT,   /* finished, but the directory may still be there; lowest first */
};

/* Whether a transfer in `state` is over. */
bool store_transfer_is_finished(enum store_state state);

/* Incoming transfers that ended without a delivery are kept to answer their sender, but strangers
 * make them: no more than so many, those with the lowest numbers go when another one comes. One
 * that was accepted stays for a day in any case, so that store_transfer_taken() counts it. */
#define STORE_TRANSFER_ENDED 1000u
#define STORE_TRANSFER_DAY_S (24 * 3600)

/* Creates one in one commit and fills *number. Or STORE_EXISTS where this direction, peer and
 * transfer id are there already. has_work is set for an outgoing one at once, for an incoming one
 * when it becomes RUNNING. */
int store_transfer_create(struct store *store, const struct store_transfer_new *with,
                          uint64_t *number, struct fail *fail);

/* Fills *out for store_transfer_clear(). Or STORE_NONE. */
int store_transfer_get(struct store *store, uint64_t number, struct store_transfer *out,
                       struct fail *fail);

/* The same by what identifies it between nodes. Or STORE_NONE. */
int store_transfer_find(struct store *store, enum store_direction direction,
                        const uint8_t peer_key[LIMIT_KEY],
                        const uint8_t transfer_id[LIMIT_TRANSFER_ID], struct store_transfer *out,
                        struct fail *fail);

/* An outgoing one by its id, whoever the peer is: this node chose the id. Or STORE_NONE. */
int store_transfer_find_sent(struct store *store, const uint8_t transfer_id[LIMIT_TRANSFER_ID],
                             struct store_transfer *out, struct fail *fail);

/* At most `limit` of them (0: all) for store_transfer_list_clear(). */
int store_transfer_list(struct store *store, enum store_transfer_which which, size_t limit,
                        struct store_transfer_list *list, struct fail *fail);

/* Free what it holds and zero it. */
void store_transfer_clear(struct store_transfer *transfer);
void store_transfer_list_clear(struct store_transfer_list *list);

/* Sets state and reason (escaped text; NULL is ""). Not for PLACING and DELIVERED, which have their
 * own functions. A finished transfer loses its extents and its placing list in the same commit. Or
 * STORE_NONE, STORE_STATE. */
int store_transfer_set_state(struct store *store, uint64_t number, enum store_state state,
                             const char *reason, int64_t now, struct fail *fail);

/* Sets the rate limit of a transfer that is not finished. Or STORE_NONE, STORE_STATE. */
int store_transfer_set_rate(struct store *store, uint64_t number, uint64_t rate, struct fail *fail);

/* Sets what becomes of names that exist, of an incoming transfer that nobody has accepted: one of
 * RENAME, SKIP, OVERWRITE. Or STORE_NONE, STORE_STATE. */
int store_transfer_set_exists(struct store *store, uint64_t number, enum store_exists exists,
                              struct fail *fail);

/* What an outgoing transfer ended with, as the peer says. Borrowed. */
struct store_transfer_delivery {
    const struct store_name *names; /* final top-level names, the first LIMIT_OFFER_NAMES at most */
    size_t names_length;
    uint32_t failed; /* entries that were not delivered */
    int64_t now;
};

/* Outgoing: the peer said that it is delivered. Or STORE_NONE, STORE_STATE (also for an incoming
 * one). */
int store_transfer_deliver(struct store *store, uint64_t number,
                           const struct store_transfer_delivery *delivery, struct fail *fail);

/* Incoming: its sender has taken the offer back before anybody answered, and nothing is kept of it.
 * Or STORE_NONE; STORE_STATE where it is no offer. */
int store_transfer_forget(struct store *store, uint64_t number, struct fail *fail);

/* Incoming and delivered: the sender has recorded it. Or STORE_NONE, STORE_STATE. */
int store_transfer_confirm(struct store *store, uint64_t number, int64_t now, struct fail *fail);

/* Sum of the bytes (of each its content, or its manifest where that is longer) of all incoming
 * transfers of a peer that became RUNNING for the first time at `since` or later, by the clock of
 * then, whatever became of them; UINT64_MAX where it is more. For the last STORE_TRANSFER_DAY_S:
 * older ones may be gone. */
int store_transfer_taken(struct store *store, const uint8_t peer_key[LIMIT_KEY], int64_t since,
                         uint64_t *bytes, struct fail *fail);

/* The directory of a finished transfer is gone. Or STORE_NONE, STORE_STATE. */
int store_transfer_cleaned(struct store *store, uint64_t number, struct fail *fail);

#endif
