#include "node/session/keep.h"

#include "base/io.h"
#include "files/stamps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (48u * 1024u) /* in one message: a multiple of a hash */

struct sink {
    struct uplink *uplink;
    uint64_t position;
    uint64_t total;
    uint8_t room[PIECE];
};

static void give(struct sink *sink, const void *data, size_t length) {
    Fxnode__Helper__Kept body = FXNODE__HELPER__KEPT__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    body.position = sink->position;
    body.total = sink->total;
    body.bytes = (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)data};
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_KEPT;
    message.kept = &body;
    uplink_send(sink->uplink, &message);
    sink->position += length;
}

/* The first `length` bytes of a file, which has as many. */
static int give_file(struct sink *sink, int fd, uint64_t length) {
    for (uint64_t at = 0; at < length;) {
        size_t want = length - at < PIECE ? (size_t)(length - at) : PIECE;
        ssize_t got = io_pread_full(fd, sink->room, want, at);

        if (got != (ssize_t)want)
            return got < 0 ? (int)got : -EIO;
        give(sink, sink->room, want);
        at += want;
    }
    return 0;
}

static int give_hashes(struct sink *sink, struct hashes *hashes, uint64_t units) {
    const size_t most = PIECE / LIMIT_CHUNK_HASH;

    for (uint64_t at = 0; at < units; at += most) {
        size_t count = units - at < most ? (size_t)(units - at) : most;
        int r = hashes_get(hashes, at, count, sink->room);

        if (r < 0)
            return r;
        give(sink, sink->room, count * LIMIT_CHUNK_HASH);
    }
    return 0;
}

static void give_bytes(struct sink *sink, const uint8_t *data, size_t length) {
    for (size_t at = 0; at < length; at += PIECE)
        give(sink, data + at, length - at < PIECE ? length - at : PIECE);
}

int keep_send(const struct keep *keep, struct uplink *uplink) {
    const struct manifest_summary *summary = keep->summary;
    struct receipt_layout layout =
        receipt_lay_out(summary->length, summary->units, summary->entries, keep->stamps >= 0);
    struct sink *sink = NULL;
    uint8_t *marks = NULL;
    size_t length = 0;
    int r = receipt_marks_encode(keep->marks, &marks, &length);

    if (r < 0 || layout.marks > LIMIT_RECEIPT || length > LIMIT_RECEIPT - layout.marks)
        goto out;
    sink = malloc(sizeof *sink);
    r = sink == NULL ? -ENOMEM : 0;
    if (r < 0)
        goto out;
    sink->uplink = uplink;
    sink->position = 0;
    sink->total = layout.marks + length;
    r = give_file(sink, keep->manifest, summary->length);
    if (r == 0)
        r = give_hashes(sink, keep->hashes, summary->units);
    if (r == 0 && keep->stamps >= 0)
        r = give_file(sink, keep->stamps, (uint64_t)summary->entries * STAMP_SIZE);
    if (r == 0)
        give_bytes(sink, marks, length);
out:
    free(sink);
    free(marks);
    return r;
}
