#include "node/daemon/pairing_run.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct pairing_run {
    uv_poll_t poll;
    uv_timer_t deadline;
    int handles; /* that the loop still has */
    int fd;
    bool initiator;
    bool over;
    bool heard;   /* the peer has said something */
    bool decided; /* `outcome` is what it was, once all output has left */
    enum pairing_run_outcome outcome;
    struct pairing *pairing;
    struct pairing_run_events events;
    uint8_t input[PAIRING_INPUT_MAX];
    size_t input_length;
    const uint8_t *output; /* what is left of the pairing's output */
    size_t output_length;
};

static void on_closed(uv_handle_t *handle) {
    struct pairing_run *run = handle->data;
    if (--run->handles == 0)
        free(run);
}

void pairing_run_cancel(struct pairing_run *run) {
    if (run == NULL || run->over)
        return;
    run->over = true;
    pairing_free(run->pairing);
    run->pairing = NULL;
    uv_close((uv_handle_t *)&run->poll, on_closed);
    uv_close((uv_handle_t *)&run->deadline, on_closed);
    io_close(&run->fd);
}

static void end(struct pairing_run *run, enum pairing_run_outcome outcome) {
    char name[LIMIT_NAME + 1] = "";
    size_t length = 0;
    const uint8_t *told = outcome == PAIRING_RUN_PROVEN && run->initiator
                              ? pairing_name(run->pairing, &length)
                              : NULL;
    if (told != NULL)
        memcpy(name, told, length < LIMIT_NAME ? length : LIMIT_NAME);
    pairing_run_cancel(run); /* memory stays until the loop comes round */
    run->events.over(run->events.context, outcome, name);
}

static void lost(struct pairing_run *run) {
    end(run, run->initiator && !run->heard ? PAIRING_RUN_CLOSED : PAIRING_RUN_LOST);
}

static int flush(struct pairing_run *run) {
    int rc = 0;
    do {
        if (run->output_length == 0)
            run->output_length = pairing_output(run->pairing, &run->output);
        if (run->output_length == 0)
            return 0;
        rc = io_send_on(run->fd, &run->output, &run->output_length);
    } while (rc == 0);
    return rc;
}

static int fill(struct pairing_run *run, size_t wants) {
    int rc = io_receive_on(run->fd, run->input, wants, &run->input_length);
    run->heard = run->heard || run->input_length > 0;
    return rc;
}

static void decide(struct pairing_run *run, enum pairing_run_outcome outcome) {
    run->decided = true;
    run->outcome = outcome;
}

/* Takes a whole message. False where nothing is left to do here: it waits for its owner, or the
 * owner has ended it or gone on. */
static bool feed(struct pairing_run *run, size_t wants) {
    bool responder = !run->initiator;
    int outcome = pairing_feed(run->pairing, run->input, wants);
    run->input_length = 0;
    switch (outcome) {
    case PAIRING_MORE:
        return true;
    case PAIRING_PROVEN:
        uv_poll_stop(&run->poll);
        if (responder)
            run->events.judged(run->events.context, true);
        else
            end(run, PAIRING_RUN_PROVEN);
        return false;
    case PAIRING_WRONG:
        decide(run, PAIRING_RUN_WRONG);
        if (responder)
            run->events.judged(run->events.context, false);
        return !run->over;
    default:
        end(run, outcome < 0 ? PAIRING_RUN_LOST : PAIRING_RUN_REFUSED);
        return false;
    }
}

static void on_ready(uv_poll_t *poll, int status, int events);

/* Whether a step is done. If not, it goes on when the loop says so, or has ended. */
static bool is_done(struct pairing_run *run, int rc, int events) {
    if (rc < 0)
        lost(run);
    else if (rc > 0)
        uv_poll_start(&run->poll, events, on_ready);
    return rc == 0;
}

static void go_on(struct pairing_run *run) {
    while (is_done(run, flush(run), UV_WRITABLE)) {
        if (run->decided) {
            end(run, run->outcome);
            return;
        }
        size_t wants = pairing_wants(run->pairing);
        if (!is_done(run, fill(run, wants), UV_READABLE) || !feed(run, wants))
            return;
    }
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct pairing_run *run = poll->data;
    (void)events;
    if (status < 0)
        lost(run);
    else
        go_on(run);
}

static void on_deadline(uv_timer_t *timer) {
    end(timer->data, PAIRING_RUN_LOST);
}

void pairing_run_confirm(struct pairing_run *run) {
    if (pairing_confirm(run->pairing) < 0) {
        end(run, PAIRING_RUN_LOST);
        return;
    }
    decide(run, PAIRING_RUN_PROVEN);
    go_on(run);
}

static int make_pairing(struct pairing **out, const struct pairing_run_setup *setup,
                        const struct link *link) {
    uint8_t seed[PAIRING_SEED];
    struct pairing_setup wanted = {
        .initiator = setup->initiator,
        .opened = &link->result,
        .own_key = setup->own_key,
        .seed = seed,
        .code = setup->code,
        .name = setup->name,
        .name_length = strlen(setup->name),
    };
    randombytes_buf(seed, sizeof seed);
    int rc = pairing_new(out, &wanted);
    sodium_memzero(seed, sizeof seed);
    return rc;
}

/* The link's descriptor is the run's from now on. */
static void watch(struct pairing_run *run, uv_loop_t *loop, struct link *link) {
    run->fd = link->fd;
    link->fd = -1;
    run->handles = 2;
    run->poll.data = run->deadline.data = run;
    uv_timer_init(loop, &run->deadline);
    uv_timer_start(&run->deadline, on_deadline, PAIRING_RUN_DEADLINE_MS, 0);
    uv_poll_start(&run->poll, run->initiator ? UV_WRITABLE : UV_READABLE, on_ready);
}

int pairing_run_start(struct pairing_run **out, const struct pairing_run_setup *setup,
                      struct link *link) {
    struct pairing_run *run = calloc(1, sizeof *run);
    int rc = run == NULL ? -ENOMEM : make_pairing(&run->pairing, setup, link);
    if (rc == 0 && fcntl(link->fd, F_SETFL, fcntl(link->fd, F_GETFL) | O_NONBLOCK) != 0)
        rc = -errno;
    if (rc == 0)
        rc = uv_poll_init(setup->loop, &run->poll, link->fd);
    if (rc == 0) {
        run->initiator = setup->initiator;
        run->events = setup->events;
        watch(run, setup->loop, link);
        *out = run;
    } else if (run != NULL) {
        pairing_free(run->pairing);
        free(run);
    }
    link_drop(link);
    return rc;
}
