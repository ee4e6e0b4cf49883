#include "proto/secretstream_libcrypto.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)
#define LIBRARY "libcrypto.so." TEXT_OF(OPENSSL_SHLIB_VERSION)

#define BLOCK 64u
#define MAC crypto_onetimeauth_poly1305_BYTES
#define MAC_KEY crypto_onetimeauth_poly1305_KEYBYTES
#define COUNTER 4u     /* bytes of the nonce */
#define IV (BLOCK / 4) /* u32 number of the first block, then the nonce */

#define FUNCTIONS(X)                                                                               \
    X(OPENSSL_init_crypto)                                                                         \
    X(OpenSSL_version)                                                                             \
    X(EVP_CIPHER_fetch)                                                                            \
    X(EVP_CIPHER_CTX_new)                                                                          \
    X(EVP_CIPHER_CTX_free)                                                                         \
    X(EVP_EncryptInit_ex2)                                                                         \
    X(EVP_EncryptUpdate)                                                                           \
    X(EVP_MAC_fetch)                                                                               \
    X(EVP_MAC_CTX_new)                                                                             \
    X(EVP_MAC_CTX_free)                                                                            \
    X(EVP_MAC_init)                                                                                \
    X(EVP_MAC_update)                                                                              \
    X(EVP_MAC_final)

/* The library's functions, and what is looked up in it by name: once, for that is slow. */
#define MEMBER(function) __typeof__(function) *(function);
static struct {
    FUNCTIONS(MEMBER)
    EVP_CIPHER *chacha20;
    EVP_MAC *poly1305;
    bool loaded;
} lib;
#undef MEMBER

struct context {
    EVP_CIPHER_CTX *cipher; /* holds a key only while a message is computed */
    EVP_MAC_CTX *mac;       /* the same: the last step of a mac wipes it */
};

static void close_context(void *context) {
    struct context *closed = context;

    if (closed == NULL)
        return;
    lib.EVP_CIPHER_CTX_free(closed->cipher);
    lib.EVP_MAC_CTX_free(closed->mac);
    free(closed);
}

static int open_context(void **out) {
    static const uint8_t none[MAC_KEY] = {0};
    struct context *context = calloc(1, sizeof *context);

    if (context == NULL)
        return -ENOMEM;
    context->cipher = lib.EVP_CIPHER_CTX_new();
    context->mac = lib.EVP_MAC_CTX_new(lib.poly1305);
    if (context->cipher == NULL || context->mac == NULL ||
        lib.EVP_EncryptInit_ex2(context->cipher, lib.chacha20, none, none, NULL) != 1) {
        close_context(context);
        return -ENOMEM;
    }
    *out = context;
    return 0;
}

/* All of it at once: the mac reads it from the second cache as fast as it can compute. */
static bool encrypt(struct context *context, uint8_t *out, const uint8_t *in, size_t length) {
    int made = 0;

    return lib.EVP_EncryptUpdate(context->cipher, out, &made, in, (int)length) == 1 &&
           made == (int)length;
}

static bool authenticate(struct context *context, const uint8_t *data, size_t length) {
    return lib.EVP_MAC_update(context->mac, data, length) == 1;
}

/* Sets the cipher to the message that comes next, past blocks 0 and 1, and the mac past the block
 * of the tag. *tag is encrypted; where it comes `sealed` it is decrypted, and the mac gets what it
 * was. */
static bool begin(struct context *context, const secretstream_state *state, uint8_t *tag,
                  bool sealed) {
    uint8_t blocks[2 * BLOCK] = {[BLOCK] = *tag};
    uint8_t iv[IV] = {0};
    bool good = false;

    memcpy(iv + IV - sizeof state->nonce, state->nonce, sizeof state->nonce);
    if (lib.EVP_EncryptInit_ex2(context->cipher, NULL, state->k, iv, NULL) != 1 ||
        !encrypt(context, blocks, blocks, sizeof blocks))
        goto out;
    if (sealed) {
        uint8_t given = *tag;

        *tag = blocks[BLOCK];
        blocks[BLOCK] = given;
    } else {
        *tag = blocks[BLOCK];
    }
    good = lib.EVP_MAC_init(context->mac, blocks, MAC_KEY, NULL) == 1 &&
           authenticate(context, blocks + BLOCK, BLOCK);
out:
    sodium_memzero(blocks, sizeof blocks);
    return good;
}

