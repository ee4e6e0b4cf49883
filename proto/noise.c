#include "proto/noise.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define BLOCK 128 /* BLAKE2b's block, for HMAC (RFC 2104) */
#define TAG crypto_aead_chacha20poly1305_ietf_ABYTES

static const char protocol_name[] = "Noise_XX_25519_ChaChaPoly_BLAKE2b";

_Static_assert(sizeof protocol_name - 1 <= NOISE_HASH, "longer names are hashed, section 5.2");
_Static_assert(NOISE_HASH == crypto_generichash_blake2b_BYTES_MAX, "BLAKE2b with 64 bytes");
_Static_assert(NOISE_KEY == crypto_scalarmult_BYTES, "X25519");

enum token {
    TOKEN_END,
    TOKEN_E,
    TOKEN_S,
    TOKEN_EE,
    TOKEN_ES,
    TOKEN_SE,
};

#define MESSAGES 3

/* The pattern XX (section 7.5). The initiator writes messages 0 and 2. */
static const enum token pattern[MESSAGES][5] = {
    {TOKEN_E, TOKEN_END},
    {TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES, TOKEN_END},
    {TOKEN_S, TOKEN_SE, TOKEN_END},
};

struct keypair {
    uint8_t secret[NOISE_KEY];
    uint8_t public[NOISE_KEY];
};

struct noise {
    enum noise_role role;
    unsigned next; /* message */
    bool refused;
    bool peer_known;
    bool has_key; /* CipherState */
    uint8_t key[NOISE_KEY];
    uint64_t nonce;
    uint8_t chaining[NOISE_HASH]; /* SymmetricState */
    uint8_t hash[NOISE_HASH];
    struct keypair s; /* HandshakeState */
    struct keypair e;
    uint8_t rs[NOISE_KEY];
    uint8_t re[NOISE_KEY];
};

static void mix_hash(struct noise *noise, const void *data, size_t length) {
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, NULL, 0, NOISE_HASH);
    crypto_generichash_blake2b_update(&state, noise->hash, NOISE_HASH);
    crypto_generichash_blake2b_update(&state, data, length);
    crypto_generichash_blake2b_final(&state, noise->hash, NOISE_HASH);
    sodium_memzero(&state, sizeof state);
}

/* One of the two passes of HMAC: H((key ^ pad) || data). */
static void hmac_pass(uint8_t out[NOISE_HASH], const uint8_t key[NOISE_HASH], uint8_t pad,
                      const uint8_t *data, size_t length) {
    crypto_generichash_blake2b_state state;
    uint8_t block[BLOCK];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < NOISE_HASH; i++) {
        block[i] ^= key[i];
    }
    crypto_generichash_blake2b_init(&state, NULL, 0, NOISE_HASH);
    crypto_generichash_blake2b_update(&state, block, sizeof block);
    crypto_generichash_blake2b_update(&state, data, length);
    crypto_generichash_blake2b_final(&state, out, NOISE_HASH);
    sodium_memzero(block, sizeof block);
    sodium_memzero(&state, sizeof state);
}

static void hmac(uint8_t out[NOISE_HASH], const uint8_t key[NOISE_HASH], const uint8_t *data,
                 size_t length) {
    uint8_t inner[NOISE_HASH];
    hmac_pass(inner, key, 0x36, data, length);
    hmac_pass(out, key, 0x5c, inner, sizeof inner);
    sodium_memzero(inner, sizeof inner);
}

/* HKDF of section 4.3 with two outputs. */
static void hkdf(const uint8_t chaining[NOISE_HASH], const uint8_t *input, size_t length,
                 uint8_t first[NOISE_HASH], uint8_t second[NOISE_HASH]) {
    uint8_t key[NOISE_HASH];
    uint8_t chain[NOISE_HASH + 1];
    const uint8_t one = 1;
    hmac(key, chaining, input, length);
    hmac(chain, key, &one, 1);
    chain[NOISE_HASH] = 2;
    hmac(second, key, chain, sizeof chain);
    memcpy(first, chain, NOISE_HASH);
    sodium_memzero(key, sizeof key);
    sodium_memzero(chain, sizeof chain);
}

