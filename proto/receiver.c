#include "proto/receiver.h"

#include "proto/intake.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { NEW, OFFER, ADMIT, MANIFEST, SYNCING, DATA, PLACING, DELIVERED, ENDED, STATES };

#define BODIES (FXNODE__WIRE__CONTROL__BODY_PONG + 1)

struct receiver {
    enum state state;
    struct receiver_config config;
    struct receiver_offer offer;
    struct exchange_clock clock;
    uint64_t offer_until;
    struct exchange_end end;
    struct exchange_queue queue;
    struct msg_arena *arena; /* of the newest control message */
    const Fxnode__Wire__Control
        *message; /* in the arena: what STORE_MANIFEST, CHECK or DROP is about */
    struct manifest_checker *checker; /* from the offer on */
    bool manifest_whole;              /* checked to its end */
    uint32_t lanes;                   /* allowed */
    struct intake intake;
    struct rangeset failed;     /* entries */
    struct rangeset confirmed;  /* entries whose content is agreed, or that failed */
    struct rangeset disputed;   /* entries whose content is being sent again, not confirmed since */
    struct rangeset bad_claims; /* units */
    struct rangeset bad_entries; /* the entries they belong to */
    uint32_t rounds;             /* of Again after a digest that differed */
    bool claims_open;
    bool checking; /* CHECK was not answered */
    bool dropping; /* DROP was not answered */
    bool sent;     /* Sent came, and nothing was asked for again since */
};

typedef int (*handler)(struct receiver *receiver, const Fxnode__Wire__Control *control);

int receiver_new(struct receiver **receiver, const struct receiver_config *config) {
    if (config->lanes == 0 || config->lanes > LIMIT_LANES)
        return -EINVAL;
    struct receiver *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    int rc = msg_arena_new(&made->arena, LIMIT_ARENA);
    if (rc < 0) {
        free(made);
        return rc;
    }
    made->config = *config;
    *receiver = made;
    return 0;
}

void receiver_free(struct receiver *receiver) {
    if (receiver == NULL)
        return;
    struct rangeset *sets[] = {&receiver->failed, &receiver->confirmed, &receiver->disputed,
                               &receiver->bad_claims, &receiver->bad_entries};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        rangeset_clear(sets[i]);
    intake_clear(&receiver->intake);
    exchange_queue_clear(&receiver->queue);
    manifest_checker_free(receiver->checker);
    msg_arena_free(receiver->arena);
    free(receiver);
}

/* Actions and ends */

static int act(struct receiver *receiver, enum receiver_action_kind kind) {
    return exchange_queue_add(&receiver->queue, (int)kind, 0);
}

static int finish(struct receiver *receiver, enum exchange_outcome outcome, const char *text) {
    exchange_end_set(&receiver->end, outcome, text);
    receiver->state = ENDED;
    return act(receiver, RECEIVER_END);
}

/* This side stops, for what the peer is told. */
static int stop(struct receiver *receiver, enum exchange_outcome outcome, exchange_reason reason,
                const char *text) {
    int rc = exchange_queue_send_stop(&receiver->queue, reason, text);
    return rc < 0 ? rc : finish(receiver, outcome, text != NULL ? text : "");
}

