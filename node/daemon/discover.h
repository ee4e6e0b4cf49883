/*
 * Who is announced on the network: keeps the discovery helper running and a bounded table of what
 * it reports. All of it is a hint: a key is proven by a handshake only. Loop's thread.
 */
#ifndef NODE_DAEMON_DISCOVER_H
#define NODE_DAEMON_DISCOVER_H

#include "base/fail.h"
#include "base/limits.h"
#include "node/common/address.h"
#include "node/daemon/node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISCOVER_TABLE 2048u     /* addresses that are kept; more are not heard of */
#define DISCOVER_INSTANCE 64     /* a DNS-SD instance name with its NUL */
#define DISCOVER_SETTLE_MS 4000u /* a first look around takes no longer */

struct discover;

/* One announced address. Plain value. */
struct discover_entry {
    char instance[DISCOVER_INSTANCE]; /* foreign */
    bool has_key;                     /* the announcement carries a well-formed id */
    uint8_t key[LIMIT_KEY];
    uint32_t interface; /* index */
    struct address address;
};

struct discover_events {
    /* An address of this entry's peer is new. */
    void (*appeared)(void *context, const struct discover_entry *entry);
    /* This was the last address of its instance. */
    void (*vanished)(void *context, const struct discover_entry *entry);
    /* The first look around is over. */
    void (*settled)(void *context);
    void *context;
};

/* Starts the helper. `publish`: announce this node too, else browse only. 0, or -errno with `fail`
 * filled. Later ends of the helper are survived: it is started again, with growing pauses. */
int discover_start(struct discover **out, struct node *node, bool publish,
                   const struct discover_events *events, struct fail *fail);

/* Whether what answers at once has been reported. */
bool discover_is_settled(const struct discover *discover);

/* The table, valid until the loop goes on. NULL is an empty one. */
const struct discover_entry *discover_entries(const struct discover *discover, size_t *count);

/* Ends the helper, which takes its announcement back; frees everything once it is gone. The events
 * are not called any more. NULL is fine. */
void discover_stop(struct discover *discover);

#endif
