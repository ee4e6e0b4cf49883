/*
 * What the tests of pairing share: opened connections that need no handshake, honest ends on them,
 * and a party that has the keys of a connection and says in it whatever a test wants.
 */
#ifndef TESTS_UNIT_PROTO_PARTY_H
#define TESTS_UNIT_PROTO_PARTY_H

#include "proto/pairing.h"
#include "proto/stream.h"

#include <check.h>

#define PARTY_CODE "12345678"
#define PARTY_NAME "attic"
#define PARTY_POINT 32
#define PARTY_TAG 64
#define PARTY_BODY 128 /* room for any body, and more */

extern const uint8_t party_key[3][LIMIT_KEY];  /* of an initiator, a responder, somebody between */
extern const uint8_t party_point[PARTY_POINT]; /* a valid share */

#define PARTY_INVALID_POINTS 7
void party_invalid_point(uint8_t point[PARTY_POINT], unsigned number);

/* A connection as a handshake leaves it: end 0 is the initiator's. Each has another hash. */
struct party_line {
    uint8_t key[2][LIMIT_KEY];
    struct handshake_result end[2];
};

void party_connect(struct party_line *line, const uint8_t *initiator, const uint8_t *responder);

/* An honest end, the responder called PARTY_NAME. The seed of a setup is that of the last call. */
struct pairing_setup party_setup(const struct party_line *line, unsigned end, const char *code);
struct pairing *party_new(const struct party_line *line, unsigned end, const char *code);

/* The output of an honest end, into `bytes`; returns its length. */
size_t party_take(struct pairing *pairing, uint8_t bytes[PAIRING_INPUT_MAX]);

/* One that speaks in the place of an end. */
struct party {
    const struct handshake_result *opened;
    struct stream_sealer *sealer;
    struct stream_opener *opener;
    enum stream_type type; /* of the frames that it says */
};

void party_join(struct party *party, const struct party_line *line, unsigned end);
void party_leave(struct party *party);

/* Seals a body of `length` bytes, the header before the first, and feeds it to an honest end. */
int party_say(struct party *party, struct pairing *to, const uint8_t *body, size_t length);

/* The same for Yb with a name. */
int party_answer(struct party *party, struct pairing *to, const uint8_t point[PARTY_POINT]);

/* Opens a message that was meant for its end; returns the length of the body. */
size_t party_open(struct party *party, const uint8_t *bytes, size_t length,
                  uint8_t body[PARTY_BODY]);

/* The same with the output of an honest end. */
size_t party_hear(struct party *party, struct pairing *from, uint8_t body[PARTY_BODY]);

#endif
