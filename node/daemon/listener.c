#include "node/daemon/listener.h"

#include "base/io.h"
#include "base/log.h"
#include "node/daemon/gate.h"
#include "node/daemon/listening.h"
#include "node/daemon/opening.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HANDSHAKE_DEADLINE_MS 5000 /* from accept to the end of the handshake */
#define ACCEPTS_AT_ONCE 16         /* before the loop gets its turn again */
#define ACCEPT_PAUSE_MS 1000       /* when the process has no descriptor left */
#define DISCARDED_MAX 1024 /* bytes read from a peer of another version; a handshake has less */

/* One listening socket. */
struct door {
    uv_poll_t poll;
    struct listener *listener;
    int fd;
};

/* A connection that has not authenticated. It holds a slot of the gate. */
struct arrival {
    uv_poll_t poll;
    uv_timer_t deadline;
    struct listener *listener;
    struct handshake *handshake;
    struct address address;
    struct opening opening;
    int fd;
    int handles;      /* that the loop still has */
    bool lingering;   /* its answer is sent, its input only discarded */
    size_t discarded; /* bytes */
};

struct listener {
    struct listener_setup setup;
    uint32_t features; /* that are offered */
    struct gate gate;
    struct arrival *arrivals[GATE_SLOTS];
    struct door doors[CONFIG_LISTEN_MAX];
    size_t door_count;
    uv_timer_t pause;
    struct log_limit limit;
    size_t handles; /* of the loop that still point here, arrivals included */
};

static void listener_unref(struct listener *listener) {
    if (--listener->handles == 0)
        free(listener);
}

static void on_listener_handle_closed(uv_handle_t *handle) {
    listener_unref(handle->data);
}

/* ---- one arrival ---- */

static void on_arrival_handle_closed(uv_handle_t *handle) {
    struct arrival *arrival = handle->data;
    if (--arrival->handles > 0)
        return;
    listener_unref(arrival->listener);
    free(arrival);
}

/* Ends an arrival: its slot is free at once, its memory when the loop has let go. */
static void arrival_end(struct arrival *arrival) {
    struct listener *listener = arrival->listener;
    for (int i = 0; i < GATE_SLOTS; i++) {
        if (listener->arrivals[i] != arrival)
            continue;
        listener->arrivals[i] = NULL;
        gate_leave(&listener->gate, i);
    }
    handshake_free(arrival->handshake);
    arrival->handshake = NULL;
    uv_poll_stop(&arrival->poll);
    uv_close((uv_handle_t *)&arrival->poll, on_arrival_handle_closed);
    uv_close((uv_handle_t *)&arrival->deadline, on_arrival_handle_closed);
    io_close(&arrival->fd);
}

static void log_stranger(struct arrival *arrival, const char *what) {
    char shown[ADDRESS_ROOM];
    uint32_t dropped;
    if (!log_limit_take(&arrival->listener->limit, io_now_ms(), &dropped))
        return;
    address_format(shown, &arrival->address);
    if (dropped > 0)
        log_info("%u more connections were dropped like the next one", (unsigned)dropped);
    log_info("connection from %s dropped: %s", shown, what);
}

static void hand_over(struct arrival *arrival) {
    struct listener *listener = arrival->listener;
    const struct listener_setup *setup = &listener->setup;
    struct link link;

    gate_authenticated(&listener->gate, &arrival->address,
                       setup->is_known(setup->context, handshake_peer(arrival->handshake)));
    uv_poll_stop(&arrival->poll);
    link_make(&link, arrival->fd, &arrival->address, arrival->handshake);
    arrival->fd = -1;
    arrival_end(arrival);
    setup->arrived(setup->context, &link);
    sodium_memzero(&link, sizeof link);
}

static void on_arrival_ready(uv_poll_t *poll, int status, int events);

static void finish(struct arrival *arrival, int outcome) {
    switch (outcome) {
    case HANDSHAKE_DONE:
        hand_over(arrival);
        return;
    case HANDSHAKE_VERSION:
        /* Closing with unread input would reset the connection and drop our answer. */
        log_stranger(arrival, "it speaks another version");
        arrival->lingering = true;
        shutdown(arrival->fd, SHUT_WR);
        uv_poll_start(&arrival->poll, UV_READABLE, on_arrival_ready);
        return;
    case HANDSHAKE_SELF:
        log_stranger(arrival, "it is this node itself");
        break;
    default:
        log_stranger(arrival, "it does not speak fxnode or was damaged on its way");
        break;
    }
    arrival_end(arrival);
}