/* The padding is as long as libsodium makes it, which is not what would fill a block. */
static bool end(struct context *context, size_t length, uint8_t mac[MAC]) {
    uint8_t last[2 * BLOCK / 4] = {0};
    size_t padding = length % 16;
    uint64_t whole = BLOCK + length;
    size_t made = 0;

    for (unsigned i = 0; i < 8; i++)
        last[padding + 8 + i] = (uint8_t)(whole >> (8 * i));
    return authenticate(context, last, padding + 16) &&
           lib.EVP_MAC_final(context->mac, mac, &made, MAC) == 1 && made == MAC;
}

static void advance(secretstream_state *state, const uint8_t mac[MAC], uint8_t tag) {
    for (size_t i = COUNTER; i < sizeof state->nonce; i++)
        state->nonce[i] ^= mac[i - COUNTER];
    sodium_increment(state->nonce, COUNTER);
    if ((tag & crypto_secretstream_xchacha20poly1305_TAG_REKEY) != 0 ||
        sodium_is_zero(state->nonce, COUNTER))
        crypto_secretstream_xchacha20poly1305_rekey(state);
}

/* Takes the stream's key out of the context, which is no locked memory. */
static bool forget(struct context *context) {
    static const uint8_t none[MAC_KEY] = {0};

    return lib.EVP_EncryptInit_ex2(context->cipher, NULL, none, none, NULL) == 1;
}

static int push(void *arg, secretstream_state *state, const struct secretstream_message *message) {
    struct context *context = arg;
    uint8_t *sealed = message->sealed + 1;
    uint8_t *mac = sealed + message->length;
    uint8_t tag = message->tag;
    bool good = begin(context, state, &tag, false);

    message->sealed[0] = tag;
    good = good && encrypt(context, sealed, message->plain, message->length) &&
           authenticate(context, sealed, message->length) && end(context, message->length, mac);
    good = forget(context) && good;
    if (!good)
        return -EIO;
    advance(state, mac, message->tag);
    return 0;
}

/* The whole mac first: nothing is decrypted that was not sealed by the peer. */
static int pull(void *arg, secretstream_state *state, struct secretstream_message *message) {
    struct context *context = arg;
    const uint8_t *sealed = message->sealed + 1;
    uint8_t mac[MAC];
    uint8_t tag = message->sealed[0];
    bool same = false;
    bool good = begin(context, state, &tag, true) &&
                authenticate(context, sealed, message->length) &&
                end(context, message->length, mac);

    if (good) {
        same = sodium_memcmp(mac, sealed + message->length, MAC) == 0;
        good = !same || encrypt(context, message->plain, sealed, message->length);
    }
    good = forget(context) && good;
    if (!good)
        return -EIO;
    if (!same) {
        sodium_memzero(mac, sizeof mac);
        return SECRETSTREAM_REFUSED;
    }
    message->tag = tag;
    advance(state, mac, tag);
    return 0;
}

static int find_functions(struct fail *why) {
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return fail_set(why, 0, "there is no " LIBRARY);
#define FIND(function)                                                                             \
    *(void **)&lib.function = dlsym(library, #function);                                           \
    if (lib.function == NULL)                                                                      \
        return fail_set(why, 0, LIBRARY " has no " #function);
    FUNCTIONS(FIND)
#undef FIND
    return 0;
}

static int find_algorithms(struct fail *why) {
    if (lib.OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
        return fail_set(why, 0, LIBRARY " does not start");
    lib.chacha20 = lib.EVP_CIPHER_fetch(NULL, "ChaCha20", NULL);
    lib.poly1305 = lib.EVP_MAC_fetch(NULL, "Poly1305", NULL);
    if (lib.chacha20 == NULL || lib.poly1305 == NULL)
        return fail_set(why, 0, LIBRARY " has no ChaCha20 or no Poly1305");
    return 0;
}

int secretstream_libcrypto_load(const struct secretstream **out, struct fail *why) {
    static char name[64];
    static const struct secretstream libcrypto = {
        .name = name, .open = open_context, .close = close_context, .push = push, .pull = pull};
    int r = lib.loaded ? 0 : find_functions(why);

    if (r == 0 && !lib.loaded)
        r = find_algorithms(why);
    if (r < 0)
        return r;
    lib.loaded = true;
    snprintf(name, sizeof name, "libcrypto %s", lib.OpenSSL_version(OPENSSL_FULL_VERSION_STRING));
    *out = &libcrypto;
    return 0;
}