static void mix_key(struct noise *noise, const uint8_t input[NOISE_KEY]) {
    uint8_t chaining[NOISE_HASH];
    uint8_t key[NOISE_HASH];
    hkdf(noise->chaining, input, NOISE_KEY, chaining, key);
    memcpy(noise->chaining, chaining, NOISE_HASH);
    memcpy(noise->key, key, NOISE_KEY);
    noise->has_key = true;
    noise->nonce = 0;
    sodium_memzero(chaining, sizeof chaining);
    sodium_memzero(key, sizeof key);
}

/* The nonce of ChaChaPoly (section 12.3): four zero bytes, then the counter, little-endian. */
static void next_nonce(struct noise *noise, uint8_t npub[12]) {
    memset(npub, 0, 4);
    for (unsigned i = 0; i < 8; i++) {
        npub[4 + i] = (uint8_t)(noise->nonce >> (8 * i));
    }
    noise->nonce++;
}

/* EncryptAndHash; returns the bytes written. */
static size_t seal_and_hash(struct noise *noise, const void *plain, size_t length, uint8_t *out) {
    uint8_t npub[12];
    size_t written = length;
    if (noise->has_key) {
        next_nonce(noise, npub);
        crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, length, noise->hash, NOISE_HASH,
                                                  NULL, npub, noise->key);
        written += TAG;
    } else if (length > 0) {
        memcpy(out, plain, length);
    }
    mix_hash(noise, out, written);
    return written;
}

/* DecryptAndHash of `length` bytes, which the caller has checked to hold the tag there must be. */
static int open_and_hash(struct noise *noise, const uint8_t *sealed, size_t length, void *plain) {
    uint8_t npub[12];
    if (noise->has_key) {
        next_nonce(noise, npub);
        if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, length,
                                                      noise->hash, NOISE_HASH, npub,
                                                      noise->key) != 0) {
            return NOISE_REFUSED;
        }
    } else if (length > 0) {
        memcpy(plain, sealed, length);
    }
    mix_hash(noise, sealed, length);
    return 0;
}

/* A Diffie-Hellman token: libsodium fails where the result would be zero. */
static int mix_shared(struct noise *noise, const struct keypair *own, const uint8_t *theirs) {
    uint8_t shared[NOISE_KEY];
    int result = NOISE_REFUSED;
    if (crypto_scalarmult(shared, own->secret, theirs) == 0) {
        mix_key(noise, shared);
        result = 0;
    }
    sodium_memzero(shared, sizeof shared);
    return result;
}

static int mix_token(struct noise *noise, enum token token) {
    bool initiator = noise->role == NOISE_INITIATOR;
    if (token == TOKEN_EE) {
        return mix_shared(noise, &noise->e, noise->re);
    }
    /* The first letter is the initiator's key, the second the responder's. */
    if ((token == TOKEN_ES) == initiator) {
        return mix_shared(noise, &noise->e, noise->rs);
    }
    return mix_shared(noise, &noise->s, noise->re);
}

int noise_new(struct noise **out, const struct noise_setup *setup) {
    struct noise *noise = sodium_malloc(sizeof *noise);
    if (noise == NULL) {
        return -ENOMEM;
    }
    memset(noise, 0, sizeof *noise);
    noise->role = setup->role;
    memcpy(noise->s.secret, setup->static_secret, NOISE_KEY);
    memcpy(noise->e.secret, setup->ephemeral_secret, NOISE_KEY);
    crypto_scalarmult_base(noise->s.public, noise->s.secret);
    crypto_scalarmult_base(noise->e.public, noise->e.secret);
    memcpy(noise->hash, protocol_name, sizeof protocol_name - 1);
    memcpy(noise->chaining, noise->hash, NOISE_HASH);
    mix_hash(noise, setup->prologue, setup->prologue_length);
    *out = noise;
    return 0;
}

void noise_free(struct noise *noise) {
    sodium_free(noise);
}

static bool over(const struct noise *noise) {
    return noise->refused || noise->next == MESSAGES;
}

