#include "proto/sender.h"

#include "base/escape.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { NEW, OFFERED, MANIFEST, HOLDING, DATA, SENT, RECORDING, ENDED, STATES };

#define BODIES (FXNODE__WIRE__CONTROL__BODY_PONG + 1)

struct sender {
    enum state state;
    uint8_t transfer_id[LIMIT_TRANSFER_ID];
    struct manifest_summary summary;
    uint32_t lanes; /* wanted; from the verdict on, allowed */
    struct exchange_clock clock;
    struct exchange_end end;
    struct exchange_queue queue;
    struct msg_arena *arena;                  /* of the newest control message */
    const Fxnode__Wire__Delivered *delivered; /* in the arena, or NULL */
    const char *text;                         /* in the arena: of ASKED */
    uint64_t manifest_sent;                   /* bytes of the manifest, prefixes included */
    struct rangeset held;                     /* durable before this connection */
    struct rangeset durable;                  /* without dropped units */
    struct rangeset dropped;                  /* units of failed entries */
    struct rangeset settled;                  /* durable or dropped */
    struct rangeset busy;                     /* settled, or claimed by a lane */
    struct rangeset ever;                     /* claimed at any time: what may become durable */
    struct rangeset failed;                   /* entries */
    struct rangeset claimed[LIMIT_LANES];     /* and not settled */
    bool open[LIMIT_LANES];
    uint64_t cursor;       /* no unit below it is free */
    uint32_t confirm_next; /* entry */
    uint32_t *confirms;    /* first entries of what was confirmed, up to confirm_next; owned */
    size_t confirm_count, confirm_room;
    uint32_t agains;
    bool rewinding; /* REWIND was not answered yet */
};

typedef int (*handler)(struct sender *sender, const Fxnode__Wire__Control *control);

int sender_new(struct sender **sender, const struct sender_config *config) {
    const struct manifest_summary *summary = config->summary;
    if (config->lanes == 0 || config->lanes > LIMIT_LANES || summary->entries == 0 ||
        summary->name_count == 0 || summary->names_shown > LIMIT_OFFER_NAMES)
        return -EINVAL;
    struct sender *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    int rc = msg_arena_new(&made->arena, LIMIT_ARENA);
    if (rc < 0) {
        free(made);
        return rc;
    }
    memcpy(made->transfer_id, config->transfer_id, sizeof made->transfer_id);
    made->summary = *summary;
    /* What fits into one chunk is not worth another connection. */
    made->lanes = summary->bytes <= LIMIT_CHUNK ? 1 : config->lanes;
    *sender = made;
    return 0;
}

void sender_free(struct sender *sender) {
    if (sender == NULL)
        return;
    struct rangeset *sets[] = {&sender->held, &sender->durable, &sender->dropped, &sender->settled,
                               &sender->busy, &sender->ever,    &sender->failed};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        rangeset_clear(sets[i]);
    for (size_t i = 0; i < LIMIT_LANES; i++)
        rangeset_clear(&sender->claimed[i]);
    free(sender->confirms);
    exchange_queue_clear(&sender->queue);
    msg_arena_free(sender->arena);
    free(sender);
}

/* Ends */

static int finish(struct sender *sender, enum exchange_outcome outcome, const char *text) {
    exchange_end_set(&sender->end, outcome, text);
    sender->state = ENDED;
    return exchange_queue_add(&sender->queue, SENDER_END, 0);
}

/* The peer broke the protocol: tell it, and end. */
__attribute__((format(printf, 2, 3))) static int violation(struct sender *sender,
                                                           const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int rc = exchange_queue_send_stop(&sender->queue, FXNODE__WIRE__STOP__REASON__ERROR, text);
    return rc < 0 ? rc : finish(sender, EXCHANGE_PROTOCOL, text);
}

static int send(struct sender *sender, const Fxnode__Wire__Control *control) {
    sender->clock.sent = sender->clock.now;
    return exchange_queue_send(&sender->queue, control);
}

