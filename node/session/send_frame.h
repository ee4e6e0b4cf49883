/*
 * How a lane's data frames leave: compressed where that pays, in their turn by the limit on the
 * rate, sealed and sent.
 */
#ifndef NODE_SESSION_SEND_FRAME_H
#define NODE_SESSION_SEND_FRAME_H

#include "node/session/connection.h"
#include "node/session/pace.h"
#include "node/session/squeeze.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct packer;

/* What all lanes of a transfer share. */
struct send_frames {
    struct pace *pace;
    pthread_mutex_t mutex; /* around squeeze */
    struct squeeze squeeze;
    atomic_uint rung;         /* of it, to be read without the lock */
    bool packs;               /* the peer takes compressed frames; set before there are lanes */
    const atomic_bool *ended; /* waiting is over then */
};

/* `pace` and `ended` are borrowed. */
void send_frames_init(struct send_frames *frames, struct pace *pace, const atomic_bool *ended);
void send_frames_destroy(struct send_frames *frames);

/* One lane's, and its thread's. */
struct send_frame {
    struct send_frames *frames;
    struct connection *connection;
    unsigned number;       /* of the lane */
    struct packer *packer; /* made when the first frame is compressed */
    unsigned rung;         /* that it is set to */
    struct squeeze_lane squeeze;
    uint64_t full_us; /* how long the peer's window had been full when that was last looked at */
};

void send_frame_clear(struct send_frame *frame);

/* Sends the `length` bytes of records at connection_body() as one frame. 0; -errno where the
 * connection is broken. */
int send_frame(struct send_frame *frame, size_t length);

#endif
