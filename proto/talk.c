#include "proto/talk.h"

#include "proto/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int talk_init(struct talk *talk) {
    int rc = exchange_queue_init(&talk->queue);
    if (rc == 0)
        rc = msg_arena_new(&talk->arena, LIMIT_ARENA);
    if (rc < 0)
        exchange_queue_clear(&talk->queue);
    return rc;
}

void talk_clear(struct talk *talk) {
    exchange_queue_clear(&talk->queue);
    msg_arena_free(talk->arena);
    talk->arena = NULL;
}

bool talk_has_ended(const struct talk *talk) {
    return talk->end.outcome != EXCHANGE_OPEN;
}

int talk_act(struct talk *talk, int kind, uint64_t value) {
    return exchange_queue_add(&talk->queue, kind, value);
}

/* What may be said in every state. *control becomes NULL where it was that. */
static int answer(struct talk *talk, const Fxnode__Wire__Control **control) {
    const Fxnode__Wire__Control *heard = *control;
    switch (heard->body_case) {
    case FXNODE__WIRE__CONTROL__BODY_STOP:
        *control = NULL;
        exchange_end_from_stop(&talk->end, heard->stop);
        exchange_queue_end(&talk->queue);
        return 0;
    case FXNODE__WIRE__CONTROL__BODY_PING:
        *control = NULL;
        return talk_say_empty(talk, FXNODE__WIRE__CONTROL__BODY_PONG);
    case FXNODE__WIRE__CONTROL__BODY_PONG:
        *control = NULL;
        return 0;
    default:
        return 0;
    }
}

int talk_hear(struct talk *talk, uint64_t now_ms, const void *data, size_t length,
              const Fxnode__Wire__Control **control) {
    struct fail why;
    *control = NULL;
    exchange_clock_advance(&talk->clock, now_ms);
    exchange_clock_heard(&talk->clock);
    int rc = wire_decode(talk->arena, data, length, control, &why);
    if (rc == MSG_INVALID) {
        *control = NULL;
        return talk_violation(talk, "%s", why.text);
    }
    return rc == 0 ? answer(talk, control) : rc;
}

int talk_tick(struct talk *talk, uint64_t now_ms) {
    exchange_clock_advance(&talk->clock, now_ms);
    switch (exchange_clock_beat(&talk->clock)) {
    case EXCHANGE_PEER_SILENT:
        return talk_finish(talk, EXCHANGE_LOST, "the peer has fallen silent");
    case EXCHANGE_PING_DUE:
        return talk_say_empty(talk, FXNODE__WIRE__CONTROL__BODY_PING);
    default:
        return 0;
    }
}

int talk_finish(struct talk *talk, enum exchange_outcome outcome, const char *text) {
    exchange_end_set(&talk->end, outcome, text);
    exchange_queue_end(&talk->queue);
    return 0;
}

int talk_stop(struct talk *talk, enum exchange_outcome outcome, exchange_reason reason,
              const char *text) {
    /* Where there is no memory to say so, the peer sees that the connection ends. */
    (void)talk_say_stop(talk, reason, text);
    return talk_finish(talk, outcome, text != NULL ? text : "");
}

int talk_violation(struct talk *talk, const char *format, ...) {
    char text[sizeof talk->end.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return talk_stop(talk, EXCHANGE_PROTOCOL, FXNODE__WIRE__STOP__REASON__ERROR, text);
}

/* Messages */

static int say(struct talk *talk, const Fxnode__Wire__Control *control) {
    talk->clock.sent = talk->clock.now;
    return exchange_queue_send(&talk->queue, control);
}

/* protobuf-c has no pointers to const; what is encoded is only read. */
static ProtobufCBinaryData bytes(const void *data, size_t length) {
    return (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)data};
}

static void list_names(ProtobufCBinaryData *list, const struct manifest_name *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        list[i] = bytes(names[i].bytes, names[i].length);
}

