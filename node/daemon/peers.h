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

#define PEERS_MAX                                                                                  \
    4096u /* keys that are remembered; a further one is not, until one is forgotten                \
           */

struct peers;

/* Loads what is remembered. Blocks; for set-up. 0, or -errno with `fail` filled. */
int peers_load(struct peers **out, struct node *node, struct store *store, struct fail *fail);
void peers_free(struct peers *peers);

bool peers_is_known(const struct peers *peers, const uint8_t *key);

/* What to call the holder of a key: the remembered name, else the announced one, else "". Foreign;
 * valid until the loop goes on. */
const char *peers_name(const struct peers *peers, const uint8_t *key);

/* Remembers a peer, durably (in its turn behind other changes of the database). `name` is foreign;
 * empty leaves what is there. `address` (may be NULL) is where it was just reached; `typed` (may be
 * NULL) what the user typed for it. */
void peers_remember(struct peers *peers, const uint8_t *key, const char *name,
                    const struct address *address, const char *typed);

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

/* One line of a list of peers. */
struct peers_line {
    bool has_key;
    const uint8_t *key;
    const char *name;      /* as remembered, else as announced; foreign */
    const char *announced; /* "" unless online; foreign */
    bool online;
    bool known;
    int64_t last_used;
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