static int send_empty(struct sender *sender, Fxnode__Wire__Control__BodyCase body) {
    sender->clock.sent = sender->clock.now;
    return exchange_queue_send_empty(&sender->queue, body);
}

static int act(struct sender *sender, enum sender_action_kind kind, uint64_t value) {
    return exchange_queue_add(&sender->queue, (int)kind, value);
}

bool sender_next(struct sender *sender, struct sender_action *action) {
    const struct exchange_item *item = exchange_queue_take(&sender->queue);
    *action = (struct sender_action){.kind = SENDER_NONE};
    if (item == NULL)
        return false;
    *action = (struct sender_action){
        .kind = (enum sender_action_kind)item->kind,
        .message = item->length > 0 ? item->message : NULL,
        .length = item->length,
        .lanes = item->kind == SENDER_OPEN_LANES ? sender->lanes : 0,
        .unit = item->value,
        .text = item->kind == SENDER_ASKED ? sender->text : NULL,
        .held = item->kind == SENDER_START ? &sender->held : NULL,
        .delivered = item->kind == SENDER_DELIVERED ? sender->delivered : NULL,
        .end = item->kind == SENDER_END ? &sender->end : NULL,
    };
    return true;
}

/* Offer */

static int send_offer(struct sender *sender) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Offer offer = FXNODE__WIRE__OFFER__INIT;
    struct manifest_summary *summary = &sender->summary;
    ProtobufCBinaryData names[LIMIT_OFFER_NAMES];
    for (size_t i = 0; i < summary->names_shown; i++)
        names[i] =
            (ProtobufCBinaryData){summary->names[i].length, (uint8_t *)summary->names[i].bytes};
    offer.transfer_id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, sender->transfer_id};
    offer.manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, summary->hash};
    offer.manifest_length = summary->length;
    offer.entries = summary->entries;
    offer.bytes = summary->bytes;
    offer.units = summary->units;
    offer.n_names = summary->names_shown;
    offer.names = names;
    offer.name_count = summary->name_count;
    offer.lanes = sender->lanes;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_OFFER;
    control.offer = &offer;
    return send(sender, &control);
}

int sender_start(struct sender *sender, uint64_t now_ms) {
    if (sender->state == ENDED)
        return 0;
    if (sender->state != NEW)
        return -EINVAL;
    exchange_clock_start(&sender->clock, now_ms);
    sender->open[0] = true;
    sender->state = OFFERED;
    return send_offer(sender);
}

static int on_accept(struct sender *sender, const Fxnode__Wire__Verdict *verdict) {
    if (verdict->lanes < sender->lanes)
        sender->lanes = verdict->lanes;
    int rc = act(sender, SENDER_ACCEPTED, 0);
    if (verdict->manifest_held) {
        sender->state = HOLDING;
        return rc;
    }
    sender->state = MANIFEST;
    return rc < 0 ? rc : act(sender, SENDER_STREAM_MANIFEST, 0);
}

static int on_verdict(struct sender *sender, const Fxnode__Wire__Control *control) {
    const Fxnode__Wire__Verdict *verdict = control->verdict;
    char reason[400];
    escape_text(reason, sizeof reason, verdict->reason);
    switch (verdict->answer) {
    case FXNODE__WIRE__VERDICT__ANSWER__ACCEPT:
        return on_accept(sender, verdict);
    case FXNODE__WIRE__VERDICT__ANSWER__ASKED:
        sender->text = verdict->reason;
        return act(sender, SENDER_ASKED, 0);
    case FXNODE__WIRE__VERDICT__ANSWER__DELIVERED:
        sender->state = RECORDING;
        return act(sender, SENDER_DELIVERED, 0);
    case FXNODE__WIRE__VERDICT__ANSWER__BUSY:
        return finish(sender, EXCHANGE_BUSY, reason);
    case FXNODE__WIRE__VERDICT__ANSWER__NO_SPACE:
        return finish(sender, EXCHANGE_NO_SPACE, reason);
    case FXNODE__WIRE__VERDICT__ANSWER__CONFLICT:
        return finish(sender, EXCHANGE_FAILED,
                      "the peer knows this transfer with another manifest");
    default:
        return finish(sender, EXCHANGE_REFUSED, reason);
    }
}

