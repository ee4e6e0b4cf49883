/*
 * The record layer. An even first byte: the rest is a stream as it stands on the wire, under a key
 * that its writer does not have; nothing of it may be accepted. An odd one: a peer that has the key
 * writes records as the rest says (tag, length of the plaintext, plaintext), and what is accepted
 * has to be what the rules allow, unchanged.
 */
#include "proto/stream.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL
#define PLAIN_MAX 255

static const uint8_t key[STREAM_KEY] = "a key that both of the ends have";

static void must(bool fact) {
    if (!fact) {
        abort();
    }
}

static void read_foreign(const uint8_t *data, size_t size) {
    struct stream_opener *opener = NULL;
    struct stream_frame frame;
    size_t length = 0;
    uint8_t *copy = malloc(size + 1); /* opened in place: a buffer of its exact size */
    must(copy != NULL && size >= STREAM_HEADER + STREAM_PREFIX);
    must(stream_opener_new(&opener, key, data) == 0);
    data += STREAM_HEADER;
    size -= STREAM_HEADER + STREAM_PREFIX;
    memcpy(copy, data + STREAM_PREFIX, size);
    if (stream_open_length(opener, data, &length) == 0) {
        must(length >= STREAM_OVERHEAD && length <= STREAM_SEALED_MAX);
        must(stream_open(opener, copy, length <= size ? length : size, &frame) == STREAM_REFUSED);
    }
    must(stream_open_length(opener, data, &length) == STREAM_REFUSED);
    stream_opener_free(opener);
    free(copy);
}

/* What the rules say of a record after others that were accepted. */
static int expected(uint8_t tag, const uint8_t *plain, size_t length) {
    if (tag == FINAL && length == 0) {
        return STREAM_FINAL;
    }
    bool known = length > 0 && plain[0] >= STREAM_CONTROL && plain[0] <= STREAM_PACKED;
    return tag == MESSAGE && known ? 0 : STREAM_REFUSED;
}

static void read_peer(const uint8_t *data, size_t size) {
    crypto_secretstream_xchacha20poly1305_state state;
    uint8_t header[STREAM_HEADER];
    uint8_t sealed[PLAIN_MAX + STREAM_OVERHEAD];
    struct stream_opener *opener = NULL;
    int result = 0;
    crypto_secretstream_xchacha20poly1305_init_push(&state, header, key);
    must(stream_opener_new(&opener, key, header) == 0);
    while (size >= 2) {
        struct stream_frame frame = {0};
        uint8_t tag = data[0];
        size_t length = data[1] <= size - 2 ? data[1] : size - 2;
        const uint8_t *plain = data + 2;
        crypto_secretstream_xchacha20poly1305_push(&state, sealed, NULL, plain, length, NULL, 0,
                                                   tag);
        result = result != 0 ? STREAM_REFUSED : expected(tag, plain, length);
        must(stream_open(opener, sealed, length + STREAM_OVERHEAD, &frame) == result);
        if (result == 0) {
            must((uint8_t)frame.type == plain[0] && frame.length == length - 1);
            must(memcmp(frame.body, plain + 1, frame.length) == 0);
        }
        data += 2 + length;
        size -= 2 + length;
    }
    stream_opener_free(opener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    must(sodium_init() >= 0);
    if (size >= 1 && data[0] % 2 == 1) {
        read_peer(data + 1, size - 1);
    } else if (size > STREAM_HEADER + STREAM_PREFIX) {
        read_foreign(data + 1, size - 1);
    }
    return 0;
}
