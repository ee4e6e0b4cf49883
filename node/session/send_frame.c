#include "node/session/send_frame.h"

#include "base/io.h"
#include "proto/packed.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

void send_frames_init(struct send_frames *frames, struct pace *pace, const atomic_bool *ended) {
    *frames = (struct send_frames){.pace = pace, .ended = ended};
    pthread_mutex_init(&frames->mutex, NULL);
    squeeze_init(&frames->squeeze, io_now_ns());
}

void send_frames_destroy(struct send_frames *frames) {
    pthread_mutex_destroy(&frames->mutex);
}

void send_frame_clear(struct send_frame *frame) {
    packer_free(frame->packer);
}

/* The packer, at the level of the rung. NULL where there is no memory. */
static struct packer *set_packer(struct send_frame *frame, unsigned rung) {
    if (frame->packer == NULL && packer_new(&frame->packer) < 0)
        return NULL;
    if (frame->rung != rung)
        packer_set_level(frame->packer, squeeze_level(rung));
    frame->rung = rung;
    return frame->packer;
}

/* Makes the frame smaller, into the connection's other buffer. Its length there; 0 where it leaves
 * as it is. */
static size_t squeeze(struct send_frame *frame, size_t length) {
    unsigned rung = atomic_load_explicit(&frame->frames->rung, memory_order_relaxed);
    struct packer *packer = NULL;
    uint8_t *out = NULL;
    size_t packed = 0;

    if (rung == SQUEEZE_FOOT || !squeeze_lane_tries(&frame->squeeze))
        return 0;
    packer = set_packer(frame, rung);
    out = connection_other_body(frame->connection);
    if (packer != NULL && out != NULL)
        packed = packer_pack(packer, connection_body(frame->connection), length, out,
                             length - SQUEEZE_SAVES(length));
    squeeze_lane_tried(&frame->squeeze, packed > 0);
    return packed;
}

/* What of `waited_ns` was not for the peer to read: that it works or writes slowly is nothing that
 * fewer bytes would help. Kernels that do not tell have none of that. */
static uint64_t on_line(struct send_frame *frame, uint64_t waited_ns) {
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    uint64_t full_ns = 0;

    if (waited_ns == 0 ||
        getsockopt(connection_fd(frame->connection), IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        return waited_ns;
    full_ns = (info.tcpi_rwnd_limited - frame->full_us) * 1000;
    frame->full_us = info.tcpi_rwnd_limited;
    return waited_ns > full_ns ? waited_ns - full_ns : 0;
}

static void note(struct send_frame *frame, uint64_t waited_ns, size_t plain, size_t packed) {
    struct send_frames *frames = frame->frames;
    struct squeeze_sent sent = {.now_ns = io_now_ns(),
                                .waited_ns = waited_ns,
                                .plain = plain,
                                .packed = packed,
                                .lane = frame->number};

    pthread_mutex_lock(&frames->mutex);
    squeeze_note(&frames->squeeze, &sent);
    atomic_store_explicit(&frames->rung, frames->squeeze.rung, memory_order_relaxed);
    pthread_mutex_unlock(&frames->mutex);
}

int send_frame(struct send_frame *frame, size_t length) {
    struct send_frames *frames = frame->frames;
    struct connection *connection = frame->connection;
    uint64_t waited = connection_waited_ns(connection);
    size_t packed = frames->packs ? squeeze(frame, length) : 0;
    size_t sent = packed > 0 ? packed : length;
    uint64_t paced = 0;
    int r = 0;

    paced = pace_wait(frames->pace, STREAM_RECORD(sent), frames->ended);
    r = packed > 0 ? connection_send_other(connection, STREAM_PACKED, packed)
                   : connection_send(connection, STREAM_DATA, length);
    if (frames->packs)
        note(frame, paced + on_line(frame, connection_waited_ns(connection) - waited), length,
             sent);
    return r;
}