/* Reads on for a peer that is to see why it was turned away. */
static void discard(struct arrival *arrival) {
    char bytes[512];
    ssize_t got = recv(arrival->fd, bytes, sizeof bytes, 0);
    if (got > 0)
        arrival->discarded += (size_t)got;
    if (got == 0 || arrival->discarded > DISCARDED_MAX ||
        (got < 0 && errno != EAGAIN && errno != EINTR))
        arrival_end(arrival);
}

static void arrival_run(struct arrival *arrival) {
    int outcome = HANDSHAKE_MORE;
    int rc = opening_run(&arrival->opening, &outcome);

    if (rc == OPENING_READABLE)
        uv_poll_start(&arrival->poll, UV_READABLE, on_arrival_ready);
    else if (rc == OPENING_WRITABLE)
        uv_poll_start(&arrival->poll, UV_WRITABLE, on_arrival_ready);
    else if (rc == OPENING_OVER)
        finish(arrival, outcome);
    else
        arrival_end(arrival); /* closed or reset by the stranger: nothing to tell */
}

static void on_arrival_ready(uv_poll_t *poll, int status, int events) {
    struct arrival *arrival = poll->data;
    (void)events;
    if (status < 0)
        arrival_end(arrival);
    else if (arrival->lingering)
        discard(arrival);
    else
        arrival_run(arrival);
}

static void on_deadline(uv_timer_t *timer) {
    struct arrival *arrival = timer->data;
    if (!arrival->lingering)
        log_stranger(arrival, "no handshake within 5 s");
    arrival_end(arrival);
}

static struct handshake *make_handshake(const struct listener *listener) {
    const struct identity *identity = listener->setup.identity;
    uint8_t ephemeral[LIMIT_KEY];
    struct handshake_self self = {
        .secret = identity->secret,
        .ephemeral = ephemeral,
        .protocol = {HANDSHAKE_PROTOCOL_LOWEST, HANDSHAKE_PROTOCOL_HIGHEST},
        .features = listener->features,
    };
    struct handshake *handshake = NULL;

    randombytes_buf(ephemeral, sizeof ephemeral);
    if (handshake_new_responder(&handshake, &self) < 0)
        handshake = NULL;
    sodium_memzero(ephemeral, sizeof ephemeral);
    return handshake;
}

/* Takes `fd` over. `slot` was given by the gate. */
static void arrival_start(struct listener *listener, int fd, int slot,
                          const struct address *address) {
    struct arrival *arrival = calloc(1, sizeof *arrival);
    struct handshake *handshake = make_handshake(listener);
    uint32_t dropped;

    if (arrival == NULL || handshake == NULL ||
        uv_poll_init(listener->setup.loop, &arrival->poll, fd) != 0) {
        if (log_limit_take(&listener->limit, io_now_ms(), &dropped))
            log_error("cannot take a connection: out of memory or descriptors");
        handshake_free(handshake);
        free(arrival);
        gate_leave(&listener->gate, slot);
        io_close(&fd);
        return;
    }
    arrival->listener = listener;
    arrival->handshake = handshake;
    arrival->address = *address;
    arrival->fd = fd;
    arrival->handles = 2;
    arrival->poll.data = arrival->deadline.data = arrival;
    listener->handles++;
    listener->arrivals[slot] = arrival;
    opening_init(&arrival->opening, fd, handshake);
    uv_timer_init(listener->setup.loop, &arrival->deadline);
    uv_timer_start(&arrival->deadline, on_deadline, HANDSHAKE_DEADLINE_MS, 0);
    arrival_run(arrival);
}

/* ---- listening ---- */

static void on_door_ready(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer) {
    struct listener *listener = timer->data;
    for (size_t i = 0; i < listener->door_count; i++)
        uv_poll_start(&listener->doors[i].poll, UV_READABLE, on_door_ready);
}

