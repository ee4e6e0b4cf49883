#include "node/daemon/opening.h"

#include "base/io.h"

void opening_init(struct opening *opening, int fd, struct handshake *handshake) {
    *opening = (struct opening){.fd = fd, .handshake = handshake};
}

static int flush(struct opening *opening) {
    int rc = 0;
    do {
        if (opening->output_length == 0)
            opening->output_length = handshake_output(opening->handshake, &opening->output);
        if (opening->output_length == 0)
            return 0;
        rc = io_send_on(opening->fd, &opening->output, &opening->output_length);
    } while (rc == 0);
    return rc;
}

int opening_run(struct opening *opening, int *outcome) {
    for (;;) {
        int rc = flush(opening);
        if (rc != 0)
            return rc < 0 ? rc : OPENING_WRITABLE;
        size_t wants = handshake_wants(opening->handshake);
        if (wants == 0)
            return OPENING_OVER;
        rc = io_receive_on(opening->fd, opening->input, wants, &opening->input_length);
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
