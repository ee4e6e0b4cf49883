#include "proto/cpace.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK 128 /* H.s_in_bytes of SHA-512 */
#define HASH 64   /* H.b_in_bytes */
#define LENGTH 10 /* bytes of the longest length, LEB128 */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char dsi[] = "CPaceRistretto255";
static const char dsi_isk[] = "CPaceRistretto255_ISK";
static const char mac_label[] = "CPaceMac";

_Static_assert(CPACE_POINT == crypto_core_ristretto255_BYTES, "libsodium's");
_Static_assert(CPACE_SCALAR == crypto_core_ristretto255_SCALARBYTES, "libsodium's");
_Static_assert(HASH == crypto_hash_sha512_BYTES && HASH == CPACE_ISK, "SHA-512");
_Static_assert(HASH == crypto_core_ristretto255_HASHBYTES, "what a generator is derived from");
_Static_assert(CPACE_TAG == crypto_auth_hmacsha512_BYTES, "HMAC-SHA512, not truncated");

static size_t put_length(uint8_t out[LENGTH], size_t length) {
    size_t used = 0;
    for (; length >= 128; length >>= 7) {
        out[used++] = (uint8_t)(0x80 | (length & 0x7f));
    }
    out[used++] = (uint8_t)length;
    return used;
}

size_t cpace_lv_cat(uint8_t *out, const struct cpace_string *strings, size_t count) {
    uint8_t length[LENGTH];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t digits = put_length(length, strings[i].length);
        if (out != NULL) {
            memcpy(out + used, length, digits);
        }
        used += digits;
        if (out != NULL && strings[i].length > 0) {
            memcpy(out + used, strings[i].data, strings[i].length);
        }
        used += strings[i].length;
    }
    return used;
}

/* SHA-512 over lv_cat of the strings, or HMAC-SHA512 where there is a key of HASH bytes. */
static int hash_strings(uint8_t out[HASH], const uint8_t *key, const struct cpace_string *strings,
                        size_t count) {
    size_t length = cpace_lv_cat(NULL, strings, count);
    uint8_t *text = sodium_malloc(length);
    if (text == NULL) {
        return -ENOMEM;
    }
    cpace_lv_cat(text, strings, count);
    if (key == NULL) {
        crypto_hash_sha512(out, text, length);
    } else {
        crypto_auth_hmacsha512_state state;
        crypto_auth_hmacsha512_init(&state, key, HASH);
        crypto_auth_hmacsha512_update(&state, text, length);
        crypto_auth_hmacsha512_final(&state, out);
        sodium_memzero(&state, sizeof state);
    }
    sodium_free(text);
    return 0;
}

/* The strings of the generator. What pads fills the first block of the hash behind DSI and PRS,
 * whose lengths are one byte each as long as there is anything to fill. */
static void generator_strings(struct cpace_string out[5], const struct cpace_inputs *inputs) {
    static const uint8_t zeros[BLOCK] = {0};
    size_t used = cpace_lv_cat(NULL, &inputs->prs, 1) + sizeof dsi + 1;
    out[0] = (struct cpace_string){dsi, sizeof dsi - 1};
    out[1] = inputs->prs;
    out[2] = (struct cpace_string){zeros, used < BLOCK ? BLOCK - used : 0};
    out[3] = inputs->ci;
    out[4] = inputs->sid;
}

size_t cpace_generator_string(uint8_t *out, const struct cpace_inputs *inputs) {
    struct cpace_string strings[5];
    generator_strings(strings, inputs);
    return cpace_lv_cat(out, strings, COUNT(strings));
}

int cpace_generator(uint8_t g[CPACE_POINT], const struct cpace_inputs *inputs) {
    struct cpace_string strings[5];
    uint8_t hash[HASH];
    generator_strings(strings, inputs);
    int result = hash_strings(hash, NULL, strings, COUNT(strings));
    if (result == 0) {
        crypto_core_ristretto255_from_hash(g, hash);
        sodium_memzero(hash, sizeof hash);
    }
    return result;
}

int cpace_scalar_mult_vfy(uint8_t out[CPACE_POINT], const uint8_t scalar[CPACE_SCALAR],
                          const uint8_t point[CPACE_POINT]) {
    /* RFC 9496, section 4.3.1: a point has one encoding, with the top bit clear. libsodium
     * 1.0.18 ignores that bit. */
    bool canonical = point[CPACE_POINT - 1] >> 7 == 0;
    /* It fails for what does not decode, and where the result is the neutral element. */
    bool made = canonical && crypto_scalarmult_ristretto255(out, scalar, point) == 0;
    return made ? 0 : CPACE_REFUSED;
}

int cpace_share(uint8_t share[CPACE_POINT], const uint8_t scalar[CPACE_SCALAR],
                const uint8_t g[CPACE_POINT]) {
    return cpace_scalar_mult_vfy(share, scalar, g) == 0 ? 0 : -EINVAL;
}

int cpace_isk(uint8_t isk[CPACE_ISK], const uint8_t scalar[CPACE_SCALAR], const uint8_t *peer,
              struct cpace_string sid, const struct cpace_transcript *transcript) {
    uint8_t k[CPACE_POINT];
    /* lv_cat(DSI || "_ISK", sid, K) || lv_cat(Ya, ADa) || lv_cat(Yb, ADb), which is one lv_cat. */
    const struct cpace_string strings[] = {
        {dsi_isk, sizeof dsi_isk - 1},
        sid,
        {k, sizeof k},
        {transcript->ya, CPACE_POINT},
        transcript->ada,
        {transcript->yb, CPACE_POINT},
        transcript->adb,
    };
    int result = cpace_scalar_mult_vfy(k, scalar, peer);
    if (result == 0) {
        result = hash_strings(isk, NULL, strings, COUNT(strings));
    }
    sodium_memzero(k, sizeof k);
    return result;
}

/* mac_key = H.hash("CPaceMac" || sid || ISK), without lengths. */
static void make_mac_key(uint8_t key[HASH], const uint8_t isk[CPACE_ISK], struct cpace_string sid) {
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, (const uint8_t *)mac_label, sizeof mac_label - 1);
    crypto_hash_sha512_update(&state, sid.data, sid.length);
    crypto_hash_sha512_update(&state, isk, CPACE_ISK);
    crypto_hash_sha512_final(&state, key);
    sodium_memzero(&state, sizeof state);
}

int cpace_tags(uint8_t ta[CPACE_TAG], uint8_t tb[CPACE_TAG], const uint8_t isk[CPACE_ISK],
               struct cpace_string sid, const struct cpace_transcript *transcript) {
    const struct cpace_string a[] = {{transcript->ya, CPACE_POINT}, transcript->ada};
    const struct cpace_string b[] = {{transcript->yb, CPACE_POINT}, transcript->adb};
    uint8_t key[HASH];
    make_mac_key(key, isk, sid);
    int result = hash_strings(ta, key, a, COUNT(a));
    if (result == 0) {
        result = hash_strings(tb, key, b, COUNT(b));
    }
    sodium_memzero(key, sizeof key);
    return result;
}
