/*
 * The opening of a connection between two nodes, both roles, as bytes in and bytes out.
 *
 *     initiator                                                    responder
 *       "FXNODE\0" version purpose flags                 11 bytes  ->
 *       u16 32    Noise message 1: e                     34 bytes  ->
 *       <-  114 bytes   u16 112   Noise message 2: e, ee, s, es, payload of 16
 *       u16 152   Noise message 3: s, se, payload of 88  154 bytes ->
 *
 * Numbers are big-endian. The 11 clear bytes, as sent, are the prologue of
 * Noise_XX_25519_ChaChaPoly_BLAKE2b (noise.h), so nobody on the way can change them:
 *
 *     0   7  "FXNODE" and a zero byte          8  1  purpose (enum handshake_purpose)
 *     7   1  version of this opening (1)       9  2  flags: sent as zero, ignored
 *
 * Payload of message 2 (16 bytes): what the responder speaks.
 *
 *     0   1  lowest protocol version           4  4  feature bits
 *     1   1  highest protocol version          8  8  reserved
 *     2   2  reserved
 *
 * Payload of message 3 (88 bytes): what the initiator chose, and who it says it is.
 *
 *     0   1  protocol version from now on      8  16  session (a lane; else zero and ignored)
 *     1   3  reserved                         24  64  device name, zero-padded
 *     4   4  feature bits
 *
 * Reserved bytes are sent as zero and ignored when received, so that a later feature can use them.
 *
 * A responder that does not know the version of the opening answers 9 clear bytes, "FXNODE\0",
 * lowest, highest version it knows, and closes. Those 9 bytes and the first 8 of the initiator are
 * the same for ever. Nobody falls back to another version: people are told both.
 *
 * The session id of a control connection is the first 16 bytes of its handshake hash. The keys of
 * the record layer (stream.h) are, for each direction, BLAKE2b-256 keyed with that direction's key
 * from Noise's Split(), over "fxnode stream v1" (16 bytes), u8 purpose, u8 direction (0 from the
 * initiator to the responder, 1 back), and the handshake hash (64 bytes).
 *
 * No I/O, clock or randomness; nothing blocks; one thread at a time. sodium_init() must have been
 * called. A caller loops: send what handshake_output() hands out, collect exactly
 * handshake_wants() bytes under its own deadline, handshake_feed() them, act on the outcome.
 */
#ifndef PROTO_HANDSHAKE_H
#define PROTO_HANDSHAKE_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDSHAKE_LOWEST 1 /* versions of the opening that this code knows */
#define HANDSHAKE_HIGHEST 1
#define HANDSHAKE_PROTOCOL_LOWEST 1 /* versions of what is spoken afterwards */
#define HANDSHAKE_PROTOCOL_HIGHEST 1

#define HANDSHAKE_HASH 64       /* bytes of a handshake hash */
#define HANDSHAKE_INPUT_MAX 154 /* handshake_wants() is never more */
#define HANDSHAKE_CLEAR 11      /* bytes of the clear part */

enum handshake_purpose {
    HANDSHAKE_CONTROL = 1, /* a transfer's first connection */
    HANDSHAKE_LANE = 2,    /* one more for the transfer of a control connection */
    HANDSHAKE_PAIR = 3,    /* pairing */
};

/* What handshake_feed() and handshake_proceed() return, beside -errno for our own mistakes. */
enum handshake_outcome {
    HANDSHAKE_MORE = 0,      /* goes on: look at output and wants */
    HANDSHAKE_DECIDE = 1,    /* initiator: handshake_peer() is known and nothing about us was told
                              * yet; handshake_proceed(), or handshake_free() */
    HANDSHAKE_DONE = 2,      /* send the output, if any; handshake_result() is there */
    HANDSHAKE_REFUSED = 3,   /* not this protocol, damaged, replayed, or a key of low order */
    HANDSHAKE_VERSION = 4,   /* no version in common: handshake_conflict() */
    HANDSHAKE_WRONG_KEY = 5, /* initiator: not the key that was expected */
    HANDSHAKE_SELF = 6,      /* the peer showed our own key */
};

struct handshake_range {
    uint8_t lowest;
    uint8_t highest;
};