/* The peer broke the protocol: tell it, and end. */
__attribute__((format(printf, 2, 3))) static int violation(struct receiver *receiver,
                                                           const char *format, ...) {
    char text[500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return stop(receiver, EXCHANGE_PROTOCOL, FXNODE__WIRE__STOP__REASON__ERROR, text);
}

static int send(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    receiver->clock.sent = receiver->clock.now;
    return exchange_queue_send(&receiver->queue, control);
}

static int send_empty(struct receiver *receiver, Fxnode__Wire__Control__BodyCase body) {
    receiver->clock.sent = receiver->clock.now;
    return exchange_queue_send_empty(&receiver->queue, body);
}

/* Sends what is in `set`, which is empty afterwards. Nothing for an empty one, unless it is
 * Holding. */
static int send_extents(struct receiver *receiver, Fxnode__Wire__Control__BodyCase body,
                        struct rangeset *set) {
    if (set->length > 0)
        receiver->clock.sent = receiver->clock.now;
    return exchange_queue_send_extents(&receiver->queue, body, set);
}

static void describe_check(const struct receiver *receiver, struct receiver_action *action) {
    const Fxnode__Wire__Confirm *confirm = receiver->message->confirm;
    action->entry = confirm->first_entry;
    action->count = confirm->count;
    memcpy(action->digest, confirm->digest.data, sizeof action->digest);
}

static void describe_drop(const struct receiver *receiver, struct receiver_action *action) {
    const Fxnode__Wire__Failed *failed = receiver->message->failed;
    action->entry = failed->entry;
    action->reason = failed->reason;
    action->text = failed->text;
}

bool receiver_next(struct receiver *receiver, struct receiver_action *action) {
    const struct exchange_item *item = exchange_queue_take(&receiver->queue);
    *action = (struct receiver_action){.kind = RECEIVER_NONE};
    if (item == NULL)
        return false;
    action->kind = (enum receiver_action_kind)item->kind;
    switch (action->kind) {
    case RECEIVER_SEND:
        action->message = item->message;
        action->length = item->length;
        break;
    case RECEIVER_OFFERED:
        action->offer = &receiver->offer;
        break;
    case RECEIVER_STORE_MANIFEST:
        action->message = receiver->message->manifest->batch.data;
        action->length = receiver->message->manifest->batch.len;
        break;
    case RECEIVER_COMMIT:
        action->add = &receiver->intake.adding;
        action->forget = &receiver->intake.forgetting;
        break;
    case RECEIVER_CHECK:
        describe_check(receiver, action);
        break;
    case RECEIVER_DROP:
        describe_drop(receiver, action);
        break;
    case RECEIVER_END:
        action->end = &receiver->end;
        break;
    default:
        break;
    }
    return true;
}

/* Offer and admission */

int receiver_start(struct receiver *receiver, uint64_t now_ms) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state != NEW)
        return -EINVAL;
    exchange_clock_start(&receiver->clock, now_ms);
    receiver->offer_until = now_ms + receiver->config.offer_ms;
    receiver->intake.lanes[0].open = true;
    receiver->state = OFFER;
    return 0;
}

static void read_offer(struct receiver_offer *offer, const Fxnode__Wire__Offer *wire) {
    struct manifest_summary *summary = &offer->summary;
    memcpy(offer->transfer_id, wire->transfer_id.data, sizeof offer->transfer_id);
    memcpy(summary->hash, wire->manifest_hash.data, sizeof summary->hash);
    summary->length = wire->manifest_length;
    summary->entries = wire->entries;
    summary->bytes = wire->bytes;
    summary->units = wire->units;
    summary->name_count = wire->name_count;
    summary->names_shown = (uint32_t)wire->n_names;
    for (size_t i = 0; i < wire->n_names; i++) {
        summary->names[i].length = (uint8_t)wire->names[i].len;
        memcpy(summary->names[i].bytes, wire->names[i].data, wire->names[i].len);
    }
    offer->lanes = wire->lanes;
}

static int on_offer(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    read_offer(&receiver->offer, control->offer);
    int rc = receiver_manifest_reset(receiver);
    receiver->lanes = receiver->offer.lanes < receiver->config.lanes ? receiver->offer.lanes
                                                                     : receiver->config.lanes;
    receiver->state = ADMIT;
    return rc < 0 ? rc : act(receiver, RECEIVER_OFFERED);
}

int receiver_manifest_reset(struct receiver *receiver) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state != OFFER && receiver->state != ADMIT)
        return -EINVAL;
    manifest_checker_free(receiver->checker);
    receiver->checker = NULL;
    receiver->manifest_whole = false;
    return manifest_checker_new(&receiver->checker, &receiver->offer.summary);
}

/* Judges a batch; after the last one the whole. */
static int take_batch(struct receiver *receiver, const void *batch, size_t length,
                      struct fail *why) {
    int rc = manifest_checker_add(receiver->checker, batch, length, why);
    if (rc != 0 || !manifest_checker_is_full(receiver->checker))
        return rc;
    rc = manifest_checker_end(receiver->checker, why);
    receiver->manifest_whole = rc == 0;
    return rc;
}