int sender_manifest_batch(struct sender *sender, const void *batch, size_t length) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Manifest manifest = FXNODE__WIRE__MANIFEST__INIT;
    if (sender->state == ENDED)
        return 0;
    if (sender->state != MANIFEST || length == 0 || length > LIMIT_MANIFEST_BATCH ||
        length + MANIFEST_PREFIX > sender->summary.length - sender->manifest_sent)
        return -EINVAL;
    manifest.batch = (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)batch};
    control.body_case = FXNODE__WIRE__CONTROL__BODY_MANIFEST;
    control.manifest = &manifest;
    sender->manifest_sent += length + MANIFEST_PREFIX;
    if (sender->manifest_sent == sender->summary.length)
        sender->state = HOLDING;
    return send(sender, &control);
}

/* Data */

/* Takes [first, first + count) as settled: no lane has it any more. */
static int settle(struct sender *sender, uint64_t first, uint64_t count) {
    int rc = rangeset_add(&sender->settled, first, count);
    if (rc == 0)
        rc = rangeset_add(&sender->busy, first, count);
    for (size_t i = 0; rc == 0 && i < LIMIT_LANES; i++)
        rc = rangeset_remove(&sender->claimed[i], first, count);
    return rc;
}

/* Takes units out of `set` wherever they are dropped. */
static int remove_dropped(struct sender *sender, struct rangeset *set) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sender->dropped.length; i++)
        rc = rangeset_remove(set, sender->dropped.ranges[i].first, sender->dropped.ranges[i].count);
    return rc;
}

static int begin_data(struct sender *sender) {
    int rc = rangeset_add_all(&sender->durable, &sender->held);
    if (rc == 0)
        rc = rangeset_add_all(&sender->settled, &sender->held);
    if (rc == 0)
        rc = rangeset_add_all(&sender->busy, &sender->held);
    uint64_t missing = sender->summary.units - rangeset_total(&sender->held);
    if (missing < sender->lanes)
        sender->lanes = missing > 0 ? (uint32_t)missing : 1;
    sender->state = DATA;
    if (rc == 0 && sender->lanes > 1)
        rc = act(sender, SENDER_OPEN_LANES, 0);
    return rc < 0 ? rc : act(sender, SENDER_START, 0);
}

static int on_holding(struct sender *sender, const Fxnode__Wire__Control *control) {
    const Fxnode__Wire__Holding *holding = control->holding;
    int rc = exchange_extents_add(&sender->held, holding->extents, holding->n_extents,
                                  sender->summary.units);
    if (rc > 0)
        return violation(sender, "Holding with impossible extents");
    return rc == 0 && holding->last ? begin_data(sender) : rc;
}

static int on_durable(struct sender *sender, const Fxnode__Wire__Control *control) {
    const Fxnode__Wire__Durable *message = control->durable;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < message->n_extents; i++) {
        const Fxnode__Wire__Extent *extent = message->extents[i];
        if (!rangeset_contains(&sender->ever, extent->first, extent->count))
            return violation(sender, "Durable with units that were not sent");
        if (sender->durable.length > EXCHANGE_RANGES_MAX)
            return violation(sender, "Durable in too many pieces");
        rc = settle(sender, extent->first, extent->count);
        if (rc == 0)
            rc = rangeset_add(&sender->durable, extent->first, extent->count);
    }
    if (rc == 0)
        rc = remove_dropped(sender, &sender->durable);
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS, 0);
}

/* Units are free again, unless their entries failed. */
static int unsettle(struct sender *sender, uint64_t first, uint64_t count) {
    int rc = rangeset_remove(&sender->durable, first, count);
    if (rc == 0)
        rc = rangeset_remove(&sender->settled, first, count);
    if (rc == 0)
        rc = rangeset_remove(&sender->busy, first, count);
    if (rc == 0)
        rc = rangeset_add_all(&sender->settled, &sender->dropped);
    if (rc == 0)
        rc = rangeset_add_all(&sender->busy, &sender->dropped);
    if (first < sender->cursor)
        sender->cursor = first;
    return rc;
}