static bool our_turn(const struct noise *noise) {
    return (noise->next % 2 == 0) == (noise->role == NOISE_INITIATOR);
}

size_t noise_overhead(const struct noise *noise) {
    if (over(noise)) {
        return 0;
    }
    bool has_key = noise->has_key;
    size_t overhead = 0;
    for (const enum token *token = pattern[noise->next]; *token != TOKEN_END; token++) {
        if (*token == TOKEN_E) {
            overhead += NOISE_KEY;
        } else if (*token == TOKEN_S) {
            overhead += NOISE_KEY + (has_key ? TAG : 0);
        } else {
            has_key = true;
        }
    }
    return overhead + (has_key ? TAG : 0);
}

int noise_write(struct noise *noise, const void *payload, size_t length, uint8_t *out) {
    if (noise->refused) {
        return NOISE_REFUSED;
    }
    if (over(noise) || !our_turn(noise)) {
        return -EINVAL;
    }
    if (length > NOISE_MESSAGE - noise_overhead(noise)) {
        return -EMSGSIZE;
    }
    int result = 0;
    for (const enum token *token = pattern[noise->next]; *token != TOKEN_END; token++) {
        if (*token == TOKEN_E) {
            memcpy(out, noise->e.public, NOISE_KEY);
            mix_hash(noise, noise->e.public, NOISE_KEY);
            out += NOISE_KEY;
        } else if (*token == TOKEN_S) {
            out += seal_and_hash(noise, noise->s.public, NOISE_KEY, out);
        } else if ((result = mix_token(noise, *token)) != 0) {
            noise->refused = true;
            return result;
        }
    }
    seal_and_hash(noise, payload, length, out);
    noise->next++;
    return 0;
}

/* Takes the bytes of one token from *message, whose length the caller has checked. */
static int read_token(struct noise *noise, enum token token, const uint8_t **message) {
    int result = 0;
    if (token == TOKEN_E) {
        memcpy(noise->re, *message, NOISE_KEY);
        mix_hash(noise, noise->re, NOISE_KEY);
        *message += NOISE_KEY;
    } else if (token == TOKEN_S) {
        size_t length = NOISE_KEY + (noise->has_key ? TAG : 0);
        result = open_and_hash(noise, *message, length, noise->rs);
        *message += length;
    } else {
        result = mix_token(noise, token);
    }
    return result;
}

int noise_read(struct noise *noise, const uint8_t *message, size_t length, void *payload) {
    const uint8_t *at = message;
    int result = 0;
    if (noise->refused) {
        return NOISE_REFUSED;
    }
    if (over(noise) || our_turn(noise)) {
        return -EINVAL;
    }
    if (length > NOISE_MESSAGE || length < noise_overhead(noise)) {
        result = NOISE_REFUSED;
    }
    for (const enum token *token = pattern[noise->next]; result == 0 && *token != TOKEN_END;
         token++) {
        result = read_token(noise, *token, &at);
    }
    if (result == 0) {
        result = open_and_hash(noise, at, length - (size_t)(at - message), payload);
    }
    if (result != 0) {
        noise->refused = true;
        return result;
    }
    /* Every message of XX but the first carries the static key of its writer. */
    noise->peer_known = noise->peer_known || noise->next > 0;
    noise->next++;
    return 0;
}

bool noise_finished(const struct noise *noise) {
    return !noise->refused && noise->next == MESSAGES;
}

const uint8_t *noise_peer(const struct noise *noise) {
    return noise->peer_known ? noise->rs : NULL;
}

const uint8_t *noise_self(const struct noise *noise) {
    return noise->s.public;
}

const uint8_t *noise_hash(const struct noise *noise) {
    return noise->hash;
}

int noise_split(const struct noise *noise, uint8_t forth[NOISE_KEY], uint8_t back[NOISE_KEY]) {
    uint8_t first[NOISE_HASH];
    uint8_t second[NOISE_HASH];
    if (!noise_finished(noise)) {
        return -EINVAL;
    }
    hkdf(noise->chaining, NULL, 0, first, second);
    memcpy(forth, first, NOISE_KEY);
    memcpy(back, second, NOISE_KEY);
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
    return 0;
}
