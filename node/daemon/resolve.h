/*
 * What a person means by PEER: the alias of a paired peer; a full id or a prefix of one; a name
 * that is announced or remembered; else host[:port]. What is an address is never a name, and nobody
 * gets what is meant for another one by announcing the name of its host. Loop's thread; host names
 * are looked up aside.
 */
#ifndef NODE_DAEMON_RESOLVE_H
#define NODE_DAEMON_RESOLVE_H

#include "node/daemon/dialer.h"
#include "node/daemon/node.h"
#include "store/store_peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resolve_outcome {
    RESOLVE_FOUND = 0,
    RESOLVE_AMBIGUOUS = 2, /* several fit: exit status 2 */
    RESOLVE_UNKNOWN = 3,   /* nothing fits: 3 */
    /* Another key is announced under the name now than the remembered one: 6, unless the remembered
     * one answers at the candidates. Without any there is nothing to be tried. */
    RESOLVE_TRUST = 6,
};

/* Who and where. Plain value. */
struct resolve_target {
    bool has_key; /* else whoever answers at the candidates */
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1]; /* to call it by; foreign; what was typed where none is known */
    char typed[STORE_PEER_TYPED_ROOM]; /* "host:port" in one form, where an address was typed */
    struct address candidates[DIALER_CANDIDATES];
    size_t count; /* may be 0 with a key: the peer is away */
};

struct resolve;

/* `text` says why in one escaped line, unless FOUND. */
typedef void (*resolve_done)(void *context, enum resolve_outcome outcome,
                             const struct resolve_target *target, const char *text);

/* Starts. `done` is called once, from the loop, never from within. 0 with *out for
 * resolve_cancel(), valid until `done`; -ENOMEM. A name that nobody knows yet is waited for until
 * discovery has looked around. */
int resolve_start(struct resolve **out, struct node *node, const char *peer, resolve_done done,
                  void *context);

/* The same for a peer whose key is remembered: where it may be found now. A host name under which
 * it was reached before is looked up again. Always FOUND. */
int resolve_again(struct resolve **out, struct node *node, const uint8_t *key, resolve_done done,
                  void *context);

/* "host:port" in the one form under which a typed address is remembered. False where `text` is
 * none. */
bool resolve_typed(char out[STORE_PEER_TYPED_ROOM], const char *text);

/* Whether it is an address, with or without a port, rather than a name of a host. */
bool resolve_is_address(const char *text);

/* `done` is not called. NULL is fine. */
void resolve_cancel(struct resolve *resolve);

#endif