static int on_again(struct sender *sender, const Fxnode__Wire__Control *control) {
    const Fxnode__Wire__Again *again = control->again;
    uint64_t lowest = UINT64_MAX;
    int rc = 0;
    if (++sender->agains > EXCHANGE_AGAIN_MESSAGES)
        return violation(sender, "Again too often");
    for (size_t i = 0; rc == 0 && i < again->n_extents; i++) {
        const Fxnode__Wire__Extent *extent = again->extents[i];
        if (!rangeset_contains(&sender->settled, extent->first, extent->count))
            return violation(sender, "Again with units that were not durable");
        rc = unsettle(sender, extent->first, extent->count);
        if (!rangeset_contains(&sender->settled, extent->first, extent->count) &&
            extent->first < lowest)
            lowest = extent->first;
    }
    /* All of it failed in the meantime, which the peer will have heard before what was confirmed
     * since. */
    if (rc < 0 || lowest == UINT64_MAX)
        return rc;
    sender->state = DATA;
    sender->rewinding = true;
    rc = act(sender, SENDER_REWIND, lowest);
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS, 0);
}

static int on_delivered(struct sender *sender, const Fxnode__Wire__Control *control) {
    sender->delivered = control->delivered;
    if (sender->delivered->failed > sender->summary.entries)
        return violation(sender, "Delivered with too many failed entries");
    sender->state = RECORDING;
    return act(sender, SENDER_DELIVERED, 0);
}

static int on_stop(struct sender *sender, const Fxnode__Wire__Control *control) {
    exchange_end_from_stop(&sender->end, control->stop);
    return finish(sender, EXCHANGE_STOPPED, "");
}

static int on_ping(struct sender *sender, const Fxnode__Wire__Control *control) {
    (void)control;
    return send_empty(sender, FXNODE__WIRE__CONTROL__BODY_PONG);
}

static int on_pong(struct sender *sender, const Fxnode__Wire__Control *control) {
    (void)sender;
    (void)control;
    return 0;
}

/* What the peer may say when. What is missing here is a violation. */
static const handler always[BODIES] = {
    [FXNODE__WIRE__CONTROL__BODY_STOP] = on_stop,
    [FXNODE__WIRE__CONTROL__BODY_PING] = on_ping,
    [FXNODE__WIRE__CONTROL__BODY_PONG] = on_pong,
};

static const handler allowed[STATES][BODIES] = {
    [OFFERED] = {[FXNODE__WIRE__CONTROL__BODY_VERDICT] = on_verdict},
    [HOLDING] = {[FXNODE__WIRE__CONTROL__BODY_HOLDING] = on_holding},
    [DATA] = {[FXNODE__WIRE__CONTROL__BODY_DURABLE] = on_durable,
              [FXNODE__WIRE__CONTROL__BODY_AGAIN] = on_again},
    /* Durable may be on its way for units of an entry that failed since. */
    [SENT] = {[FXNODE__WIRE__CONTROL__BODY_DURABLE] = on_durable,
              [FXNODE__WIRE__CONTROL__BODY_AGAIN] = on_again,
              [FXNODE__WIRE__CONTROL__BODY_DELIVERED] = on_delivered},
};

int sender_control(struct sender *sender, uint64_t now_ms, const void *data, size_t length) {
    const Fxnode__Wire__Control *control = NULL;
    struct fail why;
    if (sender->state == ENDED)
        return 0;
    if (sender->state == NEW)
        return -EINVAL;
    exchange_clock_advance(&sender->clock, now_ms);
    exchange_clock_heard(&sender->clock);
    int rc = wire_decode(sender->arena, data, length, &control, &why);
    if (rc == MSG_INVALID)
        return violation(sender, "%s", why.text);
    if (rc < 0)
        return rc;
    handler handle = always[control->body_case];
    if (handle == NULL)
        handle = allowed[sender->state][control->body_case];
    if (handle == NULL)
        return violation(sender, "%s out of turn", wire_name(control->body_case));
    return handle(sender, control);
}

