/*
 * A peer that keeps to the record layer and to nothing else: what a session has to stand.
 */
#ifndef TESTS_SESSION_PEER_H
#define TESTS_SESSION_PEER_H

#include "proto/manifest.h"
#include "proto/stream.h"
#include "proto/transfer.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer {
    int fd;
    bool begun; /* the header is sent */
    struct stream_sealer *sealer;
    struct stream_opener *opener;
    uint8_t header[STREAM_HEADER];
    uint8_t send_key[STREAM_KEY];
    uint8_t receive_key[STREAM_KEY];
    uint8_t *buffer;
    uint32_t lanes; /* that it offers; 1 at first */
};

/* Makes a connection; *other is the end that a session gets, with send_key and receive_key the
 * other way round. */
void peer_open(struct peer *peer, int *other);
void peer_close(struct peer *peer);

/* Sends a frame, or bytes that are none. That the session is gone is not told. */
void peer_send(struct peer *peer, enum stream_type type, const void *body, size_t length);
void peer_send_raw(struct peer *peer, const void *bytes, size_t length);
void peer_send_control(struct peer *peer, const Fxnode__Wire__Control *control);
void peer_send_final(struct peer *peer);

/* Receives control messages until one of the kind comes; false where the session ends before. */
bool peer_await(struct peer *peer, Fxnode__Wire__Control__BodyCase kind);

/* Sends an offer of `summary`, and one batch of a manifest. */
void peer_offer(struct peer *peer, const struct manifest_summary *summary);
void peer_manifest(struct peer *peer, const void *batch, size_t length);

#endif