int receiver_manifest_load(struct receiver *receiver, const void *batch, size_t length,
                           struct fail *why) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state != ADMIT)
        return -EINVAL;
    return take_batch(receiver, batch, length, why);
}

const struct manifest_index *receiver_index(const struct receiver *receiver) {
    return receiver->manifest_whole ? manifest_checker_index(receiver->checker) : NULL;
}

static int send_verdict(struct receiver *receiver, const struct receiver_admission *admission) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Verdict verdict = FXNODE__WIRE__VERDICT__INIT;
    char reason[WIRE_TEXT_MAX + 1];
    verdict.answer = admission->answer;
    verdict.reason = exchange_cut(reason, sizeof reason, admission->reason);
    if (admission->answer == FXNODE__WIRE__VERDICT__ANSWER__ACCEPT) {
        verdict.manifest_held = receiver->manifest_whole;
        verdict.lanes = receiver->lanes;
    }
    control.body_case = FXNODE__WIRE__CONTROL__BODY_VERDICT;
    control.verdict = &verdict;
    return send(receiver, &control);
}

/* The manifest is on the disk: says what is held, and lets data in. */
static int begin_data(struct receiver *receiver) {
    struct rangeset held;
    rangeset_init(&held);
    int rc = rangeset_add_all(&held, &receiver->intake.durable);
    receiver->claims_open = held.length > 0;
    receiver->state = DATA;
    if (rc == 0)
        rc = send_extents(receiver, FXNODE__WIRE__CONTROL__BODY_HOLDING, &held);
    rangeset_clear(&held);
    return rc;
}

static int accept(struct receiver *receiver, const struct receiver_admission *admission) {
    intake_init(&receiver->intake, receiver->offer.summary.units, receiver->config.batch_bytes,
                receiver->config.batch_ms);
    if (!receiver->manifest_whole) {
        int rc = receiver_manifest_reset(receiver);
        receiver->state = MANIFEST;
        return rc < 0 ? rc : send_verdict(receiver, admission);
    }
    int rc = admission->held != NULL ? intake_hold(&receiver->intake, admission->held) : 0;
    if (rc == 0)
        rc = send_verdict(receiver, admission);
    return rc < 0 ? rc : begin_data(receiver);
}

int receiver_admit(struct receiver *receiver, uint64_t now_ms,
                   const struct receiver_admission *admission) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state != ADMIT)
        return -EINVAL;
    exchange_clock_advance(&receiver->clock, now_ms);
    if (admission->answer == FXNODE__WIRE__VERDICT__ANSWER__ACCEPT)
        return accept(receiver, admission);
    int rc = send_verdict(receiver, admission);
    switch (admission->answer) {
    case FXNODE__WIRE__VERDICT__ANSWER__ASKED:
        return rc;
    case FXNODE__WIRE__VERDICT__ANSWER__DELIVERED:
        receiver->state = DELIVERED;
        return rc;
    case FXNODE__WIRE__VERDICT__ANSWER__NO_SPACE:
        return rc < 0 ? rc : finish(receiver, EXCHANGE_NO_SPACE, "");
    default:
        return rc < 0 ? rc : finish(receiver, EXCHANGE_STOPPED, "");
    }
}

static int on_manifest(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    struct fail why;
    ProtobufCBinaryData batch = control->manifest->batch;
    int rc = take_batch(receiver, batch.data, batch.len, &why);
    if (rc == MSG_INVALID)
        return violation(receiver, "%s", why.text);
    if (rc == 0)
        rc = act(receiver, RECEIVER_STORE_MANIFEST);
    if (rc < 0 || !receiver->manifest_whole)
        return rc;
    receiver->state = SYNCING;
    return act(receiver, RECEIVER_SYNC_MANIFEST);
}

int receiver_manifest_synced(struct receiver *receiver) {
    if (receiver->state == ENDED)
        return 0;
    return receiver->state == SYNCING ? begin_data(receiver) : -EINVAL;
}

/* Progress */