int sender_tick(struct sender *sender, uint64_t now_ms) {
    if (sender->state == NEW || sender->state == ENDED)
        return 0;
    exchange_clock_advance(&sender->clock, now_ms);
    switch (exchange_clock_beat(&sender->clock)) {
    case EXCHANGE_PEER_SILENT:
        return finish(sender, EXCHANGE_LOST, "the peer has fallen silent");
    case EXCHANGE_PING_DUE:
        return send_empty(sender, FXNODE__WIRE__CONTROL__BODY_PING);
    default:
        return 0;
    }
}

uint64_t sender_deadline(const struct sender *sender) {
    if (sender->state == NEW || sender->state == ENDED)
        return EXCHANGE_NEVER;
    return exchange_clock_deadline(&sender->clock);
}

int sender_lane_opened(struct sender *sender, uint32_t lane) {
    if (sender->state == ENDED)
        return 0;
    if (sender->state < DATA || lane == 0 || lane >= sender->lanes || sender->open[lane])
        return -EINVAL;
    sender->open[lane] = true;
    return 0;
}

int sender_lane_lost(struct sender *sender, uint32_t lane) {
    int rc = 0;
    if (sender->state == ENDED)
        return 0;
    if (lane >= LIMIT_LANES)
        return -EINVAL;
    if (lane == 0)
        return finish(sender, EXCHANGE_LOST, "the connection is lost");
    struct rangeset *claimed = &sender->claimed[lane];
    for (size_t i = 0; rc == 0 && i < claimed->length; i++) {
        rc = rangeset_remove(&sender->busy, claimed->ranges[i].first, claimed->ranges[i].count);
        if (claimed->ranges[i].first < sender->cursor)
            sender->cursor = claimed->ranges[i].first;
    }
    rangeset_clear(claimed);
    sender->open[lane] = false;
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS, 0);
}

int sender_claim(struct sender *sender, uint32_t lane, uint64_t max_units, struct range *range) {
    uint64_t units = sender->summary.units;
    if (sender->state == ENDED || sender->state == SENT || sender->state == RECORDING)
        return 0;
    if (sender->state != DATA || lane >= LIMIT_LANES || !sender->open[lane] || max_units == 0)
        return -EINVAL;
    if (!rangeset_next_gap(&sender->busy, sender->cursor, units, range)) {
        sender->cursor = units;
        return 0;
    }
    if (range->count > max_units)
        range->count = max_units;
    int rc = rangeset_add(&sender->claimed[lane], range->first, range->count);
    if (rc == 0)
        rc = rangeset_add(&sender->busy, range->first, range->count);
    if (rc == 0)
        rc = rangeset_add(&sender->ever, range->first, range->count);
    sender->cursor = range->first + range->count;
    return rc < 0 ? rc : 1;
}

bool sender_wants(const struct sender *sender, uint32_t lane, uint64_t unit) {
    return sender->state == DATA && lane < LIMIT_LANES &&
           rangeset_contains(&sender->claimed[lane], unit, 1);
}

static int send_failed(struct sender *sender, const struct sender_failure *failure) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Failed failed = FXNODE__WIRE__FAILED__INIT;
    char text[WIRE_TEXT_MAX + 1];
    failed.entry = failure->entry;
    failed.reason = failure->reason;
    failed.text = exchange_cut(text, sizeof text, failure->text);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_FAILED;
    control.failed = &failed;
    return send(sender, &control);
}

int sender_failed(struct sender *sender, const struct sender_failure *failure) {
    uint64_t units = sender->summary.units;
    if (sender->state > DATA)
        return 0;
    if (sender->state != DATA || failure->entry >= sender->summary.entries ||
        failure->units > units || failure->first_unit > units - failure->units)
        return -EINVAL;
    if (failure->entry < sender->confirm_next ||
        rangeset_contains(&sender->failed, failure->entry, 1))
        return 0;
    int rc = rangeset_add(&sender->failed, failure->entry, 1);
    if (rc == 0)
        rc = rangeset_add(&sender->dropped, failure->first_unit, failure->units);
    if (rc == 0)
        rc = settle(sender, failure->first_unit, failure->units);
    if (rc == 0)
        rc = rangeset_remove(&sender->durable, failure->first_unit, failure->units);
    if (rc == 0)
        rc = send_failed(sender, failure);
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS, 0);
}

