#include "node/session/connection.h"

#include "base/io.h"
#include "proto/record.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PAGE 4096u

struct connection {
    int fd;
    bool header_sent;
    size_t receive_max;
    struct stream_sealer *sealer;
    struct stream_opener *opener; /* made when the peer's header is here */
    uint8_t *receive_key;         /* until then; sodium_malloc */
    void *room[2];                /* what these two lie in */
    uint8_t *outgoing;            /* STREAM_HEADER bytes, then room for one record */
    uint8_t *other;               /* the same once more, or NULL */
    size_t outgoing_size;
    uint64_t waited_ns;
    uint8_t *incoming; /* room for one sealed record */
    uint8_t prefix[STREAM_PREFIX];
    size_t sealed; /* bytes of the record that is being received; 0 before its prefix is whole */
    size_t taken;  /* bytes collected of header, prefix or record */
};

/* Room for `length` bytes of which the one at `content`, less than a page, begins a page: the
 * content of the first record of a frame is moved in whole pages then. In *room, for free(). NULL
 * without memory. */
static uint8_t *make_room(void **room, size_t content, size_t length) {
    size_t before = PAGE - content;

    *room = aligned_alloc(PAGE, (before + length + PAGE - 1) / PAGE * PAGE);
    return *room == NULL ? NULL : (uint8_t *)*room + before;
}

