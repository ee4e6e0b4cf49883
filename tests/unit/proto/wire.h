/*
 * The suites of what stands below the messages (Noise, the opening, records), run by wire.c, and
 * what they share: two nodes with fixed keys, and points of low order.
 */
#ifndef TESTS_UNIT_PROTO_WIRE_H
#define TESTS_UNIT_PROTO_WIRE_H

#include "proto/handshake.h"
#include "proto/noise.h"

#include <check.h>

Suite *suite_noise(void);
Suite *suite_handshake(void);
Suite *suite_hostile(void);
Suite *suite_stream(void);

#define WIRE_CLEAR 11
#define WIRE_FIRST 45 /* clear part and message 1, lengths included */
#define WIRE_SECOND 114
#define WIRE_THIRD 154

extern const uint8_t wire_secret[2][LIMIT_KEY]; /* of the initiator, of the responder */
extern const uint8_t wire_ephemeral[2][LIMIT_KEY];

#define WIRE_LOW_ORDER 7
extern const uint8_t wire_low_order[WIRE_LOW_ORDER][LIMIT_KEY]; /* u of order 1, 2, 4 and 8 */

/* Two ends with the keys above, speaking protocol versions 1 to 1 and features 5 and 6; a control
 * connection from "alpha" to anybody. */
struct wire {
    struct handshake_self self[2];
    struct handshake_call call;
    struct handshake *end[2];
    uint8_t bytes[4096]; /* the last output taken */
    size_t length;
};

void wire_prepare(struct wire *wire);
void wire_open(struct wire *wire); /* makes both ends */
void wire_close(struct wire *wire);

/* Takes the output of `end` into wire->bytes. */
void wire_take(struct wire *wire, unsigned end);

/* Feeds wire->bytes to `end` in the pieces that it wants, until there is an outcome, or fewer
 * bytes are left than it wants. */
int wire_give(struct wire *wire, unsigned end);

/* A Noise handshake as the opening makes it, for messages that no honest node writes. */
struct noise *wire_noise(enum noise_role role, const uint8_t *secret, const uint8_t *ephemeral,
                         const uint8_t clear[WIRE_CLEAR]);

/* Puts the next message of `noise` with its length at `at`; returns the bytes. */
size_t wire_put(struct noise *noise, const void *payload, size_t length, uint8_t *at);

#endif
