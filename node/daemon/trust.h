/*
 * How far a key is trusted, to whom files may be sent, and the words in which people are told.
 */
#ifndef NODE_DAEMON_TRUST_H
#define NODE_DAEMON_TRUST_H

#include "base/limits.h"
#include "node/common/address.h"
#include "node/common/config.h"
#include "node/daemon/peers.h"

#include <stdbool.h>
#include <stdint.h>

#define TRUST_TEXT 3072 /* room for any of these texts: one line, escaped */

/* In rising order. */
enum trust_level {
    TRUST_STRANGER,
    TRUST_SEEN,   /* remembered: sent to, or accepted from by hand */
    TRUST_PAIRED, /* by a code, or imported */
};

enum trust_level trust_of(const struct peers *peers, const uint8_t *key);

/* Whether files may go to a peer of that level. */
bool trust_may_send(enum config_send_to send_to, enum trust_level level);

/* In all that follows `name` is what the peer is called, foreign. They return `out`. */

/* The warning before files go to a peer that is not paired. */
char *trust_warning(char out[TRUST_TEXT], enum trust_level level, const char *name,
                    const uint8_t *key);

/* Why files may not be sent to a peer, and what to do. */
char *trust_refusal(char out[TRUST_TEXT], enum config_send_to send_to, const char *name,
                    const uint8_t *key);

/* A name or an address stands for another key than it did. */
struct trust_change {
    const char *name;
    enum trust_level level;      /* of the key that it stood for */
    const struct address *where; /* the other key has answered here; NULL: it announces the name */
    const uint8_t *before;
    const uint8_t *now;
};

/* What that means, and what to do. */
char *trust_changed(char out[TRUST_TEXT], const struct trust_change *change);

/* The same for a transfer that waits for the key it stood for, in fewer words. */
char *trust_awaited(char out[TRUST_TEXT], const struct trust_change *change);

#endif
