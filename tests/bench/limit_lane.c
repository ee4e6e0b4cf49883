#include "limit_lane.h"

#include "base/io.h"
#include "proto/stream.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OFFSET 8u       /* bytes of the offset before the bytes of the file */
#define ALIGNMENT 4096u /* of the bytes of the file in memory */

/* Nobody is to be kept out here. */
static const uint8_t KEY[STREAM_KEY] = {1};

/* A lane's own: room for one record, and one of the ciphers unless it does without. */
struct lane {
    struct limit_end *end;
    int socket;
    uint8_t *memory;
    uint8_t *record; /* in `memory`, so that the bytes of the file are aligned */
    struct stream_sealer *sealer;
    struct stream_opener *opener;
};

static int lane_init(struct lane *lane, struct limit_end *end, int socket) {
    size_t pages = (end->frame + STREAM_TAILROOM + ALIGNMENT - 1) / ALIGNMENT;

    *lane = (struct lane){.end = end, .socket = socket};
    lane->memory = aligned_alloc(ALIGNMENT, (1 + pages) * ALIGNMENT);
    if (lane->memory == NULL)
        return -ENOMEM;
    lane->record = lane->memory + ALIGNMENT - STREAM_HEADROOM - OFFSET;
    return 0;
}

static void lane_clear(struct lane *lane) {
    stream_sealer_free(lane->sealer);
    stream_opener_free(lane->opener);
    free(lane->memory);
}

static uint8_t *content(const struct lane *lane) {
    return lane->record + STREAM_HEADROOM + OFFSET;
}

/* Receives all of it. 0 or -errno. */
static int take(const struct lane *lane, void *data, size_t length) {
    ssize_t got = recv(lane->socket, data, length, MSG_WAITALL);

    if (got < 0)
        return -errno;
    return (size_t)got == length ? 0 : -ECONNRESET;
}

/* Seals the record of a frame with a body of `length` bytes. 0 or -errno. */
static int seal(struct lane *lane, size_t length) {
    uint32_t sealed = htobe32((uint32_t)(length + 1 + STREAM_OVERHEAD));

    if (!lane->end->plain)
        return stream_seal(lane->sealer, STREAM_DATA, lane->record, length);
    memcpy(lane->record, &sealed, sizeof sealed);
    return 0;
}

/* Opens what followed a prefix. Bytes of the body; 0 where it was the last record; -errno. */
static ssize_t open_record(struct lane *lane, size_t sealed) {
    struct stream_frame frame;
    int r = 0;

    if (lane->end->plain)
        return (ssize_t)(sealed > STREAM_OVERHEAD ? sealed - STREAM_OVERHEAD - 1 : 0);
    r = stream_open(lane->opener, lane->record + STREAM_PREFIX, sealed, &frame);
    if (r == STREAM_FINAL)
        return 0;
    return r == 0 ? (ssize_t)frame.length : -EBADMSG;
}

static int send_header(struct lane *lane) {
    uint8_t header[STREAM_HEADER] = {0};
    int r = lane->end->plain ? 0 : stream_sealer_new(&lane->sealer, KEY, header);

    return r == 0 ? io_write_full(lane->socket, header, sizeof header) : r;
}

/* Sends the frame at `offset`. 0 or -errno. */
static int send_frame(struct lane *lane, uint64_t offset) {
    uint64_t at = htobe64(offset);
    ssize_t got = io_pread_full(lane->end->file, content(lane), lane->end->frame, offset);
    size_t body = OFFSET + (size_t)got;
    int r = 0;

    if (got <= 0)
        return got < 0 ? (int)got : -EIO;
    memcpy(lane->record + STREAM_HEADROOM, &at, sizeof at);
    r = seal(lane, body);
    return r == 0 ? io_write_full(lane->socket, lane->record, STREAM_RECORD(body)) : r;
}

/* The last record; then the peer closes when it is done. 0 or -errno. */
static int send_end(struct lane *lane) {
    uint8_t last[STREAM_FINAL_RECORD] = {[STREAM_PREFIX - 1] = STREAM_OVERHEAD};
    uint8_t nothing;
    int r = lane->end->plain ? 0 : stream_seal_final(lane->sealer, last);

    if (r == 0)
        r = io_write_full(lane->socket, last, sizeof last);
    if (r == 0 && recv(lane->socket, &nothing, 1, 0) != 0)
        r = -ECONNRESET;
    return r;
}

int limit_lane_send(struct limit_end *end, int socket) {
    struct lane lane;
    uint64_t offset = 0;
    int r = lane_init(&lane, end, socket);

    if (r == 0)
        r = send_header(&lane);
    while (r == 0 && (offset = atomic_fetch_add(&end->taken, end->frame)) < end->size)
        r = send_frame(&lane, offset);
    if (r == 0)
        r = send_end(&lane);
    lane_clear(&lane);
    return r;
}

static int receive_header(struct lane *lane) {
    uint8_t header[STREAM_HEADER];
    int r = take(lane, header, sizeof header);

    return r == 0 && !lane->end->plain ? stream_opener_new(&lane->opener, KEY, header) : r;
}

/* Receives one record. Bytes of its body, 0 where it was the last, or -errno. */
static ssize_t receive_record(struct lane *lane) {
    uint32_t prefix = 0;
    int r = take(lane, &prefix, sizeof prefix);
    size_t sealed = be32toh(prefix);

    if (r < 0)
        return r;
    if (sealed < STREAM_OVERHEAD || sealed > lane->end->frame + OFFSET + 1 + STREAM_OVERHEAD)
        return -EBADMSG;
    r = take(lane, lane->record + STREAM_PREFIX, sealed);
    return r == 0 ? open_record(lane, sealed) : r;
}

static int write_frame(struct lane *lane, size_t body) {
    uint64_t at = 0;

    if (body < OFFSET)
        return -EBADMSG;
    memcpy(&at, lane->record + STREAM_HEADROOM, sizeof at);
    return io_pwrite_full(lane->end->file, content(lane), body - OFFSET, be64toh(at));
}

int limit_lane_receive(struct limit_end *end, int socket) {
    struct lane lane;
    ssize_t body = 0;
    int r = lane_init(&lane, end, socket);

    if (r == 0)
        r = receive_header(&lane);
    while (r == 0 && (body = receive_record(&lane)) > 0)
        r = write_frame(&lane, (size_t)body);
    lane_clear(&lane);
    return r < 0 ? r : (int)body;
}
