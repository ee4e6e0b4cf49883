#include "proto/packed.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define PREFIX 4u
#define WINDOW_LOG 18 /* 256 KiB: about what a frame holds; it is what a packer takes of memory */

struct packer {
    ZSTD_CCtx *context;
};

struct unpacker {
    ZSTD_DCtx *context;
    uint8_t *records; /* STREAM_BODY_MAX bytes */
};

int packer_new(struct packer **out) {
    struct packer *packer = calloc(1, sizeof *packer);

    if (packer == NULL)
        return -ENOMEM;
    packer->context = ZSTD_createCCtx();
    if (packer->context == NULL) {
        free(packer);
        return -ENOMEM;
    }
    ZSTD_CCtx_setParameter(packer->context, ZSTD_c_windowLog, WINDOW_LOG);
    packer_set_level(packer, 1);
    *out = packer;
    return 0;
}

void packer_free(struct packer *packer) {
    if (packer == NULL)
        return;
    ZSTD_freeCCtx(packer->context);
    free(packer);
}

void packer_set_level(struct packer *packer, int level) {
    ZSTD_CCtx_setParameter(packer->context, ZSTD_c_compressionLevel, level);
}

size_t packer_pack(struct packer *packer, const uint8_t *records, size_t length, uint8_t *out,
                   size_t room) {
    size_t packed = 0;

    if (room <= PREFIX)
        return 0;
    packed = ZSTD_compress2(packer->context, out + PREFIX, room - PREFIX, records, length);
    if (ZSTD_isError(packed))
        return 0;
    bytes_put(out, length, PREFIX);
    return PREFIX + packed;
}

int unpacker_new(struct unpacker **out) {
    struct unpacker *unpacker = calloc(1, sizeof *unpacker);

    if (unpacker == NULL)
        return -ENOMEM;
    unpacker->context = ZSTD_createDCtx();
    unpacker->records = malloc(STREAM_BODY_MAX);
    if (unpacker->context == NULL || unpacker->records == NULL) {
        unpacker_free(unpacker);
        return -ENOMEM;
    }
    *out = unpacker;
    return 0;
}

void unpacker_free(struct unpacker *unpacker) {
    if (unpacker == NULL)
        return;
    ZSTD_freeDCtx(unpacker->context);
    free(unpacker->records);
    free(unpacker);
}

/* Whether it is one frame of today's format and nothing else: left to itself the library also takes
 * several, those that are to be skipped, and the formats of its first years. */
static bool is_one_frame(const uint8_t *data, size_t length) {
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};

    return length > sizeof magic && memcmp(data, magic, sizeof magic) == 0 &&
           ZSTD_findFrameCompressedSize(data, length) == length;
}

int unpacker_unpack(struct unpacker *unpacker, const struct stream_frame *packed,
                    struct stream_frame *data) {
    const uint8_t *frame = packed->body + PREFIX;
    size_t length = 0;

    if (packed->length <= PREFIX)
        return PACKED_REFUSED;
    length = (size_t)bytes_get(packed->body, PREFIX);
    if (length == 0 || length > STREAM_BODY_MAX || !is_one_frame(frame, packed->length - PREFIX))
        return PACKED_REFUSED;
    /* In one step, so the window that the frame asks for is never allocated. */
    if (ZSTD_decompressDCtx(unpacker->context, unpacker->records, length, frame,
                            packed->length - PREFIX) != length)
        return PACKED_REFUSED;
    *data = (struct stream_frame){.type = STREAM_DATA, .body = unpacker->records, .length = length};
    return 0;
}
