/*
 * The listening sockets and what strangers can reach: exact-size handshakes under a deadline, with
 * the caps of gate.h. Runs on the loop; nothing blocks.
 */
#ifndef NODE_DAEMON_LISTENER_H
#define NODE_DAEMON_LISTENER_H

#include "base/fail.h"
#include "node/common/config.h"
#include "node/common/identity.h"
#include "node/daemon/link.h"

#include <uv.h>

struct listener;

struct listener_setup {
    uv_loop_t *loop;
    const struct identity *identity; /* outlives the listener */
    const struct config *config;     /* read during listener_open() only */
    uint16_t port;                   /* the one kept from before; 0: none */

    /* A peer has proven its key. Takes *link over, also to drop it. */
    void (*arrived)(void *context, struct link *link);
    /* Whether a key is remembered: such a peer is not charged for its connections. */
    bool (*is_known)(void *context, const uint8_t *key);
    void *context;
};

/* Binds and listens. Without `listen` in the configuration: all addresses on the kept port, else
 * ADDRESS_PORT, else any free one. An address that is named and cannot be had is an error. 0, or
 * -errno with `fail` filled: which address and why. */
int listener_open(struct listener **out, const struct listener_setup *setup, struct fail *fail);

/* Port of the first socket. */
uint16_t listener_port(const struct listener *listener);

/* Closes sockets and unfinished handshakes; frees once the loop has let go of them. */
void listener_close(struct listener *listener);

#endif
