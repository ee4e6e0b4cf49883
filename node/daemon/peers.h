/*
 * The peers of this node: those whose key is remembered (the database's, mirrored here) and those
 * that are announced; and what a person means by PEER. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_PEERS_H
#define NODE_DAEMON_PEERS_H

#include "base/fail.h"
#include "node/common/address.h"
#include "node/daemon/dialer.h"
#include "node/daemon/node.h"
#include "store/store.h"
#include "store/store_peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEERS_MAX 4096u /* remembered keys; a further one is not, until one is forgotten */

struct peers;

/* Loads what is remembered. Blocks; for set-up. 0, or -errno with `fail` filled. */
int peers_load(struct peers **out, struct node *node, struct store *store, struct fail *fail);
void peers_free(struct peers *peers);

bool peers_is_known(const struct peers *peers, const uint8_t *key);

/* Settings of a paired peer; NULL for any other. Valid until the loop goes on. */
const struct store_peer_settings *peers_paired(const struct peers *peers, const uint8_t *key);

/* What to call the holder of a key: the alias, else the remembered name, else the announced one,
 * else "". Foreign unless it is an alias; valid until the loop goes on. */
const char *peers_name(const struct peers *peers, const uint8_t *key);

/* A peer that was met. Borrowed. */
struct peers_met {
    const uint8_t *key;
    const char *name;              /* foreign; empty leaves what is there */
    const struct address *address; /* where it was just reached, or NULL */
    const char *typed;             /* what the user typed for that, or NULL */
};

/* Remembers a peer, durably (in its turn behind other changes of the database). */
void peers_remember(struct peers *peers, const struct peers_met *met);

/* The same in two steps, for what has to be recorded in one commit with it: remembered here at
 * once, and in the database by a job that stores the note. False where there is no room. */
struct peers_note {
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1];
    bool has_address;
    struct store_peer_address address;
    int64_t now;
};
bool peers_note(struct peers *peers, const struct peers_met *met, struct peers_note *note);

/* On the database's thread. 0, or -errno with `fail` filled. */
int peers_note_store(struct store *store, const struct peers_note *note, struct fail *fail);

/* Makes a peer paired and remembers where it was met, durably. Its alias: the one it has; else made
 * of met->name, with a number behind it where another peer has that. `done` is called once it is
 * durable, with 0 or -errno (-ENOSPC: PEERS_MAX); until then it is not paired here either. A
 * peers_forget() meanwhile has the last word. Here and below `done` may be called from within where
 * it failed. */
void peers_pair(struct peers *peers, const struct peers_met *met,
                void (*done)(void *context, int error), void *context);

/* Several at once, in one commit; as peers_pair(), but with these aliases (valid ones), also for
 * those that are paired already. -EEXIST for one that another peer has, -EINVAL for a key that is
 * there twice or is this node's: then `fail` says which, and nothing is done. */
struct peers_imported {
    uint8_t key[LIMIT_KEY];
    char alias[ALIAS_ROOM];
};
void peers_import(struct peers *peers, const struct peers_imported *list, size_t count,
                  void (*done)(void *context, int error, const struct fail *fail), void *context);

/* Change a paired peer; they count here at once. False where another peer has the alias, or the
 * peer is not paired. `done` as above. */
bool peers_set_alias(struct peers *peers, const uint8_t *key, const char *alias,
                     void (*done)(void *context, int error), void *context);
bool peers_set(struct peers *peers, const uint8_t *key, const struct store_peer_settings *settings,
               void (*done)(void *context, int error), void *context);

/* The one remembered peer that a person means: an alias, an id or a prefix of one, a remembered
 * name, or host:port under which it was reached. 0; STORE_NONE; or STORE_EXISTS where several fit.
 */
int peers_find(const struct peers *peers, const char *peer, uint8_t key[LIMIT_KEY]);

/* Forgets a key. `done` is called once it is durable, with 0 or -errno. */
void peers_forget(struct peers *peers, const uint8_t *key, void (*done)(void *context, int error),
                  void *context);

/* The peer that was last reached by what the user typed ("host:port"). False where there is none.
 */
bool peers_find_typed(const struct peers *peers, const char *typed, uint8_t key[LIMIT_KEY]);

/* A host name (never an address) under which the user reached the peer, with its port, newest
 * first: "host:port". NULL where there is none. Valid until the loop goes on. */
const char *peers_typed_name(const struct peers *peers, const uint8_t *key);

/* Where a key may be found, the best first: last good, then announced, then older ones. At most
 * DIALER_CANDIDATES; returns how many. */
size_t peers_candidates(const struct peers *peers, const uint8_t *key, struct address *out);

/* Who is announced under the name of the remembered peer `key` while that is not announced itself;
 * NULL where nobody is. Valid until the loop goes on. */
const uint8_t *peers_announced_instead(const struct peers *peers, const uint8_t *key);

/* One line of a list of peers. */
struct peers_line {
    bool has_key;
    const uint8_t *key;
    const char *name;      /* alias, else as remembered, else as announced; foreign */
    const char *announced; /* "" unless online; foreign */
    bool online;
    bool known;
    int64_t last_used;
    int64_t paired;     /* since when; 0: it is not */
    const char *called; /* what it calls itself: as announced, else as remembered; foreign */
    const char
        *remembered; /* what it called itself when it was last used, "" if unknown; foreign */
    const struct store_peer_settings *settings; /* of a paired one; else NULL */
    struct address addresses[DIALER_CANDIDATES];
    size_t address_count;
};

/* Calls `each` for every peer that is remembered or announced. The line is valid during the call.
 */
void peers_each(const struct peers *peers,
                void (*each)(void *context, const struct peers_line *line), void *context);

/* The same for one key or, with key NULL, for one announced instance without a usable id. False
 * where it is neither remembered nor announced. */
bool peers_line(const struct peers *peers, const uint8_t *key, const char *instance,
                struct peers_line *line);

#endif