/* Copies `text` to `out`, cut to its size; NULL becomes an empty one. */
static char *cut(char out[WIRE_TEXT_MAX + 1], const char *text) {
    size_t length = text == NULL ? 0 : strnlen(text, WIRE_TEXT_MAX);
    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
    return out;
}

int talk_say_offer(struct talk *talk, const struct talk_offer *what) {
    const struct manifest_summary *summary = what->summary;
    const struct lineage *lineage = what->lineage;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Offer offer = FXNODE__WIRE__OFFER__INIT;
    ProtobufCBinaryData names[LIMIT_OFFER_NAMES];
    ProtobufCBinaryData replaces[LIMIT_LINEAGE];
    list_names(names, summary->names, summary->names_shown);
    for (size_t i = 0; i < lineage->count; i++)
        replaces[i] = bytes(lineage->ids[i], LIMIT_TRANSFER_ID);
    offer.transfer_id = bytes(what->transfer_id, LIMIT_TRANSFER_ID);
    offer.manifest_hash = bytes(summary->hash, LIMIT_HASH);
    offer.manifest_length = summary->length;
    offer.entries = summary->entries;
    offer.bytes = summary->bytes;
    offer.units = summary->units;
    offer.n_names = summary->names_shown;
    offer.names = names;
    offer.name_count = summary->name_count;
    offer.lanes = what->lanes;
    offer.holes = what->holes;
    offer.n_replaces = lineage->count;
    offer.replaces = replaces;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_OFFER;
    control.offer = &offer;
    return say(talk, &control);
}

int talk_say_verdict(struct talk *talk, Fxnode__Wire__Verdict verdict, const char *reason) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    char text[WIRE_TEXT_MAX + 1];
    verdict.reason = cut(text, reason);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_VERDICT;
    control.verdict = &verdict;
    return say(talk, &control);
}

int talk_say_manifest(struct talk *talk, const void *batch, size_t length) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Manifest manifest = FXNODE__WIRE__MANIFEST__INIT;
    manifest.batch = bytes(batch, length);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_MANIFEST;
    control.manifest = &manifest;
    return say(talk, &control);
}

/* Ranges on their way into messages. */
struct some {
    const struct rangeset *set;
    size_t at;
    size_t count; /* in the message that is being made */
    Fxnode__Wire__Extent values[WIRE_EXTENTS_MAX];
    Fxnode__Wire__Extent *extents[WIRE_EXTENTS_MAX];
};

/* The next ranges for one message. Whether these are the last. */
static bool take_some(struct some *some) {
    for (some->count = 0; some->at < some->set->length && some->count < WIRE_EXTENTS_MAX;
         some->at++, some->count++) {
        Fxnode__Wire__Extent *value = &some->values[some->count];
        fxnode__wire__extent__init(value);
        value->first = some->set->ranges[some->at].first;
        value->count = some->set->ranges[some->at].count;
        some->extents[some->count] = value;
    }
    return some->at == some->set->length;
}

int talk_say_holding(struct talk *talk, const struct rangeset *held,
                     const struct rangeset *skipped) {
    struct some units = {.set = held};
    struct some entries = {.set = skipped};
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Holding holding = FXNODE__WIRE__HOLDING__INIT;
    int rc = 0;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_HOLDING;
    control.holding = &holding;
    while (rc == 0 && !holding.last) {
        bool last = take_some(&units);
        holding.last = take_some(&entries) && last;
        holding.n_extents = units.count;
        holding.extents = units.extents;
        holding.n_skipped = entries.count;
        holding.skipped = entries.extents;
        rc = say(talk, &control);
    }
    return rc;
}

/* One message with these extents. */
static int say_some(struct talk *talk, Fxnode__Wire__Control__BodyCase body, struct some *some) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Durable durable = FXNODE__WIRE__DURABLE__INIT;
    Fxnode__Wire__Again again = FXNODE__WIRE__AGAIN__INIT;
    control.body_case = body;
    if (body == FXNODE__WIRE__CONTROL__BODY_DURABLE) {
        durable.n_extents = some->count;
        durable.extents = some->extents;
        control.durable = &durable;
    } else {
        again.n_extents = some->count;
        again.extents = some->extents;
        control.again = &again;
    }
    return say(talk, &control);
}

