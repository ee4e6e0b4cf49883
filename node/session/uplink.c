#include "node/session/uplink.h"

#include "base/chan.h"
#include "base/io.h"
#include "base/log.h"
#include "proto/local.h"
#include "proto/msg.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Paths are the largest: a packet full of them is a few times as much when decoded. */
#define ARENA (1024u * 1024u)

struct uplink {
    int fd;
    struct msg_arena *arena;
    struct uplink_message message;
    struct chan_packet packet;
};

int uplink_new(struct uplink **out, int chan) {
    struct uplink *uplink = calloc(1, sizeof *uplink);

    if (uplink == NULL)
        return -ENOMEM;
    uplink->fd = chan;
    uplink->message.fd = -1;
    if (msg_arena_new(&uplink->arena, ARENA) < 0) {
        free(uplink);
        return -ENOMEM;
    }
    *out = uplink;
    return 0;
}

void uplink_free(struct uplink *uplink) {
    if (uplink == NULL)
        return;
    uplink_wipe(uplink);
    io_close(&uplink->message.fd);
    msg_arena_free(uplink->arena);
    free(uplink);
}

int uplink_fd(const struct uplink *uplink) {
    return uplink->fd;
}

void uplink_send(struct uplink *uplink, const Fxnode__Helper__ToNode *message) {
    uint8_t buffer[LIMIT_PACKET];
    int length = msg_encode(&message->base, buffer, sizeof buffer);
    int r = length;

    if (length >= 0)
        r = chan_send(uplink->fd, buffer, (size_t)length, NULL, 0, 0);
    if (r >= 0)
        return;
    if (r != -EPIPE && r != -ECONNRESET)
        log_error("a message to the node cannot be sent: %s", strerror(-r));
    shutdown(uplink->fd, SHUT_RDWR);
}

static void send_note(struct uplink *uplink, const char *text, bool failed, bool good,
                      ProtobufCBinaryData path) {
    Fxnode__Helper__Note note = FXNODE__HELPER__NOTE__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    note.text = (char *)(uintptr_t)text;
    note.failed = failed;
    note.good = good;
    note.path = path;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_NOTE;
    message.note = &note;
    uplink_send(uplink, &message);
}

void uplink_note(struct uplink *uplink, const char *text, bool failed) {
    send_note(uplink, text, failed, false, (ProtobufCBinaryData){0});
}

void uplink_note_entry(struct uplink *uplink, const char *text, bool failed, const char *path,
                       size_t length) {
    send_note(uplink, text, failed, false,
              (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)path});
}

void uplink_news(struct uplink *uplink, const char *text) {
    send_note(uplink, text, false, true, (ProtobufCBinaryData){0});
}

void uplink_progress(struct uplink *uplink, uint64_t done, uint64_t moved) {
    Fxnode__Helper__Progress progress = FXNODE__HELPER__PROGRESS__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    progress.done = done;
    progress.moved = moved;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_PROGRESS;
    message.progress = &progress;
    uplink_send(uplink, &message);
}

void uplink_ended(struct uplink *uplink, uplink_outcome outcome, const char *text) {
    Fxnode__Helper__Ended ended = FXNODE__HELPER__ENDED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    ended.outcome = outcome;
    ended.text = (char *)(uintptr_t)text;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_ENDED;
    message.ended = &ended;
    uplink_send(uplink, &message);
}

/* At most one descriptor belongs to a message; others nobody asked for. */
static void take_descriptor(struct uplink *uplink) {
    io_close(&uplink->message.fd);
    if (uplink->packet.fd_count > 0) {
        uplink->message.fd = uplink->packet.fds[0];
        uplink->packet.fds[0] = -1;
    }
    chan_drop_fds(&uplink->packet);
}

int uplink_receive(struct uplink *uplink, struct uplink_message **message, int flags) {
    struct fail why = {0};
    int r = chan_receive(uplink->fd, &uplink->packet, flags);

    if (r <= 0)
        return r;
    take_descriptor(uplink);
    r = local_decode_to_session(uplink->arena, uplink->packet.data, uplink->packet.length,
                                &uplink->message.body, &why);
    if (r != 0) {
        log_error("the node sent a message that is none: %s", why.text);
        return r < 0 ? r : -EBADMSG;
    }
    *message = &uplink->message;
    return 1;
}

void uplink_wipe(struct uplink *uplink) {
    const Fxnode__Helper__ToSession *body = uplink->message.body;

    sodium_memzero(uplink->packet.data, uplink->packet.length);
    if (body != NULL && body->body_case == FXNODE__HELPER__TO_SESSION__BODY_CONNECTION) {
        sodium_memzero(body->connection->send_key.data, body->connection->send_key.len);
        sodium_memzero(body->connection->receive_key.data, body->connection->receive_key.len);
    }
    uplink->message.body = NULL;
    msg_arena_reset(uplink->arena);
}
