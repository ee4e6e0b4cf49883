/*
 * One running node: what its parts share. daemon.c makes and ends it; each part keeps what is its
 * own in its own file. Everything here belongs to the loop's thread.
 */
#ifndef NODE_DAEMON_NODE_H
#define NODE_DAEMON_NODE_H

#include "node/common/config.h"
#include "node/common/identity.h"
#include "node/common/locations.h"
#include "node/common/part.h"
#include "node/common/statedir.h"
#include "proto/msg.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct node {
    uv_loop_t *loop;
    struct locations locations;
    struct config config;
    char files[PATH_MAX]; /* where what arrives is put */
    struct identity identity;
    struct statedir statedir;
    struct part session; /* what workers are started from */
    bool transient;      /* serves its clients only: does not listen, publishes nothing */
    bool stopping;       /* no new session, no new connection */
    uint16_t port;       /* 0 where it does not listen */

    struct msg_arena *arena; /* of the one message being handled */
    struct database *database;
    struct peers *peers;
    struct discover *discover; /* NULL with discovery off */
    struct transfers *transfers;
    struct workers *workers;
    struct clean *clean;
    struct moving *moving;
    struct console *console;
    struct incoming *incoming;
    struct pairing_window *window; /* for peers that pair with this node */
    struct outgoing *outgoing;
    struct control *control;
};

#endif
