/*
 * libsodium's secretstream (crypto_secretstream_xchacha20poly1305), computed by libsodium or by
 * something faster that gives the same bytes: stream.h is written for it. libsodium is the
 * reference, and what is used until something else has been chosen.
 *
 * All of them work on libsodium's own state, so a stream begins as libsodium begins it and each
 * message may be computed by whatever is at hand. For a message of `length` bytes that state, key k
 * and nonce counter (32 bits, little-endian) || inonce (8 bytes), means (ChaCha20 and Poly1305 of
 * RFC 8439, no additional data):
 *
 *     keystream   ChaCha20(k, nonce) from block 0 on
 *     block 0     its first 32 bytes are the key of Poly1305
 *     block 1     encrypts a block of the tag byte and 63 zeroes, of which 1 byte is sent
 *     from 2 on   encrypts the message
 *     mac         over block 1 encrypted || message encrypted || length mod 16 zeroes || u64 0 ||
 *                 u64 (64 + length), little-endian
 *     after it    inonce ^= first 8 bytes of the mac; counter += 1; a new key and inonce where the
 *                 tag says so or the counter got to 0
 */
#ifndef PROTO_SECRETSTREAM_H
#define PROTO_SECRETSTREAM_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#define SECRETSTREAM_REFUSED 1 /* the mac is not that of the message */

typedef crypto_secretstream_xchacha20poly1305_state secretstream_state;

/* One message. `sealed` has `length` + 17 bytes: tag, ciphertext, mac. `plain` has `length` bytes,
 * at most LIMIT_FRAME: sealed + 1, which means in place, or somewhere else altogether. */
struct secretstream_message {
    uint8_t *sealed;
    uint8_t *plain;
    size_t length;
    uint8_t tag;
};

/* A way to compute it. Its functions do no I/O, and two contexts are independent: one thread at a
 * time for each. */
struct secretstream {
    const char *name; /* with the version, for people */

    /* What one stream needs beside its state: made once, used for every message in one direction.
     * 0 or -ENOMEM. `close` wipes, and takes NULL. */
    int (*open)(void **context);
    void (*close)(void *context);

    /* Seals `plain` into `sealed`. 0, or -EIO: the computing failed, `sealed` and `plain` may hold
     * anything, and the stream cannot go on. */
    int (*push)(void *context, secretstream_state *state,
                const struct secretstream_message *message);

    /* Opens `sealed` into `plain` and `tag`. 0; SECRETSTREAM_REFUSED, with nothing written and the
     * state as it was; -EIO as above. */
    int (*pull)(void *context, secretstream_state *state, struct secretstream_message *message);
};

/* libsodium's own functions. They never fail with -EIO. */
const struct secretstream *secretstream_reference(void);

/* What streams that are made from now on are computed by. One choice for the process, as libsodium
 * makes its own between its implementations: to be made before there is a second thread. Whoever
 * makes it has seen secretstream_check() agree. */
void secretstream_use(const struct secretstream *chosen);
const struct secretstream *secretstream_used(void);

#endif
