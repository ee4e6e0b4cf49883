/*
 * One connection to the peer: a connected TCP socket and the record layer over it, blocking. The
 * sending and the receiving half are independent: one thread each. connection_shut() makes both
 * return, from any thread.
 */
#ifndef NODE_SESSION_CONNECTION_H
#define NODE_SESSION_CONNECTION_H

#include "proto/stream.h"

#include <stddef.h>
#include <stdint.h>

struct connection;

/* What connection_receive() returns beside 0 and -errno. */
enum connection_outcome {
    CONNECTION_FINAL = 1,   /* the peer ended its direction as it should */
    CONNECTION_REFUSED = 2, /* damaged, out of order or too long */
    CONNECTION_CLOSED = 3,  /* the stream ended or broke without that */
};

/* What a connection is made of. The keys are copied into locked memory; the caller wipes its own.
 */
struct connection_setup {
    int fd; /* owned from now on, also where making fails */
    const uint8_t *send_key;
    const uint8_t *receive_key;
    size_t send_max;    /* bytes of the longest frame body that will be sent */
    size_t receive_max; /* and of the longest one that is taken */
};

/* A new connection in *out, for connection_free(). Its buffers are allocated here, once. 0 or
 * -errno. */
int connection_new(struct connection **out, const struct connection_setup *setup);

/* Closes the socket, wipes the keys. NULL is allowed. No thread may be in it any more. */
void connection_free(struct connection *connection);

/* Where the body of the next frame is to be put: `send_max` bytes, of which those behind the header
 * of a first record (proto/record.h) begin a page. So do they in what is received. */
uint8_t *connection_body(struct connection *connection);

/* Seals and sends the frame whose body of `length` bytes is at connection_body(), which may hold
 * anything afterwards. 0; -errno where the connection is broken. */
int connection_send(struct connection *connection, enum stream_type type, size_t length);

/* A second buffer for the body of a frame, of the same size, made at the first call. NULL where
 * there is no memory. */
uint8_t *connection_other_body(struct connection *connection);

/* As connection_send(), for what is at connection_other_body(). */
int connection_send_other(struct connection *connection, enum stream_type type, size_t length);

/* How long sending has waited for room in the socket, since the connection was made. */
uint64_t connection_waited_ns(const struct connection *connection);

/* Sends the record that ends our direction. 0 or -errno. */
int connection_send_final(struct connection *connection);

/* Receives one frame; its body stays valid until the next call. `flags`: 0, or MSG_DONTWAIT to
 * collect what is there and go on at the next call. 0, an outcome, -EAGAIN, -ENOMEM, or -EIO where
 * nothing can be opened any more. */
int connection_receive(struct connection *connection, struct stream_frame *frame, int flags);

/* The socket, to be polled. */
int connection_fd(const struct connection *connection);

/* Ends all waiting in either half: they return as if the peer had closed. */
void connection_shut(struct connection *connection);

#endif
