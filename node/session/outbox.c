#include "node/session/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct outbox_message {
    struct outbox_message *next;
    size_t length;
    uint8_t data[];
};

void outbox_init(struct outbox *outbox) {
    *outbox = (struct outbox){.last = &outbox->first};
}

void outbox_clear(struct outbox *outbox) {
    while (outbox->first != NULL) {
        struct outbox_message *message = outbox->first;

        outbox->first = message->next;
        free(message);
    }
    outbox_init(outbox);
}

int outbox_add(struct outbox *outbox, const void *data, size_t length) {
    struct outbox_message *message = NULL;

    if (length > OUTBOX_MAX - outbox->bytes)
        return -ENOBUFS;
    message = malloc(sizeof *message + length);
    if (message == NULL)
        return -ENOMEM;
    message->next = NULL;
    message->length = length;
    memcpy(message->data, data, length);
    *outbox->last = message;
    outbox->last = &message->next;
    outbox->bytes += length;
    return 0;
}

size_t outbox_take(struct outbox *outbox, void *buffer) {
    struct outbox_message *message = outbox->first;
    size_t length = 0;

    if (message == NULL)
        return 0;
    length = message->length;
    memcpy(buffer, message->data, length);
    outbox->first = message->next;
    if (outbox->first == NULL)
        outbox->last = &outbox->first;
    outbox->bytes -= length;
    free(message);
    return length;
}

bool outbox_is_empty(const struct outbox *outbox) {
    return outbox->first == NULL;
}

bool outbox_is_full(const struct outbox *outbox) {
    return outbox->bytes > OUTBOX_FULL;
}
