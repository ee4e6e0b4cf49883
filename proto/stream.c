#include "proto/stream.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>

#define MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL

_Static_assert(STREAM_KEY == crypto_secretstream_xchacha20poly1305_KEYBYTES, "libsodium's");
_Static_assert(STREAM_HEADER == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "libsodium's");
_Static_assert(STREAM_OVERHEAD == crypto_secretstream_xchacha20poly1305_ABYTES, "libsodium's");

struct stream_sealer {
    crypto_secretstream_xchacha20poly1305_state state;
    bool ended;
};

struct stream_opener {
    crypto_secretstream_xchacha20poly1305_state state;
    bool over; /* refused, or ended by FINAL: nothing may follow */
};

static bool type_known(unsigned type) {
    return type == STREAM_CONTROL || type == STREAM_DATA;
}

static void put_length(uint8_t prefix[STREAM_PREFIX], size_t length) {
    for (unsigned i = 0; i < STREAM_PREFIX; i++) {
        prefix[i] = (uint8_t)(length >> (8 * (STREAM_PREFIX - 1 - i)));
    }
}

int stream_sealer_new(struct stream_sealer **out, const uint8_t key[STREAM_KEY],
                      uint8_t header[STREAM_HEADER]) {
    struct stream_sealer *sealer = sodium_malloc(sizeof *sealer);
    if (sealer == NULL) {
        return -ENOMEM;
    }
    crypto_secretstream_xchacha20poly1305_init_push(&sealer->state, header, key);
    sealer->ended = false;
    *out = sealer;
    return 0;
}

void stream_sealer_free(struct stream_sealer *sealer) {
    sodium_free(sealer);
}

int stream_seal(struct stream_sealer *sealer, enum stream_type type, uint8_t *record,
                size_t length) {
    if (sealer->ended) {
        return -EPIPE;
    }
    if (length > STREAM_BODY_MAX) {
        return -EMSGSIZE;
    }
    if (!type_known(type)) {
        return -EINVAL;
    }
    /* The tag byte's ciphertext goes before the plaintext, the rest exactly over it: libsodium
     * encrypts in place where the two pointers are the same. */
    uint8_t *sealed = record + STREAM_PREFIX;
    put_length(record, 1 + length + STREAM_OVERHEAD);
    sealed[1] = (uint8_t)type;
    crypto_secretstream_xchacha20poly1305_push(&sealer->state, sealed, NULL, sealed + 1, 1 + length,
                                               NULL, 0, MESSAGE);
    return 0;
}

int stream_seal_final(struct stream_sealer *sealer, uint8_t record[STREAM_FINAL_RECORD]) {
    if (sealer->ended) {
        return -EPIPE;
    }
    put_length(record, STREAM_OVERHEAD);
    crypto_secretstream_xchacha20poly1305_push(&sealer->state, record + STREAM_PREFIX, NULL, NULL,
                                               0, NULL, 0, FINAL);
    sealer->ended = true;
    return 0;
}

int stream_opener_new(struct stream_opener **out, const uint8_t key[STREAM_KEY],
                      const uint8_t header[STREAM_HEADER]) {
    struct stream_opener *opener = sodium_malloc(sizeof *opener);
    if (opener == NULL) {
        return -ENOMEM;
    }
    crypto_secretstream_xchacha20poly1305_init_pull(&opener->state, header, key);
    opener->over = false;
    *out = opener;
    return 0;
}

void stream_opener_free(struct stream_opener *opener) {
    sodium_free(opener);
}

int stream_open_length(struct stream_opener *opener, const uint8_t prefix[STREAM_PREFIX],
                       size_t *length) {
    size_t value = 0;
    for (unsigned i = 0; i < STREAM_PREFIX; i++) {
        value = value << 8 | prefix[i];
    }
    if (opener->over || value < STREAM_OVERHEAD || value > STREAM_SEALED_MAX) {
        opener->over = true;
        return STREAM_REFUSED;
    }
    *length = value;
    return 0;
}

int stream_open(struct stream_opener *opener, uint8_t *sealed, size_t length,
                struct stream_frame *frame) {
    unsigned char tag = 0;
    bool was_over = opener->over;
    opener->over = true; /* unless a frame comes of it */
    if (was_over || length < STREAM_OVERHEAD || length > STREAM_SEALED_MAX) {
        return STREAM_REFUSED;
    }
    /* As in sealing: the plaintext takes the place of its own ciphertext. */
    uint8_t *plain = sealed + 1;
    size_t plain_length = length - STREAM_OVERHEAD;
    if (crypto_secretstream_xchacha20poly1305_pull(&opener->state, plain, NULL, &tag, sealed,
                                                   length, NULL, 0) != 0) {
        return STREAM_REFUSED;
    }
    if (tag == FINAL) {
        return plain_length == 0 ? STREAM_FINAL : STREAM_REFUSED;
    }
    if (tag != MESSAGE || plain_length == 0 || !type_known(plain[0])) {
        return STREAM_REFUSED;
    }
    frame->type = (enum stream_type)plain[0];
    frame->body = plain + 1;
    frame->length = plain_length - 1;
    opener->over = false;
    return 0;
}