static bool is_confirmed(const struct receiver *receiver) {
    return rangeset_contains(&receiver->confirmed, 0, receiver->offer.summary.entries);
}

/* After every step: a commit where one is due, and the end of the content where it is reached. */
static int proceed(struct receiver *receiver) {
    bool begun = false;
    int rc = intake_commit_begin(&receiver->intake, &begun);
    if (rc == 0 && begun)
        rc = act(receiver, RECEIVER_COMMIT);
    if (rc < 0 || receiver->state != DATA || !receiver->sent || receiver->claims_open ||
        !is_confirmed(receiver) || !intake_is_complete(&receiver->intake))
        return rc;
    receiver->state = PLACING;
    return act(receiver, RECEIVER_FINALIZE);
}

enum receiver_record receiver_record(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                                     const struct record_piece *piece) {
    if (receiver->state == ENDED || receiver->state == NEW || lane >= LIMIT_LANES ||
        !receiver->intake.lanes[lane].open)
        return RECEIVER_REFUSED;
    exchange_clock_advance(&receiver->clock, now_ms);
    exchange_clock_heard(&receiver->clock);
    if (receiver->state < DATA) {
        receiver_violation(receiver, lane, "data before it was asked for");
        return RECEIVER_REFUSED;
    }
    enum intake_answer answer = intake_record(&receiver->intake, now_ms, lane, piece);
    if (lane == 0)
        exchange_clock_set_deaf(&receiver->clock, answer == INTAKE_WAIT);
    switch (answer) {
    case INTAKE_WRITE:
        return RECEIVER_WRITE;
    case INTAKE_DISCARD:
        return RECEIVER_DISCARD;
    case INTAKE_WAIT:
        return RECEIVER_WAIT;
    default:
        receiver_violation(receiver, lane, "data that does not belong there");
        return RECEIVER_REFUSED;
    }
}

int receiver_violation(struct receiver *receiver, uint32_t lane, const char *what) {
    if (receiver->state == ENDED)
        return 0;
    return violation(receiver, "lane %u: %s", lane, what);
}

int receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                     const struct record_piece *piece, bool *completed) {
    bool ignored = false;
    bool *is_complete = completed != NULL ? completed : &ignored;
    *is_complete = false;
    if (receiver->state == ENDED)
        return 0;
    if (lane >= LIMIT_LANES)
        return -EINVAL;
    exchange_clock_advance(&receiver->clock, now_ms);
    return intake_written(&receiver->intake, now_ms, lane, piece, is_complete);
}

bool receiver_sync_due(const struct receiver *receiver, uint64_t now_ms) {
    return receiver->state == DATA && intake_sync_due(&receiver->intake, now_ms);
}

int receiver_sync_begin(struct receiver *receiver, const struct rangeset **units) {
    *units = &receiver->intake.syncing;
    return receiver->state == DATA ? intake_sync_begin(&receiver->intake) : -EINVAL;
}

int receiver_synced(struct receiver *receiver, uint64_t now_ms) {
    if (receiver->state == ENDED)
        return 0;
    exchange_clock_advance(&receiver->clock, now_ms);
    int rc = intake_sync_end(&receiver->intake);
    return rc < 0 ? rc : proceed(receiver);
}

int receiver_sync_failed(struct receiver *receiver, exchange_reason reason, const char *text) {
    if (receiver->state == ENDED)
        return 0;
    return stop(receiver,
                reason == FXNODE__WIRE__STOP__REASON__NO_SPACE ? EXCHANGE_NO_SPACE
                                                               : EXCHANGE_FAILED,
                reason, text);
}

int receiver_committed(struct receiver *receiver, uint64_t now_ms) {
    struct rangeset report;
    struct rangeset again;
    if (receiver->state == ENDED)
        return 0;
    exchange_clock_advance(&receiver->clock, now_ms);
    rangeset_init(&report);
    rangeset_init(&again);
    int rc = intake_commit_end(&receiver->intake, &report, &again);
    if (rc == 0)
        rc = send_extents(receiver, FXNODE__WIRE__CONTROL__BODY_DURABLE, &report);
    if (rc == 0)
        rc = send_extents(receiver, FXNODE__WIRE__CONTROL__BODY_AGAIN, &again);
    rangeset_clear(&report);
    rangeset_clear(&again);
    return rc < 0 ? rc : proceed(receiver);
}

