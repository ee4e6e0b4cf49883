/* The body of a packed frame, as it is and behind the beginning of a frame that is right. */
#include "proto/packed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct unpacker *unpacker, uint8_t *body, size_t length) {
    struct stream_frame packed = {.type = STREAM_PACKED, .body = body, .length = length};
    struct stream_frame out = {0};
    int result = unpacker_unpack(unpacker, &packed, &out);

    if (result != 0 && result != PACKED_REFUSED)
        abort();
    if (result != 0)
        return;
    if (out.type != STREAM_DATA || out.length == 0 || out.length > STREAM_BODY_MAX)
        abort();
    /* Every byte is there to be read. */
    for (size_t i = 0; i < out.length; i++)
        ((volatile uint8_t *)out.body)[i] = out.body[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t begin[] = {0, 0, 0, 64, 0x28, 0xb5, 0x2f, 0xfd};
    struct unpacker *unpacker = NULL;
    uint8_t *body = malloc(sizeof begin + size);

    if (body == NULL || unpacker_new(&unpacker) < 0)
        abort();
    memcpy(body, begin, sizeof begin);
    if (size > 0)
        memcpy(body + sizeof begin, data, size);
    check(unpacker, body + sizeof begin, size);
    check(unpacker, body, sizeof begin + size);
    unpacker_free(unpacker);
    free(body);
    return 0;
}