/* Who we are. Copied; the caller wipes its own secrets. */
struct handshake_self {
    const uint8_t *secret;           /* static X25519 secret, LIMIT_KEY bytes */
    const uint8_t *ephemeral;        /* LIMIT_KEY random bytes, fresh for every connection */
    struct handshake_range protocol; /* HANDSHAKE_PROTOCOL_LOWEST to _HIGHEST */
    uint32_t features;
};

/* What an initiator wants of whom. Copied. */
struct handshake_call {
    enum handshake_purpose purpose;
    const uint8_t *expected; /* the peer's key, LIMIT_KEY bytes; NULL where any is for the caller
                              * to judge at HANDSHAKE_DECIDE */
    const uint8_t *session;  /* a lane: session id of its control connection, LIMIT_SESSION_ID
                              * bytes; else NULL */
    const void *name;        /* our device name */
    size_t name_length;      /* at most LIMIT_NAME */
};

/* Versions that have none in common, for the message to the user. Of the opening, the peer's range
 * is unauthenticated. A range of one where the peer named only one. */
struct handshake_conflict {
    bool opening; /* versions of the opening; else of the protocol spoken afterwards */
    struct handshake_range ours;
    struct handshake_range theirs;
};

/* What both sides have agreed on. */
struct handshake_result {
    uint8_t peer[LIMIT_KEY]; /* static public key, proven */
    enum handshake_purpose purpose;
    uint8_t version;                   /* of the protocol */
    uint32_t features;                 /* that both sides have */
    uint8_t session[LIMIT_SESSION_ID]; /* a lane: the one the initiator named, which the responder
                                        * has to look up and compare with the peer's key; else
                                        * the first bytes of `hash` */
    uint8_t name[LIMIT_NAME]; /* responder: what the peer calls itself, up to the first zero byte;
                               * foreign bytes, in no way checked */
    size_t name_length;       /* initiator: 0, a responder tells no name */
    uint8_t hash[HANDSHAKE_HASH];
    uint8_t send_key[LIMIT_KEY]; /* of the record layer */
    uint8_t receive_key[LIMIT_KEY];
};

struct handshake;

/* A new handshake in *out, for handshake_free(). The initiator has output from the start. 0,
 * -ENOMEM, or -EINVAL where purpose, session, name or range make no sense. */
int handshake_new_initiator(struct handshake **out, const struct handshake_self *self,
                            const struct handshake_call *call);
int handshake_new_responder(struct handshake **out, const struct handshake_self *self);

/* Wipes every secret and frees; NULL is allowed. */
void handshake_free(struct handshake *handshake);

/* How many bytes the next handshake_feed() takes: at most HANDSHAKE_INPUT_MAX; 0 where nothing is
 * to be read (a decision is due, or it is over). Bytes beyond these belong to the record layer. */
size_t handshake_wants(const struct handshake *handshake);

/* Takes exactly handshake_wants() bytes; they are copied where needed. Returns an outcome;
 * -EINVAL where `length` is another. After HANDSHAKE_REFUSED and all that follow it in the enum
 * the connection is to be closed, and the same outcome is returned ever after.
 *
 * A responder that returns HANDSHAKE_VERSION may have the 9 bytes as output: after sending them
 * the caller shuts down its writing side and reads on for a moment, discarding, since closing
 * with unread input would make TCP reset the connection and drop the answer. */
int handshake_feed(struct handshake *handshake, const uint8_t *bytes, size_t length);

/* Bytes to be sent now: their number is returned, *bytes points to them and stays valid until
 * the next feed, proceed or free. Each byte is handed out once; 0 where there is none. */
size_t handshake_output(struct handshake *handshake, const uint8_t **bytes);

/* Initiator, after HANDSHAKE_DECIDE: makes message 3, which tells the peer our key and name.
 * HANDSHAKE_DONE; -EINVAL at any other moment. The peer may still refuse us: the initiator learns
 * it only from the connection's end. */
int handshake_proceed(struct handshake *handshake);

/* The peer's static public key, LIMIT_KEY bytes valid until free; NULL as long as it has not
 * proven one. For a responder it is there only when the handshake is done. */
const uint8_t *handshake_peer(const struct handshake *handshake);

/* What was agreed, valid until free; NULL before HANDSHAKE_DONE. */
const struct handshake_result *handshake_result(const struct handshake *handshake);

/* After HANDSHAKE_VERSION, valid until free; NULL otherwise. */
const struct handshake_conflict *handshake_conflict(const struct handshake *handshake);

#endif
