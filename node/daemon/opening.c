#include "node/daemon/opening.h"

#include <errno.h>
#include <sys/socket.h>

void opening_init(struct opening *opening, int fd, struct handshake *handshake) {
    *opening = (struct opening){.fd = fd, .handshake = handshake};
}

/* 0: all sent; 1: the socket is full; -errno. */
static int flush(struct opening *opening) {
    for (;;) {
        if (opening->output_length == 0)
            opening->output_length = handshake_output(opening->handshake, &opening->output);
        if (opening->output_length == 0)
            return 0;
        ssize_t put = send(opening->fd, opening->output, opening->output_length, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno == EAGAIN ? 1 : -errno;
        opening->output += put;
        opening->output_length -= (size_t)put;
    }
}

/* 0: the wanted bytes are there; 1: nothing to read now; -errno. */
static int fill(struct opening *opening, size_t wants) {
    while (opening->input_length < wants) {
        ssize_t got = recv(opening->fd, opening->input + opening->input_length,
                           wants - opening->input_length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? 1 : -errno;
        if (got == 0)
            return -ECONNRESET;
        opening->input_length += (size_t)got;
    }
    return 0;
}

int opening_run(struct opening *opening, int *outcome) {
    for (;;) {
        int rc = flush(opening);
        if (rc != 0)
            return rc < 0 ? rc : OPENING_WRITABLE;
        size_t wants = handshake_wants(opening->handshake);
        if (wants == 0)
            return OPENING_OVER;
        rc = fill(opening, wants);
        if (rc != 0)
            return rc < 0 ? rc : OPENING_READABLE;
        opening->input_length = 0;
        *outcome = handshake_feed(opening->handshake, opening->input, wants);
        if (*outcome < 0)
            return *outcome;
        if (*outcome == HANDSHAKE_DECIDE)
            return OPENING_DECIDE;
    }
}
