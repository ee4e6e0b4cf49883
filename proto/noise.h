/*
 * Noise_XX_25519_ChaChaPoly_BLAKE2b (Noise Protocol Framework, revision 34), both roles.
 *
 *     -> e
 *     <- e, ee, s, es
 *     -> s, se
 *
 * The handshake alone: what follows it uses keys derived from noise_split() in another
 * construction. No I/O and no randomness of its own. Nothing here blocks. An object belongs to one
 * thread at a time. sodium_init() must have been called. Secrets live in sodium_malloc() memory
 * and are wiped by noise_free().
 */
#ifndef PROTO_NOISE_H
#define PROTO_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_KEY 32        /* an X25519 key, secret or public, and a cipher key */
#define NOISE_HASH 64       /* BLAKE2b: handshake hash */
#define NOISE_MESSAGE 65535 /* longest Noise message (section 3) */

/* The peer's message was damaged, too short or too long, or its key is of low order (the shared
 * secret would be zero, section 12.1). The handshake is over: any later call returns it again. */
#define NOISE_REFUSED 1

enum noise_role {
    NOISE_INITIATOR,
    NOISE_RESPONDER,
};

/* All of it is copied; the caller keeps its own and wipes the secrets. */
struct noise_setup {
    enum noise_role role;
    const uint8_t *static_secret;    /* NOISE_KEY */
    const uint8_t *ephemeral_secret; /* NOISE_KEY random bytes, never to be used again */
    const void *prologue;
    size_t prologue_length;
};

struct noise;

/* A new handshake in *out, for noise_free(). 0 or -ENOMEM. */
int noise_new(struct noise **out, const struct noise_setup *setup);

/* Wipes and frees; NULL is allowed. */
void noise_free(struct noise *noise);

/* Bytes by which the next message, whoever's turn it is, is longer than its payload: 32, 96, 64
 * for the three of them; 0 when the handshake is over. */
size_t noise_overhead(const struct noise *noise);

/* Writes the next message, noise_overhead() + `length` bytes, to `out`, which may not overlap
 * `payload`. 0; -EMSGSIZE where it would be longer than NOISE_MESSAGE; -EINVAL where it is not our
 * turn; NOISE_REFUSED where the peer's key turns out to be of low order (`out` is then not to be
 * sent). */
int noise_write(struct noise *noise, const void *payload, size_t length, uint8_t *out);

/* Reads the peer's next message of `length` bytes and writes its payload, `length` -
 * noise_overhead() bytes, to `payload`; nothing of use is there unless 0 is returned. 0;
 * NOISE_REFUSED; -EINVAL where it is not the peer's turn. */
int noise_read(struct noise *noise, const uint8_t *message, size_t length, void *payload);

/* Whether all three messages have passed. */
bool noise_finished(const struct noise *noise);

/* The peer's static public key: NOISE_KEY bytes, valid until noise_free(); NULL as long as it has
 * not shown one. */
const uint8_t *noise_peer(const struct noise *noise);

/* Our own static public key, NOISE_KEY bytes. */
const uint8_t *noise_self(const struct noise *noise);

/* The handshake hash (section 11.2), NOISE_HASH bytes; final once noise_finished(). */
const uint8_t *noise_hash(const struct noise *noise);

/* Split() of section 5.2: the keys from the initiator to the responder and back. The caller wipes
 * them. 0, or -EINVAL before noise_finished(). */
int noise_split(const struct noise *noise, uint8_t forth[NOISE_KEY], uint8_t back[NOISE_KEY]);

#endif