bool receiver_is_durable(const struct receiver *receiver, uint64_t first, uint64_t count) {
    return rangeset_contains(&receiver->intake.durable, first, count);
}

const struct rangeset *receiver_durable(const struct receiver *receiver) {
    return &receiver->intake.durable;
}

const struct rangeset *receiver_dropped_units(const struct receiver *receiver) {
    return &receiver->intake.dropped;
}

const struct rangeset *receiver_failed_entries(const struct receiver *receiver) {
    return &receiver->failed;
}

/* Agreement */

static int on_confirm(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    uint32_t entries = receiver->offer.summary.entries;
    const Fxnode__Wire__Confirm *confirm = control->confirm;
    if (confirm->first_entry >= entries || confirm->count > entries - confirm->first_entry)
        return violation(receiver, "Confirm of entries that were not offered");
    if (receiver->confirmed.length >= EXCHANGE_RANGES_MAX)
        return violation(receiver, "Confirm in too many pieces");
    receiver->checking = true;
    return act(receiver, RECEIVER_CHECK);
}

/* The content of entries has to be agreed upon again. */
static int dispute(struct receiver *receiver, uint64_t entry, uint64_t count) {
    int rc = rangeset_remove(&receiver->confirmed, entry, count);
    receiver->sent = false;
    return rc < 0 ? rc : rangeset_add(&receiver->disputed, entry, count);
}

static int on_mismatch(struct receiver *receiver, const struct receiver_check *check) {
    const Fxnode__Wire__Confirm *confirm = receiver->message->confirm;
    uint64_t forgotten = 0;
    if (++receiver->rounds > EXCHANGE_AGAIN_MAX)
        return stop(receiver, EXCHANGE_FAILED, FXNODE__WIRE__STOP__REASON__ERROR,
                    "the content keeps differing from what was confirmed");
    int rc = intake_forget(&receiver->intake, check->first_unit, check->units, &forgotten);
    if (rc == 0 && forgotten == 0)
        return violation(receiver, "Confirm of nothing with another digest");
    if (rc == 0)
        rc = dispute(receiver, confirm->first_entry, confirm->count);
    return rc < 0 ? rc : proceed(receiver);
}

int receiver_checked(struct receiver *receiver, const struct receiver_check *check) {
    const struct intake *intake = &receiver->intake;
    if (receiver->state == ENDED)
        return 0;
    if (!receiver->checking)
        return -EINVAL;
    const Fxnode__Wire__Confirm *confirm = receiver->message->confirm;
    receiver->checking = false;
    if (!rangeset_contains(&intake->told, check->first_unit, check->units))
        return violation(receiver, "Confirm of units that are not durable");
    /* Said before the sender knew that some of it has to be sent again: it will be said once more.
     */
    if (!rangeset_contains(&intake->settled, check->first_unit, check->units))
        return dispute(receiver, confirm->first_entry, confirm->count);
    if (!check->match)
        return on_mismatch(receiver, check);
    int rc = rangeset_add(&receiver->confirmed, confirm->first_entry, confirm->count);
    if (rc == 0)
        rc = rangeset_remove(&receiver->disputed, confirm->first_entry, confirm->count);
    return rc < 0 ? rc : proceed(receiver);
}

static int on_failed(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    uint32_t entry = control->failed->entry;
    if (entry >= receiver->offer.summary.entries)
        return violation(receiver, "Failed for an entry that was not offered");
    if (rangeset_contains(&receiver->failed, entry, 1))
        return violation(receiver, "Failed twice for one entry");
    if (receiver->failed.length >= EXCHANGE_RANGES_MAX)
        return violation(receiver, "Failed for too many entries");
    receiver->dropping = true;
    return act(receiver, RECEIVER_DROP);
}

