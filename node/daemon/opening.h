/*
 * One handshake over a non-blocking socket: what listener and dialer share. Exact lengths in, whole
 * messages out; nothing blocks.
 */
#ifndef NODE_DAEMON_OPENING_H
#define NODE_DAEMON_OPENING_H

#include "proto/handshake.h"

#include <stddef.h>
#include <stdint.h>

struct opening {
    int fd;                      /* non-blocking, borrowed */
    struct handshake *handshake; /* borrowed */
    uint8_t input[HANDSHAKE_INPUT_MAX];
    size_t input_length;
    const uint8_t *output; /* what is left of the handshake's output */
    size_t output_length;
};

enum opening_wait {
    OPENING_READABLE = 1, /* go on when the socket can be read, */
    OPENING_WRITABLE = 2, /* or written */
    OPENING_OVER = 3,     /* *outcome says how the handshake went; all output is sent */
    OPENING_DECIDE = 4,   /* initiator: HANDSHAKE_DECIDE; proceed and call again */
};

void opening_init(struct opening *opening, int fd, struct handshake *handshake);

/* Goes as far as the socket allows. One of opening_wait, or -errno where the connection failed
 * (-ECONNRESET: the peer closed). `outcome` receives a handshake_outcome with OPENING_OVER. */
int opening_run(struct opening *opening, int *outcome);

#endif
