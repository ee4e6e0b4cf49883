#include "node/daemon/dialer.h"

#include "base/io.h"
#include "node/daemon/dialer_failure.h"
#include "node/daemon/opening.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAGGER_MS 250
#define DEADLINE_MS 10000
#define HANDSHAKES_AT_ONCE 2
#define PATIENCE_MS 2000 /* with a handshake, as soon as another waits for its place */

enum attempt_state {
    ATTEMPT_IDLE, /* its turn has not come */
    ATTEMPT_CONNECTING,
    ATTEMPT_CONNECTED, /* waits for a handshake to finish elsewhere */
    ATTEMPT_HANDSHAKE,
    ATTEMPT_OVER,
};

struct attempt {
    uv_poll_t poll;
    struct dialer *dialer;
    struct address address;
    enum attempt_state state;
    int fd;
    bool polled; /* the loop has `poll` */
    struct handshake *handshake;
    struct opening opening;
    uint64_t since_ms; /* when the handshake began, on the loop's clock */
    int outcome;       /* of the handshake */
};

struct dialer {
    struct dialer_call call;
    uint8_t expected[LIMIT_KEY];
    uint8_t session[LIMIT_SESSION_ID];
    char name[LIMIT_NAME + 1];
    struct attempt attempts[DIALER_CANDIDATES];
    size_t count;
    size_t next;     /* the first attempt whose turn has not come */
    uv_timer_t turn; /* the next candidate's turn */
    uv_timer_t deadline;
    uv_timer_t patience;        /* the handshakes have had their time */
    struct dialer_result worst; /* what to report if nobody is right */
    bool over;
    size_t handles;
};

/* ---- end ---- */

static void on_handle_closed(uv_handle_t *handle) {
    struct dialer *dialer = handle->data;
    if (--dialer->handles == 0) {
        sodium_memzero(dialer, sizeof *dialer);
        free(dialer);
    }
}

static void on_poll_closed(uv_handle_t *handle) {
    struct attempt *attempt = handle->data;
    handle->data = attempt->dialer;
    on_handle_closed(handle);
}

static void attempt_end(struct attempt *attempt) {
    if (attempt->polled) {
        uv_poll_stop(&attempt->poll);
        uv_close((uv_handle_t *)&attempt->poll, on_poll_closed);
        attempt->polled = false;
    }
    handshake_free(attempt->handshake);
    attempt->handshake = NULL;
    io_close(&attempt->fd);
    attempt->state = ATTEMPT_OVER;
}

void dialer_cancel(struct dialer *dialer) {
    if (dialer->over)
        return;
    dialer->over = true;
    for (size_t i = 0; i < dialer->count; i++)
        attempt_end(&dialer->attempts[i]);
    uv_close((uv_handle_t *)&dialer->turn, on_handle_closed);
    uv_close((uv_handle_t *)&dialer->deadline, on_handle_closed);
    uv_close((uv_handle_t *)&dialer->patience, on_handle_closed);
}

static void report(struct dialer *dialer, struct dialer_result *result) {
    void (*done)(void *, struct dialer_result *) = dialer->call.done;
    void *context = dialer->call.context;
    dialer_cancel(dialer); /* memory stays until the loop comes round */
    done(context, result);
}

/* ---- one attempt ---- */

/* Why it came to nothing; told if nobody is right. */
static void remember(struct attempt *attempt, enum dialer_outcome outcome, const char *why) {
    dialer_failure_keep(&attempt->dialer->worst, outcome, &attempt->address, why);
}

static void advance(struct dialer *dialer);
static void on_patience_over(uv_timer_t *timer);
static void on_ready(uv_poll_t *poll, int status, int events);

static void attempt_failed(struct attempt *attempt, int error) {
    remember(attempt, DIALER_UNREACHABLE, strerror(-error));
    attempt_end(attempt);
    advance(attempt->dialer);
}

static int make_handshake(struct attempt *attempt) {
    const struct dialer_call *call = &attempt->dialer->call;
    uint8_t ephemeral[LIMIT_KEY];
    struct handshake_self self = {
        .secret = call->identity->secret,
        .ephemeral = ephemeral,
        .protocol = {HANDSHAKE_PROTOCOL_LOWEST, HANDSHAKE_PROTOCOL_HIGHEST},
        .features = call->features,
    };
    struct handshake_call wanted = {
        .purpose = call->purpose,
        .expected = call->expected,
        .session = call->session,
        .name = call->name,
        .name_length = strlen(call->name),
    };
    randombytes_buf(ephemeral, sizeof ephemeral);
    int rc = handshake_new_initiator(&attempt->handshake, &self, &wanted);
    sodium_memzero(ephemeral, sizeof ephemeral);
    return rc;
}