int receiver_dropped(struct receiver *receiver, uint64_t first_unit, uint64_t units) {
    if (receiver->state == ENDED)
        return 0;
    if (!receiver->dropping)
        return -EINVAL;
    receiver->dropping = false;
    int rc = intake_drop(&receiver->intake, first_unit, units);
    if (rc == 0)
        rc = rangeset_add(&receiver->failed, receiver->message->failed->entry, 1);
    return rc < 0 ? rc : proceed(receiver);
}

int receiver_claim_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                       uint64_t units) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state != DATA || !receiver->claims_open ||
        entry >= receiver->offer.summary.entries ||
        !rangeset_contains(&receiver->intake.told, first_unit, units))
        return -EINVAL;
    int rc = rangeset_add(&receiver->bad_claims, first_unit, units);
    return rc < 0 ? rc : rangeset_add(&receiver->bad_entries, entry, 1);
}

int receiver_claims_verified(struct receiver *receiver) {
    const struct rangeset *bad = &receiver->bad_claims;
    struct rangeset *entries = &receiver->bad_entries;
    uint64_t forgotten = 0;
    int rc = 0;
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state != DATA || !receiver->claims_open)
        return -EINVAL;
    receiver->claims_open = false;
    for (size_t i = 0; rc == 0 && i < bad->length; i++)
        rc = intake_forget(&receiver->intake, bad->ranges[i].first, bad->ranges[i].count,
                           &forgotten);
    /* Those that failed since need no content, and nothing is asked for again. */
    for (size_t i = 0; rc == 0 && i < receiver->failed.length; i++)
        rc = rangeset_remove(entries, receiver->failed.ranges[i].first,
                             receiver->failed.ranges[i].count);
    for (size_t i = 0; rc == 0 && i < entries->length; i++)
        rc = dispute(receiver, entries->ranges[i].first, entries->ranges[i].count);
    return rc < 0 ? rc : proceed(receiver);
}

static int on_sent(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    uint32_t entries = receiver->offer.summary.entries;
    struct rangeset all;
    (void)control;
    if (is_confirmed(receiver)) {
        receiver->sent = true;
        return proceed(receiver);
    }
    /* Said before the sender knew that something has to be sent again: it will be said once more.
     */
    rangeset_init(&all);
    int rc = rangeset_add_all(&all, &receiver->confirmed);
    if (rc == 0)
        rc = rangeset_add_all(&all, &receiver->disputed);
    bool stale = rangeset_contains(&all, 0, entries);
    rangeset_clear(&all);
    if (rc == 0 && !stale)
        return violation(receiver, "Sent before every entry was confirmed");
    return rc;
}

/* End */

static int send_delivered(struct receiver *receiver, const struct manifest_name *names,
                          size_t count) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Delivered delivered = FXNODE__WIRE__DELIVERED__INIT;
    ProtobufCBinaryData list[LIMIT_OFFER_NAMES];
    for (size_t i = 0; i < count; i++)
        list[i] = (ProtobufCBinaryData){names[i].length, (uint8_t *)(uintptr_t)names[i].bytes};
    delivered.n_names = count;
    delivered.names = list;
    delivered.failed = (uint32_t)rangeset_total(&receiver->failed);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_DELIVERED;
    control.delivered = &delivered;
    return send(receiver, &control);
}

int receiver_placed(struct receiver *receiver, const struct manifest_name *names, size_t count) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state != PLACING || count > LIMIT_OFFER_NAMES)
        return -EINVAL;
    receiver->state = DELIVERED;
    return send_delivered(receiver, names, count);
}

static int on_finish(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    (void)control;
    int rc = act(receiver, RECEIVER_FINISHED);
    return rc < 0 ? rc : finish(receiver, EXCHANGE_COMPLETE, "");
}

static int on_stop(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    exchange_end_from_stop(&receiver->end, control->stop);
    return finish(receiver, EXCHANGE_STOPPED, "");
}

static int on_ping(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    (void)control;
    return send_empty(receiver, FXNODE__WIRE__CONTROL__BODY_PONG);
}

