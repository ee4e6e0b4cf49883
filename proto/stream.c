#include "proto/stream.h"

#include "base/bytes.h"
#include "proto/secretstream.h"

#include <errno.h>
#include <stdbool.h>

#define MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL

_Static_assert(STREAM_KEY == crypto_secretstream_xchacha20poly1305_KEYBYTES, "libsodium's");
_Static_assert(STREAM_HEADER == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "libsodium's");
_Static_assert(STREAM_OVERHEAD == crypto_secretstream_xchacha20poly1305_ABYTES, "libsodium's");

struct stream_sealer {
    secretstream_state state;
    const struct secretstream *code;
    void *context; /* of `code` */
    bool ended;
};

struct stream_opener {
    secretstream_state state;
    const struct secretstream *code;
    void *context;
    bool over; /* refused, or ended by FINAL: nothing may follow */
};

static bool type_known(unsigned type) {
    return type >= STREAM_CONTROL && type <= STREAM_PACKED;
}

int stream_sealer_new(struct stream_sealer **out, const uint8_t key[STREAM_KEY],
                      uint8_t header[STREAM_HEADER]) {
    struct stream_sealer *sealer = sodium_malloc(sizeof *sealer);
    if (sealer == NULL) {
        return -ENOMEM;
    }
    sealer->code = secretstream_used();
    if (sealer->code->open(&sealer->context) < 0) {
        sodium_free(sealer);
        return -ENOMEM;
    }
    crypto_secretstream_xchacha20poly1305_init_push(&sealer->state, header, key);
    sealer->ended = false;
    *out = sealer;
    return 0;
}

void stream_sealer_free(struct stream_sealer *sealer) {
    if (sealer == NULL) {
        return;
    }
    sealer->code->close(sealer->context);
    sodium_free(sealer);
}

/* What cannot be computed leaves a state that nothing can follow. */
static int push(struct stream_sealer *sealer, const struct secretstream_message *message) {
    int result = sealer->code->push(sealer->context, &sealer->state, message);
    sealer->ended = result != 0 || message->tag == FINAL;
    return result;
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
    /* The tag byte's ciphertext goes before the plaintext, the rest exactly over it. */
    uint8_t *sealed = record + STREAM_PREFIX;
    bytes_put(record, 1 + length + STREAM_OVERHEAD, STREAM_PREFIX);
    sealed[1] = (uint8_t)type;
    struct secretstream_message message = {
        .sealed = sealed, .plain = sealed + 1, .length = 1 + length, .tag = MESSAGE};
    return push(sealer, &message);
}

int stream_seal_final(struct stream_sealer *sealer, uint8_t record[STREAM_FINAL_RECORD]) {
    uint8_t *sealed = record + STREAM_PREFIX;
    struct secretstream_message message = {.sealed = sealed, .plain = sealed + 1, .tag = FINAL};
    if (sealer->ended) {
        return -EPIPE;
    }
    bytes_put(record, STREAM_OVERHEAD, STREAM_PREFIX);
    return push(sealer, &message);
}

int stream_opener_new(struct stream_opener **out, const uint8_t key[STREAM_KEY],
                      const uint8_t header[STREAM_HEADER]) {
    struct stream_opener *opener = sodium_malloc(sizeof *opener);
    if (opener == NULL) {
        return -ENOMEM;
    }
    opener->code = secretstream_used();
    if (opener->code->open(&opener->context) < 0) {
        sodium_free(opener);
        return -ENOMEM;
    }
    crypto_secretstream_xchacha20poly1305_init_pull(&opener->state, header, key);
    opener->over = false;
    *out = opener;
    return 0;
}

void stream_opener_free(struct stream_opener *opener) {
    if (opener == NULL) {
        return;
    }
    opener->code->close(opener->context);
    sodium_free(opener);
}

int stream_open_length(struct stream_opener *opener, const uint8_t prefix[STREAM_PREFIX],
                       size_t *length) {
    size_t value = (size_t)bytes_get(prefix, STREAM_PREFIX);
    if (opener->over || value < STREAM_OVERHEAD || value > STREAM_SEALED_MAX) {
        opener->over = true;
        return STREAM_REFUSED;
    }
    *length = value;
    return 0;
}

/* What the rules allow of a record that the peer did seal. */
static int admit(const struct secretstream_message *message, struct stream_frame *frame) {
    if (message->tag == FINAL) {
        return message->length == 0 ? STREAM_FINAL : STREAM_REFUSED;
    }
    if (message->tag != MESSAGE || message->length == 0 || !type_known(message->plain[0])) {
        return STREAM_REFUSED;
    }
    frame->type = (enum stream_type)message->plain[0];
    frame->body = message->plain + 1;
    frame->length = message->length - 1;
    return 0;
}

int stream_open(struct stream_opener *opener, uint8_t *sealed, size_t length,
                struct stream_frame *frame) {
    if (opener->over || length < STREAM_OVERHEAD || length > STREAM_SEALED_MAX) {
        opener->over = true;
        return STREAM_REFUSED;
    }
    /* As in sealing: the plaintext takes the place of its own ciphertext. */
    struct secretstream_message message = {
        .sealed = sealed, .plain = sealed + 1, .length = length - STREAM_OVERHEAD};
    int result = opener->code->pull(opener->context, &opener->state, &message);
    if (result == SECRETSTREAM_REFUSED) {
        result = STREAM_REFUSED;
    } else if (result == 0) {
        result = admit(&message, frame);
    }
    opener->over = result != 0;
    return result;
}