static void attempt_won(struct attempt *attempt) {
    struct dialer_result result = {.outcome = DIALER_CONNECTED};
    uv_poll_stop(&attempt->poll);
    link_make(&result.link, attempt->fd, &attempt->address, attempt->handshake);
    attempt->fd = -1;
    report(attempt->dialer, &result);
    sodium_memzero(&result, sizeof result);
}

/* The peer has shown its key and knows nothing about us yet. */
static void attempt_decide(struct attempt *attempt) {
    const struct dialer_call *call = &attempt->dialer->call;
    const uint8_t *key = handshake_peer(attempt->handshake);
    if (call->expected == NULL && call->decide != NULL &&
        !call->decide(call->context, key, &attempt->address))
        attempt->outcome = HANDSHAKE_WRONG_KEY;
    else
        attempt->outcome = handshake_proceed(attempt->handshake);
}

static void attempt_finish(struct attempt *attempt) {
    struct dialer *dialer = attempt->dialer;
    if (attempt->outcome == HANDSHAKE_DONE) {
        attempt_won(attempt);
        return;
    }
    dialer_failure_shaken(&dialer->worst, &attempt->address, attempt->handshake, attempt->outcome);
    attempt_end(attempt);
    advance(dialer);
}

static void attempt_run(struct attempt *attempt) {
    int rc = opening_run(&attempt->opening, &attempt->outcome);
    if (rc == OPENING_DECIDE) {
        attempt_decide(attempt);
        if (attempt->outcome == HANDSHAKE_DONE)
            rc = opening_run(&attempt->opening, &attempt->outcome);
        else
            rc = OPENING_OVER;
    }
    if (rc < 0)
        attempt_failed(attempt, rc);
    else if (rc == OPENING_OVER)
        attempt_finish(attempt);
    else
        uv_poll_start(&attempt->poll, rc == OPENING_READABLE ? UV_READABLE : UV_WRITABLE, on_ready);
}

static void attempt_shake(struct attempt *attempt) {
    int rc = make_handshake(attempt);
    if (rc < 0) {
        attempt_failed(attempt, rc);
        return;
    }
    attempt->state = ATTEMPT_HANDSHAKE;
    attempt->since_ms = uv_now(attempt->dialer->call.loop);
    uv_timer_start(&attempt->dialer->patience, on_patience_over, PATIENCE_MS, 0);
    opening_init(&attempt->opening, attempt->fd, attempt->handshake);
    attempt_run(attempt);
}

/* Why the socket failed, or 0. */
static int socket_error(const struct attempt *attempt) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? -error : -errno;
}

static void attempt_connected(struct attempt *attempt) {
    int error = socket_error(attempt);
    if (error < 0) {
        attempt_failed(attempt, error);
        return;
    }
    attempt->state = ATTEMPT_CONNECTED;
    uv_poll_stop(&attempt->poll);
    advance(attempt->dialer);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct attempt *attempt = poll->data;
    (void)events;
    /* libuv says "bad descriptor" for any failed socket; a connect tells more itself. */
    if (attempt->state == ATTEMPT_CONNECTING)
        attempt_connected(attempt);
    else if (status < 0)
        attempt_failed(attempt, -ECONNRESET);
    else
        attempt_run(attempt);
}

/* A non-blocking socket on its way to the address, or -errno. */
static int start_connect(const struct address *address) {
    int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* Where it was seen is where it is; if the system forbids it the routes decide. */
    if (address->interface[0] != '\0')
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, address->interface,
                   (socklen_t)strlen(address->interface));
    if (connect(fd, &address->at.any, address_length(address)) == 0 || errno == EINPROGRESS)
        return fd;
    int rc = -errno;
    io_close(&fd);
    return rc;
}

static int attempt_start(struct attempt *attempt) {
    attempt->fd = start_connect(&attempt->address);
    if (attempt->fd < 0)
        return attempt->fd;
    int rc = uv_poll_init(attempt->dialer->call.loop, &attempt->poll, attempt->fd);
    if (rc < 0)
        return rc;
    attempt->poll.data = attempt;
    attempt->polled = true;
    attempt->dialer->handles++;
    attempt->state = ATTEMPT_CONNECTING;
    return uv_poll_start(&attempt->poll, UV_WRITABLE, on_ready);
}

/* ---- all of them ---- */

static void on_turn(uv_timer_t *timer);

