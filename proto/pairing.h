/*
 * Pairing by a short code, both roles, as bytes in and bytes out: CPace (CPACE-RISTR255-SHA512,
 * draft-irtf-cfrg-cpace-21; cpace.h) inside a connection that was opened with purpose "pair"
 * (handshake.h) and is sealed by the record layer (stream.h).
 *
 *     A, the initiator: its user enters the code          B, the responder: shows it
 *       header || Ya            24 + 54 bytes  ->
 *       <-  24 + 118 bytes      header || Yb, name of B
 *       Ta                           86 bytes  ->         wrong: one try is used up
 *       <-      86 bytes        Tb, or 64 zero bytes where Ta was wrong
 *
 * `header` is the 24 bytes of the record layer; each message is one record whose frame has type 1
 * and a body of exactly this size: Ya, Yb 32 bytes; Yb is followed by 64 bytes of B's name,
 * zero-padded; Ta, Tb 64. There is nothing to parse.
 *
 * What binds it: PRS is the 8 digits in ASCII, sid the 64 bytes of the handshake hash, CI the
 * static public keys of A and B in this order (lv_cat), AD is empty on both sides. So a pairing
 * that goes through somebody in the middle, who has two connections with two hashes and a key of
 * its own, fails with the right code in both users' hands. A Yb that equals Ya is refused, or Ta
 * could be sent back as Tb.
 *
 * Until B has seen a right Ta it has told nothing that helps to guess, and A gives whoever answers
 * one guess at most. So B counts wrong confirmations and nothing else, and A asks its user again
 * before it tries again.
 *
 * No I/O or clock, and no randomness but that of a stream's header; nothing blocks, at most 1 ms of
 * computing for each call; one thread at a time. sodium_init() must have been called. Secrets live
 * in sodium_malloc() memory.
 */
#ifndef PROTO_PAIRING_H
#define PROTO_PAIRING_H

#include "base/limits.h"
#include "proto/handshake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAIRING_CODE 8        /* decimal digits of a code */
#define PAIRING_SEED 64       /* random bytes for each run */
#define PAIRING_INPUT_MAX 142 /* pairing_wants() is never more */

/* What pairing_feed() returns, beside -errno for our own mistakes. */
enum pairing_outcome {
    PAIRING_MORE = 0,    /* goes on: look at output and wants */
    PAIRING_PROVEN = 1,  /* the peer knows the code. A: it is over. B: to be recorded, durably, and
                          * then pairing_confirm(), or the peer learns nothing */
    PAIRING_WRONG = 2,   /* it does not, or somebody is in between; B: send the output first */
    PAIRING_REFUSED = 3, /* damaged, an invalid or reflected point, or not this protocol */
};

/* Who pairs with whom. Copied; the caller wipes its own secrets. */
struct pairing_setup {
    bool initiator;
    const struct handshake_result *opened; /* of a connection with HANDSHAKE_PAIR */
    const uint8_t *own_key;                /* our static public key, LIMIT_KEY bytes */
    const uint8_t *seed;                   /* PAIRING_SEED random bytes, fresh for every run */
    const char *code;                      /* PAIRING_CODE digits, no NUL needed */
    const void *name;                      /* responder: our device name; else ignored */
    size_t name_length;                    /* at most LIMIT_NAME */
};

struct pairing;

/* A new run in *out, for pairing_free(). The initiator has output from the start. 0, -ENOMEM, or
 * -EINVAL where the setup makes no sense. */
int pairing_new(struct pairing **out, const struct pairing_setup *setup);

/* Wipes every secret and frees; NULL is allowed. */
void pairing_free(struct pairing *pairing);

/* How many bytes the next pairing_feed() takes: at most PAIRING_INPUT_MAX; 0 where nothing more is
 * to be read. */
size_t pairing_wants(const struct pairing *pairing);

/* Takes exactly pairing_wants() bytes. Returns an outcome; -EINVAL where `length` is another. After
 * PAIRING_WRONG and PAIRING_REFUSED the same outcome is returned ever after. */
int pairing_feed(struct pairing *pairing, const uint8_t *bytes, size_t length);

/* Bytes to be sent now: their number is returned, *bytes points to them and stays valid until the
 * next feed, confirm or free. Each byte is handed out once; 0 where there is none. */
size_t pairing_output(struct pairing *pairing, const uint8_t **bytes);

/* Responder, after PAIRING_PROVEN: makes Tb, which tells the initiator. 0; -EINVAL at any other
 * moment. */
int pairing_confirm(struct pairing *pairing);

/* Initiator, once Yb has come: what the peer calls itself; *length bytes up to the first zero byte,
 * foreign, in no way checked. Not to be believed before PAIRING_PROVEN. NULL before. */
const uint8_t *pairing_name(const struct pairing *pairing, size_t *length);

#endif