/* A frame is written whole, so waiting for more to send with it would only cost time. */
static void set_options(int fd) {
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int connection_new(struct connection **out, const struct connection_setup *setup) {
    struct connection *connection = calloc(1, sizeof *connection);
    int fd = setup->fd;
    int r = -ENOMEM;

    if (connection == NULL) {
        io_close(&fd);
        return -ENOMEM;
    }
    connection->fd = fd;
    connection->receive_max = setup->receive_max;
    connection->receive_key = sodium_malloc(STREAM_KEY);
    connection->outgoing_size = STREAM_HEADER + STREAM_RECORD(setup->send_max);
    connection->outgoing =
        make_room(&connection->room[0], STREAM_HEADER + STREAM_HEADROOM + RECORD_HEADER,
                  connection->outgoing_size);
    connection->incoming =
        make_room(&connection->room[1], STREAM_HEADROOM - STREAM_PREFIX + RECORD_HEADER,
                  setup->receive_max + 1 + STREAM_OVERHEAD);
    if (connection->receive_key == NULL || connection->outgoing == NULL ||
        connection->incoming == NULL)
        goto out;
    memcpy(connection->receive_key, setup->receive_key, STREAM_KEY);
    r = stream_sealer_new(&connection->sealer, setup->send_key, connection->outgoing);
    if (r < 0)
        goto out;
    set_options(fd);
    *out = connection;
    connection = NULL;
out:
    connection_free(connection);
    return r;
}

void connection_free(struct connection *connection) {
    if (connection == NULL)
        return;
    io_close(&connection->fd);
    stream_sealer_free(connection->sealer);
    stream_opener_free(connection->opener);
    sodium_free(connection->receive_key);
    free(connection->room[0]);
    free(connection->room[1]);
    free(connection->other);
    free(connection);
}

uint8_t *connection_body(struct connection *connection) {
    return connection->outgoing + STREAM_HEADER + STREAM_HEADROOM;
}

uint8_t *connection_other_body(struct connection *connection) {
    if (connection->other == NULL) {
        connection->other = malloc(connection->outgoing_size);
        if (connection->other == NULL)
            return NULL;
        memcpy(connection->other, connection->outgoing, STREAM_HEADER);
    }
    return connection->other + STREAM_HEADER + STREAM_HEADROOM;
}

/* What there is no room for right away is waited for, and that is counted. */
static int put(struct connection *connection, const uint8_t *data, size_t length) {
    ssize_t n = send(connection->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    uint64_t from = 0;
    int r = 0;

    if (n == (ssize_t)length)
        return 0;
    if (n < 0)
        n = 0; /* what is wrong will show again */
    from = io_now_ns();
    r = io_write_full(connection->fd, data + n, length - (size_t)n);
    connection->waited_ns += io_now_ns() - from;
    return r;
}

/* Sends the record that lies in a buffer, the first one behind the stream's header. */
static int send_record(struct connection *connection, const uint8_t *buffer, size_t length) {
    const uint8_t *from = buffer + STREAM_HEADER;

    if (!connection->header_sent) {
        from -= STREAM_HEADER;
        length += STREAM_HEADER;
        connection->header_sent = true;
    }
    return put(connection, from, length);
}

static int seal_and_send(struct connection *connection, enum stream_type type, uint8_t *buffer,
                         size_t length) {
    int r = stream_seal(connection->sealer, type, buffer + STREAM_HEADER, length);

    return r < 0 ? r : send_record(connection, buffer, STREAM_RECORD(length));
}

int connection_send(struct connection *connection, enum stream_type type, size_t length) {
    return seal_and_send(connection, type, connection->outgoing, length);
}

int connection_send_other(struct connection *connection, enum stream_type type, size_t length) {
    return seal_and_send(connection, type, connection->other, length);
}

uint64_t connection_waited_ns(const struct connection *connection) {
    return connection->waited_ns;
}

int connection_send_final(struct connection *connection) {
    int r = stream_seal_final(connection->sealer, connection->outgoing + STREAM_HEADER);

    return r < 0 ? r : send_record(connection, connection->outgoing, STREAM_FINAL_RECORD);
}

/* Goes on collecting `length` bytes at `data` where it was left; with one call where it may wait,
 * for each return costs more than what it brings. What broke a connection is nothing that a caller
 * could act upon. */
static int take(struct connection *connection, uint8_t *data, size_t length, int flags) {
    int how = flags == 0 ? MSG_WAITALL : flags;

    while (connection->taken < length) {
        ssize_t n = recv(connection->fd, data + connection->taken, length - connection->taken, how);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && flags != 0)
            return -EAGAIN;
        if (n <= 0)
            return CONNECTION_CLOSED;
        connection->taken += (size_t)n;
    }
    connection->taken = 0;
    return 0;
}

/* The peer's direction begins with its header. */
static int begin(struct connection *connection, int flags) {
    int r = take(connection, connection->incoming, STREAM_HEADER, flags);

    if (r != 0)
        return r;
    r = stream_opener_new(&connection->opener, connection->receive_key, connection->incoming);
    sodium_free(connection->receive_key);
    connection->receive_key = NULL;
    return r;
}

static int take_prefix(struct connection *connection, int flags) {
    uint8_t *prefix = connection->prefix;
    int r = take(connection, prefix, STREAM_PREFIX, flags);

    if (r != 0)
        return r;
    if (stream_open_length(connection->opener, prefix, &connection->sealed) != 0 ||
        connection->sealed > connection->receive_max + 1 + STREAM_OVERHEAD)
        return CONNECTION_REFUSED;
    return 0;
}

int connection_receive(struct connection *connection, struct stream_frame *frame, int flags) {
    int r = connection->opener == NULL ? begin(connection, flags) : 0;
    size_t sealed = 0;

    if (r == 0 && connection->sealed == 0)
        r = take_prefix(connection, flags);
    if (r == 0)
        r = take(connection, connection->incoming, connection->sealed, flags);
    if (r != 0)
        return r;
    sealed = connection->sealed;
    connection->sealed = 0;
    r = stream_open(connection->opener, connection->incoming, sealed, frame);
    if (r == STREAM_FINAL)
        return CONNECTION_FINAL;
    return r == STREAM_REFUSED ? CONNECTION_REFUSED : r;
}

void connection_shut(struct connection *connection) {
    shutdown(connection->fd, SHUT_RDWR);
}

int connection_fd(const struct connection *connection) {
    return connection->fd;
}