int talk_say_extents(struct talk *talk, Fxnode__Wire__Control__BodyCase body,
                     const struct rangeset *set) {
    struct some some = {.set = set};
    bool last = set->length == 0;
    int rc = 0;
    while (rc == 0 && !last) {
        last = take_some(&some);
        rc = say_some(talk, body, &some);
    }
    return rc;
}

int talk_say_confirm(struct talk *talk, uint32_t first_entry, uint32_t count,
                     const uint8_t digest[LIMIT_CHUNK_HASH]) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Confirm confirm = FXNODE__WIRE__CONFIRM__INIT;
    confirm.first_entry = first_entry;
    confirm.count = count;
    confirm.digest = bytes(digest, LIMIT_CHUNK_HASH);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_CONFIRM;
    control.confirm = &confirm;
    return say(talk, &control);
}

int talk_say_failed(struct talk *talk, uint32_t entry, Fxnode__Wire__Failed__Reason reason,
                    const char *text) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Failed failed = FXNODE__WIRE__FAILED__INIT;
    char copy[WIRE_TEXT_MAX + 1];
    failed.entry = entry;
    failed.reason = reason;
    failed.text = cut(copy, text);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_FAILED;
    control.failed = &failed;
    return say(talk, &control);
}

static Fxnode__Wire__Delivered delivered(ProtobufCBinaryData list[LIMIT_OFFER_NAMES],
                                         const struct exchange_delivery *delivery) {
    Fxnode__Wire__Delivered message = FXNODE__WIRE__DELIVERED__INIT;
    list_names(list, delivery->names, delivery->count);
    message.n_names = delivery->count;
    message.names = list;
    message.failed = delivery->failed;
    message.lacking = delivery->lacking;
    message.exact = delivery->exact;
    return message;
}

int talk_say_delivered(struct talk *talk, const struct exchange_delivery *delivery) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    ProtobufCBinaryData list[LIMIT_OFFER_NAMES];
    Fxnode__Wire__Delivered message = delivered(list, delivery);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_DELIVERED;
    control.delivered = &message;
    return say(talk, &control);
}

int talk_say_delivered_before(struct talk *talk, const struct exchange_delivery *delivery) {
    Fxnode__Wire__Verdict verdict = FXNODE__WIRE__VERDICT__INIT;
    ProtobufCBinaryData list[LIMIT_OFFER_NAMES];
    Fxnode__Wire__Delivered message = delivered(list, delivery);
    verdict.answer = FXNODE__WIRE__VERDICT__ANSWER__DELIVERED;
    verdict.delivered = &message;
    return talk_say_verdict(talk, verdict, NULL);
}

int talk_say_stop(struct talk *talk, exchange_reason reason, const char *text) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Stop stop = FXNODE__WIRE__STOP__INIT;
    char copy[WIRE_TEXT_MAX + 1];
    stop.reason = reason;
    stop.text = cut(copy, text);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_STOP;
    control.stop = &stop;
    return say(talk, &control);
}

int talk_say_empty(struct talk *talk, Fxnode__Wire__Control__BodyCase body) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Sent sent = FXNODE__WIRE__SENT__INIT;
    Fxnode__Wire__Finish finish = FXNODE__WIRE__FINISH__INIT;
    Fxnode__Wire__Ping ping = FXNODE__WIRE__PING__INIT;
    Fxnode__Wire__Pong pong = FXNODE__WIRE__PONG__INIT;
    control.body_case = body;
    if (body == FXNODE__WIRE__CONTROL__BODY_SENT)
        control.sent = &sent;
    else if (body == FXNODE__WIRE__CONTROL__BODY_FINISH)
        control.finish = &finish;
    else if (body == FXNODE__WIRE__CONTROL__BODY_PING)
        control.ping = &ping;
    else
        control.pong = &pong;
    return say(talk, &control);
}
