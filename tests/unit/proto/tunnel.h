/*
 * The suites of what stands below the messages (Noise, the opening, records), run by tunnel.c, and
 * what they share: two nodes with fixed keys, and points of low order.
 */
#ifndef TESTS_UNIT_PROTO_TUNNEL_H
#define TESTS_UNIT_PROTO_TUNNEL_H

#include "proto/handshake.h"
#include "proto/noise.h"

#include <check.h>

Suite *suite_noise(void);
Suite *suite_handshake(void);
Suite *suite_hostile(void);
Suite *suite_stream(void);
Suite *suite_secretstream(void);

#define TUNNEL_CLEAR 11
#define TUNNEL_FIRST 45 /* clear part and message 1, lengths included */
#define TUNNEL_SECOND 114
#define TUNNEL_THIRD 154

extern const uint8_t tunnel_secret[2][LIMIT_KEY]; /* of the initiator, of the responder */
extern const uint8_t tunnel_ephemeral[2][LIMIT_KEY];

#define TUNNEL_LOW_ORDER 7
extern const uint8_t tunnel_low_order[TUNNEL_LOW_ORDER][LIMIT_KEY]; /* u of order 1, 2, 4 and 8 */

/* Two ends with the keys above, speaking protocol versions 1 to 1 and features 5 and 6; a control
 * connection from "alpha" to anybody. */
struct tunnel {
    struct handshake_self self[2];
    struct handshake_call call;
    struct handshake *end[2];
    uint8_t bytes[4096]; /* the last output taken */
    size_t length;
};

void tunnel_prepare(struct tunnel *tunnel);
void tunnel_open(struct tunnel *tunnel); /* makes both ends */
void tunnel_close(struct tunnel *tunnel);

/* Takes the output of `end` into tunnel->bytes. */
void tunnel_take(struct tunnel *tunnel, unsigned end);

/* Feeds tunnel->bytes to `end` in the pieces that it wants, until there is an outcome, or fewer
 * bytes are left than it wants. */
int tunnel_give(struct tunnel *tunnel, unsigned end);

/* A Noise handshake as the opening makes it, for messages that no honest node writes. */
struct noise *tunnel_noise(enum noise_role role, const uint8_t *secret, const uint8_t *ephemeral,
                           const uint8_t clear[TUNNEL_CLEAR]);

/* Puts the next message of `noise` with its length at `at`; returns the bytes. */
size_t tunnel_put(struct noise *noise, const void *payload, size_t length, uint8_t *at);

#endif