bool sender_is_durable(const struct sender *sender, uint64_t first, uint64_t count) {
    return rangeset_contains(&sender->settled, first, count);
}

const struct rangeset *sender_durable(const struct sender *sender) {
    return &sender->durable;
}

uint32_t sender_failed_count(const struct sender *sender) {
    return (uint32_t)rangeset_total(&sender->failed);
}

/* Confirming */

uint32_t sender_confirm_next(const struct sender *sender) {
    return sender->confirm_next;
}

static int send_confirm(struct sender *sender, const struct sender_confirmation *confirmation) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Confirm confirm = FXNODE__WIRE__CONFIRM__INIT;
    confirm.first_entry = confirmation->first_entry;
    confirm.count = confirmation->count;
    confirm.digest =
        (ProtobufCBinaryData){LIMIT_CHUNK_HASH, (uint8_t *)(uintptr_t)confirmation->digest};
    control.body_case = FXNODE__WIRE__CONTROL__BODY_CONFIRM;
    control.confirm = &confirm;
    return send(sender, &control);
}

/* What was confirmed together is disputed together, so going back means to where that began. */
static int remember_confirm(struct sender *sender, uint32_t first) {
    if (sender->confirm_count == sender->confirm_room) {
        size_t room = sender->confirm_room == 0 ? 16 : sender->confirm_room * 2;
        uint32_t *confirms = reallocarray(sender->confirms, room, sizeof *confirms);
        if (confirms == NULL)
            return -ENOMEM;
        sender->confirms = confirms;
        sender->confirm_room = room;
    }
    sender->confirms[sender->confirm_count++] = first;
    return 0;
}

int sender_confirm(struct sender *sender, const struct sender_confirmation *confirmation) {
    uint32_t first = confirmation->first_entry;
    uint32_t entries = sender->summary.entries;
    if (sender->state == ENDED)
        return 0;
    if (sender->state < DATA || confirmation->count == 0 || first >= entries ||
        confirmation->count > entries - first)
        return -EINVAL;
    if (sender->state != DATA || sender->rewinding || first != sender->confirm_next ||
        !sender_is_durable(sender, confirmation->first_unit, confirmation->units))
        return SENDER_STALE;
    int rc = remember_confirm(sender, first);
    if (rc == 0)
        rc = send_confirm(sender, confirmation);
    sender->confirm_next += confirmation->count;
    if (rc < 0 || sender->confirm_next < entries)
        return rc;
    sender->state = SENT;
    return send_empty(sender, FXNODE__WIRE__CONTROL__BODY_SENT);
}

int sender_rewind(struct sender *sender, uint32_t entry) {
    if (sender->state == ENDED)
        return 0;
    if (!sender->rewinding || entry >= sender->summary.entries)
        return -EINVAL;
    sender->rewinding = false;
    while (entry < sender->confirm_next)
        sender->confirm_next = sender->confirms[--sender->confirm_count];
    return 0;
}

int sender_recorded(struct sender *sender) {
    if (sender->state == ENDED)
        return 0;
    if (sender->state != RECORDING)
        return -EINVAL;
    int rc = send_empty(sender, FXNODE__WIRE__CONTROL__BODY_FINISH);
    return rc < 0 ? rc : finish(sender, EXCHANGE_COMPLETE, "");
}

int sender_stop(struct sender *sender, exchange_reason reason, const char *text) {
    int rc = 0;
    if (sender->state == ENDED)
        return 0;
    if (sender->state != NEW)
        rc = exchange_queue_send_stop(&sender->queue, reason, text);
    return rc < 0 ? rc : finish(sender, EXCHANGE_STOPPED, "");
}
