/*
 * Control messages on their way out, in order. No lock of its own: the lock of the transfer is
 * held around every call.
 */
#ifndef NODE_SESSION_OUTBOX_H
#define NODE_SESSION_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who has something to say waits while more than this is queued. */
#define OUTBOX_FULL (512u * 1024u)

/* What a peer that asks but never reads can make us queue; then it counts as lost. */
#define OUTBOX_MAX (4u * 1024u * 1024u)

struct outbox_message;

struct outbox {
    struct outbox_message *first;
    struct outbox_message **last;
    size_t bytes;
};

void outbox_init(struct outbox *outbox);
void outbox_clear(struct outbox *outbox);

/* Adds a copy. 0, -ENOMEM, or -ENOBUFS beyond OUTBOX_MAX. */
int outbox_add(struct outbox *outbox, const void *data, size_t length);

/* Moves the oldest message into `buffer`, which has room for the longest. Its length; 0 where
 * there is none. */
size_t outbox_take(struct outbox *outbox, void *buffer);

bool outbox_is_empty(const struct outbox *outbox);
bool outbox_is_full(const struct outbox *outbox);

#endif