static int on_pong(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    (void)receiver;
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
    [OFFER] = {[FXNODE__WIRE__CONTROL__BODY_OFFER] = on_offer},
    [MANIFEST] = {[FXNODE__WIRE__CONTROL__BODY_MANIFEST] = on_manifest},
    [DATA] = {[FXNODE__WIRE__CONTROL__BODY_CONFIRM] = on_confirm,
              [FXNODE__WIRE__CONTROL__BODY_FAILED] = on_failed,
              [FXNODE__WIRE__CONTROL__BODY_SENT] = on_sent},
    [DELIVERED] = {[FXNODE__WIRE__CONTROL__BODY_FINISH] = on_finish},
};

int receiver_control(struct receiver *receiver, uint64_t now_ms, const void *data, size_t length) {
    const Fxnode__Wire__Control *control = NULL;
    struct fail why;
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state == NEW || receiver->checking || receiver->dropping)
        return -EINVAL;
    exchange_clock_advance(&receiver->clock, now_ms);
    exchange_clock_heard(&receiver->clock);
    int rc = wire_decode(receiver->arena, data, length, &control, &why);
    if (rc == MSG_INVALID)
        return violation(receiver, "%s", why.text);
    if (rc < 0)
        return rc;
    receiver->message = control;
    handler handle = always[control->body_case];
    if (handle == NULL)
        handle = allowed[receiver->state][control->body_case];
    if (handle == NULL)
        return violation(receiver, "%s out of turn", wire_name(control->body_case));
    return handle(receiver, control);
}

int receiver_tick(struct receiver *receiver, uint64_t now_ms) {
    if (receiver->state == NEW || receiver->state == ENDED)
        return 0;
    exchange_clock_advance(&receiver->clock, now_ms);
    if (receiver->state == OFFER && receiver->clock.now >= receiver->offer_until)
        return finish(receiver, EXCHANGE_LOST, "no offer came in time");
    uint64_t blocked = intake_blocked_since(&receiver->intake);
    if (blocked != UINT64_MAX && receiver->clock.now >= blocked + EXCHANGE_SILENT_MS)
        return finish(receiver, EXCHANGE_LOST, "a lane has fallen silent");
    switch (exchange_clock_beat(&receiver->clock)) {
    case EXCHANGE_PEER_SILENT:
        return finish(receiver, EXCHANGE_LOST, "the peer has fallen silent");
    case EXCHANGE_PING_DUE:
        return send_empty(receiver, FXNODE__WIRE__CONTROL__BODY_PING);
    default:
        return 0;
    }
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t receiver_deadline(const struct receiver *receiver) {
    if (receiver->state == NEW || receiver->state == ENDED)
        return EXCHANGE_NEVER;
    uint64_t deadline = exchange_clock_deadline(&receiver->clock);
    if (receiver->state == OFFER)
        deadline = earlier(deadline, receiver->offer_until);
    if (receiver->state != DATA)
        return deadline;
    uint64_t blocked = intake_blocked_since(&receiver->intake);
    if (blocked != UINT64_MAX)
        deadline = earlier(deadline, blocked + EXCHANGE_SILENT_MS);
    if (intake_sync_due(&receiver->intake, receiver->clock.now))
        return receiver->clock.now;
    return earlier(deadline, intake_sync_deadline(&receiver->intake));
}

int receiver_lane_opened(struct receiver *receiver, uint32_t lane) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state < DATA || lane == 0 || lane >= receiver->lanes ||
        receiver->intake.lanes[lane].open)
        return -EINVAL;
    receiver->intake.lanes[lane].open = true;
    return 0;
}

int receiver_lane_lost(struct receiver *receiver, uint32_t lane) {
    if (receiver->state == ENDED)
        return 0;
    if (lane >= LIMIT_LANES)
        return -EINVAL;
    if (lane == 0)
        return finish(receiver, EXCHANGE_LOST, "the connection is lost");
    intake_lane_lost(&receiver->intake, lane);
    return 0;
}

int receiver_stop(struct receiver *receiver, exchange_reason reason, const char *text) {
    if (receiver->state == ENDED)
        return 0;
    if (receiver->state == NEW)
        return finish(receiver, EXCHANGE_STOPPED, "");
    return stop(receiver, EXCHANGE_STOPPED, reason, text);
}
