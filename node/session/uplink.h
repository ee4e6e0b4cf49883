/*
 * The session's end of its channel to the node: messages of proto/helper.proto, one in a packet.
 * Sending blocks until the node takes the message, which it always does soon. Any thread may send;
 * one thread receives. That the node is gone shows when receiving, so sending reports nothing.
 */
#ifndef NODE_SESSION_UPLINK_H
#define NODE_SESSION_UPLINK_H

#include "base/fail.h"
#include "proto/helper.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef Fxnode__Helper__Ended__Outcome uplink_outcome;

#define UPLINK_ENDED(outcome) FXNODE__HELPER__ENDED__OUTCOME__##outcome

struct uplink;

/* An uplink over the socket `chan` (borrowed). In *out, for uplink_free(). 0 or -ENOMEM. */
int uplink_new(struct uplink **out, int chan);
void uplink_free(struct uplink *uplink);

/* The socket, to be polled. */
int uplink_fd(const struct uplink *uplink);

/* Sends one message as it is: it has to fit into LIMIT_PACKET by what its sender puts in. Where
 * that fails either end would wait for the other in vain, so it ends the channel, in both
 * directions. */
void uplink_send(struct uplink *uplink, const Fxnode__Helper__ToNode *message);

/* The short ones, made and sent. `text` is escaped already. */
void uplink_note(struct uplink *uplink, const char *text, bool failed);
/* The same about one entry; its path has LIMIT_PATH + 1 + LIMIT_COMPONENT bytes at most. */
void uplink_note_entry(struct uplink *uplink, const char *text, bool failed, const char *path,
                       size_t length);
void uplink_news(struct uplink *uplink, const char *text); /* a note that warns of nothing */
void uplink_progress(struct uplink *uplink, uint64_t done, uint64_t moved);
void uplink_ended(struct uplink *uplink, uplink_outcome outcome, const char *text);

/* A message of the node, valid until the next uplink_receive(). `fd` is the descriptor that came
 * with it or -1; who takes it sets it to -1, otherwise it is closed with the message. */
struct uplink_message {
    const Fxnode__Helper__ToSession *body;
    int fd;
};

/* Receives one message; `flags` 0 or MSG_DONTWAIT. 1: *message is there; 0: the node is gone;
 * -EAGAIN; -errno for a channel that is broken or a message that is none. */
int uplink_receive(struct uplink *uplink, struct uplink_message **message, int flags);

/* Wipes what was received, stream keys above all, from this process's buffers. */
void uplink_wipe(struct uplink *uplink);

#endif
