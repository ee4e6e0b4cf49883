#include "peer.h"

#include "base/io.h"
#include "proto/msg.h"
#include "proto/wire.h"

#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void peer_open(struct peer *peer, int *other) {
    int fds[2];

    *peer = (struct peer){.fd = -1, .lanes = 1};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    peer->fd = fds[0];
    *other = fds[1];
    randombytes_buf(peer->send_key, sizeof peer->send_key);
    randombytes_buf(peer->receive_key, sizeof peer->receive_key);
    ck_assert_int_eq(stream_sealer_new(&peer->sealer, peer->send_key, peer->header), 0);
    peer->buffer = malloc(STREAM_RECORD(LIMIT_FRAME) + STREAM_OVERHEAD);
    ck_assert_ptr_nonnull(peer->buffer);
}

void peer_close(struct peer *peer) {
    stream_sealer_free(peer->sealer);
    stream_opener_free(peer->opener);
    free(peer->buffer);
    io_close(&peer->fd);
}

void peer_send_raw(struct peer *peer, const void *bytes, size_t length) {
    (void)io_write_full(peer->fd, bytes, length);
}

static void begin(struct peer *peer) {
    if (!peer->begun)
        peer_send_raw(peer, peer->header, sizeof peer->header);
    peer->begun = true;
}

void peer_send(struct peer *peer, enum stream_type type, const void *body, size_t length) {
    begin(peer);
    memcpy(peer->buffer + STREAM_HEADROOM, body, length);
    ck_assert_int_eq(stream_seal(peer->sealer, type, peer->buffer, length), 0);
    peer_send_raw(peer, peer->buffer, STREAM_RECORD(length));
}

void peer_send_control(struct peer *peer, const Fxnode__Wire__Control *control) {
    uint8_t *body = malloc(WIRE_MESSAGE_MAX);
    int length = msg_encode(&control->base, body, WIRE_MESSAGE_MAX);

    ck_assert_int_ge(length, 0);
    peer_send(peer, STREAM_CONTROL, body, (size_t)length);
    free(body);
}

void peer_send_final(struct peer *peer) {
    begin(peer);
    ck_assert_int_eq(stream_seal_final(peer->sealer, peer->buffer), 0);
    peer_send_raw(peer, peer->buffer, STREAM_FINAL_RECORD);
}

static bool read_full(const struct peer *peer, void *data, size_t length) {
    return recv(peer->fd, data, length, MSG_WAITALL) == (ssize_t)length;
}

/* One frame into peer->buffer; false at any end. */
static bool receive(struct peer *peer, struct stream_frame *frame) {
    uint8_t header[STREAM_HEADER];
    size_t length = 0;

    if (peer->opener == NULL) {
        if (!read_full(peer, header, sizeof header))
            return false;
        ck_assert_int_eq(stream_opener_new(&peer->opener, peer->receive_key, header), 0);
    }
    if (!read_full(peer, header, STREAM_PREFIX) ||
        stream_open_length(peer->opener, header, &length) != 0 ||
        !read_full(peer, peer->buffer, length))
        return false;
    return stream_open(peer->opener, peer->buffer, length, frame) == 0;
}

bool peer_await(struct peer *peer, Fxnode__Wire__Control__BodyCase kind) {
    struct msg_arena *arena = NULL;
    struct stream_frame frame;
    struct fail why = {0};
    bool found = false;

    ck_assert_int_eq(msg_arena_new(&arena, LIMIT_ARENA), 0);
    while (!found && receive(peer, &frame)) {
        const Fxnode__Wire__Control *control = NULL;

        if (frame.type != STREAM_CONTROL)
            continue;
        ck_assert_int_eq(wire_decode(arena, frame.body, frame.length, &control, &why), 0);
        found = control->body_case == kind;
    }
    msg_arena_free(arena);
    return found;
}

void peer_offer(struct peer *peer, const struct manifest_summary *summary) {
    Fxnode__Wire__Offer offer = FXNODE__WIRE__OFFER__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    ProtobufCBinaryData names[LIMIT_OFFER_NAMES];
    uint8_t id[LIMIT_TRANSFER_ID] = "an id";

    for (uint32_t i = 0; i < summary->names_shown; i++)
        names[i] = (ProtobufCBinaryData){.len = summary->names[i].length,
                                         .data = (uint8_t *)(uintptr_t)summary->names[i].bytes};
    offer.transfer_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    offer.manifest_hash =
        (ProtobufCBinaryData){.len = LIMIT_HASH, .data = (uint8_t *)(uintptr_t)summary->hash};
    offer.manifest_length = summary->length;
    offer.entries = summary->entries;
    offer.bytes = summary->bytes;
    offer.units = summary->units;
    offer.n_names = summary->names_shown;
    offer.names = names;
    offer.name_count = summary->name_count;
    offer.lanes = peer->lanes;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_OFFER;
    control.offer = &offer;
    peer_send_control(peer, &control);
}

void peer_manifest(struct peer *peer, const void *batch, size_t length) {
    Fxnode__Wire__Manifest manifest = FXNODE__WIRE__MANIFEST__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    manifest.batch = (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)batch};
    control.body_case = FXNODE__WIRE__CONTROL__BODY_MANIFEST;
    control.manifest = &manifest;
    peer_send_control(peer, &control);
}
