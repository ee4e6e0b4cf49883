/*
 * The node's static X25519 key: STATE/identity, mode 0600, written once and durably.
 *
 * The file is one line: "fxnode-identity-1 " and 64 hex digits of the secret key and a newline.
 */
#ifndef NODE_COMMON_IDENTITY_H
#define NODE_COMMON_IDENTITY_H

#include "base/fail.h"
#include "base/limits.h"

#include <stdint.h>

struct identity {
    uint8_t *secret; /* LIMIT_KEY bytes of sodium_malloc memory, owned */
    uint8_t public_key[LIMIT_KEY];
};

/* Loads STATE/identity, or creates it (file and directory synced before it returns) where there
 * is none. `state_fd`: the open state directory. 0, or -errno with `fail` filled: damaged,
 * readable by others, unreadable, or cannot be written. A damaged file is never replaced. */
int identity_load(struct identity *identity, int state_fd, const char *state, struct fail *fail);

/* Removes keys that were being written when a process was killed: files identity.XXXXXXXX. For a
 * node that has the state directory locked and its identity loaded; what cannot be removed waits
 * for the next start. */
void identity_tidy(int state_fd);

/* Wipes and frees. */
void identity_clear(struct identity *identity);

#endif
