/*
 * An authenticated connection on its way from the network to a session: what listener and dialer
 * hand over. Plain value; whoever has it owns the descriptor and the keys.
 */
#ifndef NODE_DAEMON_LINK_H
#define NODE_DAEMON_LINK_H

#include "node/common/address.h"
#include "proto/handshake.h"

struct link {
    int fd; /* connected TCP socket, blocking again, nothing read beyond the handshake */
    struct address address;
    struct handshake_result result; /* peer key, purpose, session id, name, keys */
};

/* From a finished handshake: takes the descriptor over, makes it blocking, sets TCP_NODELAY. */
void link_make(struct link *link, int fd, const struct address *address,
               const struct handshake *handshake);

/* Wipes the keys and closes the descriptor unless it was taken (-1). */
void link_drop(struct link *link);

#endif
