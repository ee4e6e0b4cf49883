#include "proto/exchange.h"

#include "base/escape.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *exchange_outcome_name(enum exchange_outcome outcome) {
    static const char *const names[] = {
        [EXCHANGE_OPEN] = "OPEN",         [EXCHANGE_COMPLETE] = "COMPLETE",
        [EXCHANGE_LOST] = "LOST",         [EXCHANGE_BUSY] = "BUSY",
        [EXCHANGE_NO_SPACE] = "NO_SPACE", [EXCHANGE_REFUSED] = "REFUSED",
        [EXCHANGE_PAUSED] = "PAUSED",     [EXCHANGE_CANCELLED] = "CANCELLED",
        [EXCHANGE_FAILED] = "FAILED",     [EXCHANGE_PROTOCOL] = "PROTOCOL",
        [EXCHANGE_STOPPED] = "STOPPED",
    };
    size_t at = (size_t)outcome;
    return at < sizeof names / sizeof names[0] ? names[at] : "UNKNOWN";
}

void exchange_clock_start(struct exchange_clock *clock, uint64_t now_ms) {
    *clock = (struct exchange_clock){.now = now_ms, .sent = now_ms, .heard = now_ms};
}

void exchange_clock_advance(struct exchange_clock *clock, uint64_t now_ms) {
    if (now_ms > clock->now)
        clock->now = now_ms;
}

void exchange_clock_heard(struct exchange_clock *clock) {
    clock->heard = clock->now;
}

void exchange_clock_set_deaf(struct exchange_clock *clock, bool deaf) {
    if (clock->deaf && !deaf)
        clock->heard = clock->now;
    clock->deaf = deaf;
}

enum exchange_beat exchange_clock_beat(const struct exchange_clock *clock) {
    if (!clock->deaf && clock->now - clock->heard >= EXCHANGE_SILENT_MS)
        return EXCHANGE_PEER_SILENT;
    return clock->now - clock->sent >= EXCHANGE_PING_MS ? EXCHANGE_PING_DUE : EXCHANGE_QUIET;
}

uint64_t exchange_clock_deadline(const struct exchange_clock *clock) {
    uint64_t ping = clock->sent + EXCHANGE_PING_MS;
    uint64_t silent = clock->heard + EXCHANGE_SILENT_MS;
    return clock->deaf || ping < silent ? ping : silent;
}

void exchange_end_set(struct exchange_end *end, enum exchange_outcome outcome, const char *text) {
    if (end->outcome != EXCHANGE_OPEN)
        return;
    end->outcome = outcome;
    snprintf(end->text, sizeof end->text, "%s", text);
}

void exchange_end_from_stop(struct exchange_end *end, const Fxnode__Wire__Stop *stop) {
    static const struct {
        enum exchange_outcome outcome;
        const char *what;
    } meanings[] = {
        [FXNODE__WIRE__STOP__REASON__PAUSED] = {EXCHANGE_PAUSED, "the peer paused"},
        [FXNODE__WIRE__STOP__REASON__CANCELLED] = {EXCHANGE_CANCELLED, "the peer cancelled"},
        [FXNODE__WIRE__STOP__REASON__NO_SPACE] = {EXCHANGE_NO_SPACE, "the peer cannot store more"},
        /* It may be what damaged bytes on the way looked like there: worth some more tries. */
        [FXNODE__WIRE__STOP__REASON__ERROR] = {EXCHANGE_PROTOCOL, "the peer met an error"},
        [FXNODE__WIRE__STOP__REASON__BUSY] = {EXCHANGE_BUSY, "the peer is busy"},
    };
    char shown[400];
    char text[sizeof end->text];
    escape_text(shown, sizeof shown, stop->text);
    snprintf(text, sizeof text, "%s%s%s", meanings[stop->reason].what, shown[0] != '\0' ? ": " : "",
             shown);
    exchange_end_set(end, meanings[stop->reason].outcome, text);
}

int exchange_extents_add(struct rangeset *set, Fxnode__Wire__Extent *const *extents, size_t count,
                         uint64_t units) {
    for (size_t i = 0; i < count; i++) {
        if (extents[i]->first >= units || extents[i]->count > units - extents[i]->first ||
            set->length >= EXCHANGE_RANGES_MAX)
            return 1;
        int rc = rangeset_add(set, extents[i]->first, extents[i]->count);
        if (rc < 0)
            return rc;
    }
    return 0;
}

#define QUEUE_MAX 512u

static void drop_taken(struct exchange_queue *queue) {
    free(queue->taken);
    queue->taken = NULL;
}

int exchange_queue_init(struct exchange_queue *queue) {
    queue->end = calloc(1, sizeof *queue->end);
    if (queue->end == NULL)
        return -ENOMEM;
    queue->end->kind = EXCHANGE_END;
    return 0;
}

void exchange_queue_clear(struct exchange_queue *queue) {
    while (exchange_queue_take(queue) != NULL)
        continue;
    drop_taken(queue);
    free(queue->end);
    queue->end = NULL;
}

const struct exchange_item *exchange_queue_take(struct exchange_queue *queue) {
    drop_taken(queue);
    queue->taken = queue->head;
    if (queue->head == NULL)
        return NULL;
    queue->head = queue->head->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    queue->length--;
    return queue->taken;
}

static void link_item(struct exchange_queue *queue, struct exchange_item *item) {
    if (queue->tail != NULL)
        queue->tail->next = item;
    else
        queue->head = item;
    queue->tail = item;
    queue->length++;
}

static int append(struct exchange_queue *queue, int kind, uint64_t value,
                  const ProtobufCMessage *message) {
    size_t length = message == NULL ? 0 : protobuf_c_message_get_packed_size(message);
    if (length > WIRE_MESSAGE_MAX)
        return -EMSGSIZE;
    if (queue->length >= QUEUE_MAX)
        return -EOVERFLOW;
    struct exchange_item *item = malloc(sizeof *item + length);
    if (item == NULL)
        return -ENOMEM;
    *item = (struct exchange_item){.kind = kind, .value = value, .length = length};
    if (message != NULL)
        protobuf_c_message_pack(message, item->message);
    link_item(queue, item);
    return 0;
}

int exchange_queue_add(struct exchange_queue *queue, int kind, uint64_t value) {
    return append(queue, kind, value, NULL);
}

void exchange_queue_end(struct exchange_queue *queue) {
    if (queue->end == NULL)
        return;
    link_item(queue, queue->end);
    queue->end = NULL;
}

int exchange_queue_send(struct exchange_queue *queue, const Fxnode__Wire__Control *control) {
    return append(queue, EXCHANGE_SEND, 0, &control->base);
}