/* Without descriptors accept() would fail, and the socket stay readable, for ever. */
static void pause_listening(struct listener *listener, int error) {
    log_error("cannot take connections for a second: %s", strerror(error));
    for (size_t i = 0; i < listener->door_count; i++)
        uv_poll_stop(&listener->doors[i].poll);
    uv_timer_start(&listener->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
}

static void admit(struct listener *listener, int fd, const struct sockaddr *from) {
    struct address address;
    int evict = -1;
    int slot = -1;

    if (address_from_sockaddr(&address, from))
        slot = gate_enter(&listener->gate, &address, io_now_ms(), &evict);
    if (evict >= 0) {
        struct arrival *old = listener->arrivals[evict];
        listener->arrivals[evict] = NULL; /* its slot is the new one's now */
        arrival_end(old);
    }
    if (slot < 0)
        io_close(&fd);
    else
        arrival_start(listener, fd, slot, &address);
}

static void on_door_ready(uv_poll_t *poll, int status, int events) {
    struct door *door = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        int fd = accept4(door->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(door->listener, fd, (struct sockaddr *)&from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            pause_listening(door->listener, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
        /* Anything else is about a connection that failed before it was accepted. */
    }
}

static int add_door(struct listener *listener, int fd) {
    struct door *door = &listener->doors[listener->door_count];
    int rc = uv_poll_init(listener->setup.loop, &door->poll, fd);
    if (rc < 0) {
        io_close(&fd);
        return rc;
    }
    door->listener = listener;
    door->fd = fd;
    door->poll.data = door;
    listener->door_count++;
    uv_poll_start(&door->poll, UV_READABLE, on_door_ready);
    return 0;
}

static int open_default(struct listener *listener, struct fail *fail) {
    uint16_t ports[] = {listener->setup.port, ADDRESS_PORT, 0};
    int fd = -EADDRINUSE;
    for (size_t i = 0; i < 3 && fd < 0; i++)
        if (i > 0 || ports[i] != 0)
            fd = listening_open_any(ports[i]);
    int rc = fd < 0 ? fd : add_door(listener, fd);
    return rc < 0 ? fail_set(fail, rc, "cannot listen on any port") : 0;
}

static int open_named(struct listener *listener, const char *name, struct fail *fail) {
    char host[ADDRESS_HOST_MAX + 1];
    struct address address;
    uint16_t port;

    if (!address_split(name, host, &port) || !address_parse(&address, host, port, ""))
        return fail_set(fail, 0, "%s is no address to listen on", name);
    int fd = listening_open(&address);
    int rc = fd < 0 ? fd : add_door(listener, fd);
    return rc < 0 ? fail_set(fail, rc, "cannot listen on %s", name) : 0;
}

int listener_open(struct listener **out, const struct listener_setup *setup, struct fail *fail) {
    struct listener *listener = calloc(1, sizeof *listener);
    const struct config *config = setup->config;
    int rc = 0;

    if (listener == NULL)
        return fail_set(fail, -ENOMEM, "cannot listen");
    listener->setup = *setup;
    listener->features = config_features(config);
    listener->handles = 1;
    gate_init(&listener->gate);
    uv_timer_init(setup->loop, &listener->pause);
    listener->pause.data = listener;
    if (config->listen_count == 0)
        rc = open_default(listener, fail);
    for (size_t i = 0; i < config->listen_count && rc == 0; i++)
        rc = open_named(listener, config->listen[i], fail);
    if (rc < 0) {
        listener_close(listener);
        return rc;
    }
    *out = listener;
    return 0;
}

uint16_t listener_port(const struct listener *listener) {
    return listening_port(listener->doors[0].fd);
}

static void on_door_closed(uv_handle_t *handle) {
    struct door *door = handle->data;
    listener_unref(door->listener);
}

void listener_close(struct listener *listener) {
    for (int i = 0; i < GATE_SLOTS; i++)
        if (listener->arrivals[i] != NULL)
            arrival_end(listener->arrivals[i]);
    for (size_t i = 0; i < listener->door_count; i++) {
        struct door *door = &listener->doors[i];
        listener->handles++;
        uv_poll_stop(&door->poll);
        uv_close((uv_handle_t *)&door->poll, on_door_closed);
        io_close(&door->fd);
    }
    uv_close((uv_handle_t *)&listener->pause, on_listener_handle_closed);
}
