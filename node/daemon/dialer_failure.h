/*
 * What a call that reached nobody tells: of all its candidates the one whose failure says most, the
 * first of those that say as much.
 */
#ifndef NODE_DAEMON_DIALER_FAILURE_H
#define NODE_DAEMON_DIALER_FAILURE_H

#include "node/daemon/dialer.h"

/* Nothing has failed: nobody answered. */
void dialer_failure_init(struct dialer_result *failure);

/* The candidate at `address` failed. `why`: escaped, without the address. */
void dialer_failure_keep(struct dialer_result *failure, enum dialer_outcome outcome,
                         const struct address *address, const char *why);

/* The same for one that answered: its handshake ended with `outcome` (a handshake_outcome other
 * than HANDSHAKE_DONE). */
void dialer_failure_shaken(struct dialer_result *failure, const struct address *address,
                           const struct handshake *handshake, int outcome);

#endif