static size_t in_state(const struct dialer *dialer, enum attempt_state state) {
    size_t found = 0;
    for (size_t i = 0; i < dialer->next; i++)
        found += dialer->attempts[i].state == state;
    return found;
}

static void start_next(struct dialer *dialer) {
    struct attempt *attempt = &dialer->attempts[dialer->next++];
    int rc = attempt_start(attempt);
    if (rc < 0) {
        remember(attempt, DIALER_UNREACHABLE, strerror(-rc));
        attempt_end(attempt);
    }
    uv_timer_start(&dialer->turn, on_turn, STAGGER_MS, 0);
}

/* The earliest attempt that waits for a handshake. */
static struct attempt *waiting(struct dialer *dialer) {
    for (size_t i = 0; i < dialer->next; i++)
        if (dialer->attempts[i].state == ATTEMPT_CONNECTED)
            return &dialer->attempts[i];
    return NULL;
}

/* Whether one more handshake may begin. One that has had its time gives its place away. */
static bool has_room(struct dialer *dialer) {
    uint64_t now_ms = uv_now(dialer->call.loop);
    if (in_state(dialer, ATTEMPT_HANDSHAKE) < HANDSHAKES_AT_ONCE)
        return true;
    for (size_t i = 0; i < dialer->next; i++) {
        struct attempt *attempt = &dialer->attempts[i];
        if (attempt->state != ATTEMPT_HANDSHAKE || now_ms - attempt->since_ms < PATIENCE_MS)
            continue;
        remember(attempt, DIALER_UNREACHABLE, "what answered there stays silent");
        attempt_end(attempt);
        return true;
    }
    return false;
}

/* Whatever can go on now does: handshakes up to their number, candidates when nothing is under way.
 */
static void advance(struct dialer *dialer) {
    struct attempt *attempt;
    while (!dialer->over && (attempt = waiting(dialer)) != NULL && has_room(dialer))
        attempt_shake(attempt); /* comes back here when it fails */
    if (dialer->over)
        return;
    bool busy = in_state(dialer, ATTEMPT_CONNECTING) + in_state(dialer, ATTEMPT_HANDSHAKE) > 0;
    while (!busy && dialer->next < dialer->count) {
        start_next(dialer);
        busy = in_state(dialer, ATTEMPT_CONNECTING) > 0;
    }
    if (!busy)
        report(dialer, &dialer->worst);
}

static void on_turn(uv_timer_t *timer) {
    struct dialer *dialer = timer->data;
    if (dialer->next < dialer->count)
        start_next(dialer);
    advance(dialer);
}

static void on_patience_over(uv_timer_t *timer) {
    advance(timer->data);
}

static void on_deadline(uv_timer_t *timer) {
    struct dialer *dialer = timer->data;
    for (size_t i = 0; i < dialer->next; i++)
        if (dialer->attempts[i].state != ATTEMPT_OVER)
            remember(&dialer->attempts[i], DIALER_UNREACHABLE, "no answer within 10 s");
    report(dialer, &dialer->worst);
}

int dialer_start(struct dialer **out, const struct dialer_call *call) {
    struct dialer *dialer;
    if (call->count == 0)
        return -EINVAL;
    dialer = calloc(1, sizeof *dialer);
    if (dialer == NULL)
        return -ENOMEM;
    dialer->call = *call;
    snprintf(dialer->name, sizeof dialer->name, "%s", call->name);
    dialer->call.name = dialer->name;
    if (call->expected != NULL)
        dialer->call.expected = memcpy(dialer->expected, call->expected, LIMIT_KEY);
    if (call->session != NULL)
        dialer->call.session = memcpy(dialer->session, call->session, LIMIT_SESSION_ID);
    dialer->count = call->count < DIALER_CANDIDATES ? call->count : DIALER_CANDIDATES;
    for (size_t i = 0; i < dialer->count; i++)
        dialer->attempts[i] =
            (struct attempt){.dialer = dialer, .address = call->candidates[i], .fd = -1};
    dialer_failure_init(&dialer->worst);
    dialer->handles = 3;
    uv_timer_init(call->loop, &dialer->turn);
    uv_timer_init(call->loop, &dialer->deadline);
    uv_timer_init(call->loop, &dialer->patience);
    dialer->turn.data = dialer->deadline.data = dialer->patience.data = dialer;
    /* The first turn comes from the loop, so that `done` never runs inside this call. */
    uv_timer_start(&dialer->turn, on_turn, 0, 0);
    uv_timer_start(&dialer->deadline, on_deadline, DEADLINE_MS, 0);
    *out = dialer;
    return 0;
}
