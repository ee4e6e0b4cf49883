#include "proto/sender.h"

#include "base/escape.h"
#include "proto/claims.h"
#include "proto/talk.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So many files are made in the time that one chunk takes. */
#define FILES_OF_A_CHUNK 64u

enum state { NEW, OFFERED, MANIFEST, HOLDING, DATA, SENT, RECORDING, ENDED, STATES };

struct sender {
    enum state state; /* but for ENDED, which `talk` knows: see state_of */
    uint8_t transfer_id[LIMIT_TRANSFER_ID];
    struct manifest_summary summary;
    uint64_t holes;
    struct lineage lineage;
    uint32_t lanes; /* wanted; from the verdict on, allowed */
    struct talk talk;
    const Fxnode__Wire__Delivered *delivered; /* in the newest message, or NULL */
    const char *text;                         /* in the newest message: of ASKED */
    uint64_t manifest_sent;                   /* bytes of the manifest, prefixes included */
    struct rangeset held;                     /* durable before this connection */
    struct rangeset skipped;                  /* entries that the peer has from elsewhere */
    struct claims claims;                     /* from DATA on */
    struct rangeset failed;                   /* entries */
    uint32_t confirm_next;                    /* entry */
    uint32_t *confirms; /* first entries of what was confirmed, up to confirm_next; owned */
    size_t confirm_count, confirm_room;
    uint32_t agains;
    bool rewinding; /* REWIND was not answered yet */
};

typedef int (*handler)(struct sender *sender, const Fxnode__Wire__Control *control);

/* What is done in the time of one chunk is not worth another connection. */
static bool is_little(const struct manifest_summary *summary) {
    return summary->bytes <= LIMIT_CHUNK && summary->units <= FILES_OF_A_CHUNK;
}

int sender_new(struct sender **sender, const struct sender_config *config) {
    const struct manifest_summary *summary = config->summary;
    if (config->lanes == 0 || config->lanes > LIMIT_LANES || summary->entries == 0 ||
        summary->name_count == 0 || summary->names_shown > LIMIT_OFFER_NAMES)
        return -EINVAL;
    struct sender *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    int rc = talk_init(&made->talk);
    if (rc < 0) {
        free(made);
        return rc;
    }
    memcpy(made->transfer_id, config->transfer_id, sizeof made->transfer_id);
    made->summary = *summary;
    made->holes = config->holes;
    made->lineage = config->lineage;
    made->lanes = is_little(summary) ? 1 : config->lanes;
    *sender = made;
    return 0;
}

void sender_free(struct sender *sender) {
    if (sender == NULL)
        return;
    rangeset_clear(&sender->held);
    rangeset_clear(&sender->skipped);
    rangeset_clear(&sender->failed);
    claims_clear(&sender->claims);
    free(sender->confirms);
    talk_clear(&sender->talk);
    free(sender);
}

static enum state state_of(const struct sender *sender) {
    return talk_has_ended(&sender->talk) ? ENDED : sender->state;
}

static int act(struct sender *sender, enum sender_action_kind kind) {
    return talk_act(&sender->talk, (int)kind, 0);
}

bool sender_next(struct sender *sender, struct sender_action *action) {
    const struct exchange_item *item = exchange_queue_take(&sender->talk.queue);
    *action = (struct sender_action){.kind = SENDER_NONE};
    if (item == NULL)
        return false;
    *action = (struct sender_action){
        .kind = (enum sender_action_kind)item->kind,
        .message = item->length > 0 ? item->message : NULL,
        .length = item->length,
        .lanes = item->kind == SENDER_OPEN_LANES ? sender->lanes : 0,
        .outside_links = item->kind == SENDER_ACCEPTED && item->value != 0,
        .unit = item->value,
        .text = item->kind == SENDER_ASKED ? sender->text : NULL,
        .held = item->kind == SENDER_START ? &sender->held : NULL,
        .skipped = item->kind == SENDER_START ? &sender->skipped : NULL,
        .delivered = item->kind == SENDER_DELIVERED ? sender->delivered : NULL,
        .end = item->kind == SENDER_END ? &sender->talk.end : NULL,
    };
    return true;
}

/* Offer */

int sender_start(struct sender *sender, uint64_t now_ms) {
    if (state_of(sender) == ENDED)
        return 0;
    if (sender->state != NEW)
        return -EINVAL;
    exchange_clock_start(&sender->talk.clock, now_ms);
    sender->claims.lanes[0].open = true;
    sender->state = OFFERED;
    const struct talk_offer offer = {sender->transfer_id, &sender->summary, &sender->lineage,
                                     sender->holes, sender->lanes};
    return talk_say_offer(&sender->talk, &offer);
}

static int on_accept(struct sender *sender, const Fxnode__Wire__Verdict *verdict) {
    if (verdict->lanes < sender->lanes)
        sender->lanes = verdict->lanes;
    int rc = talk_act(&sender->talk, SENDER_ACCEPTED, verdict->outside_links ? 1 : 0);
    if (verdict->manifest_held) {
        sender->state = HOLDING;
        return rc;
    }
    sender->state = MANIFEST;
    return rc < 0 ? rc : act(sender, SENDER_STREAM_MANIFEST);
}

/* Also from a peer that has said it before; one that is too old does not say what became of it
 * then, and `delivered` is NULL. */
static int take_delivery(struct sender *sender, const Fxnode__Wire__Delivered *delivered) {
    uint32_t entries = sender->summary.entries;
    if (delivered != NULL &&
        (delivered->failed > entries || delivered->lacking > entries - delivered->failed))
        return talk_violation(&sender->talk, "Delivered with more entries than there are");
    sender->delivered = delivered;
    sender->state = RECORDING;
    return act(sender, SENDER_DELIVERED);
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
        return act(sender, SENDER_ASKED);
    case FXNODE__WIRE__VERDICT__ANSWER__DELIVERED:
        return take_delivery(sender, verdict->delivered);
    case FXNODE__WIRE__VERDICT__ANSWER__BUSY:
        return talk_finish(&sender->talk, EXCHANGE_BUSY, reason);
    case FXNODE__WIRE__VERDICT__ANSWER__NO_SPACE:
        return talk_finish(&sender->talk, EXCHANGE_NO_SPACE, reason);
    case FXNODE__WIRE__VERDICT__ANSWER__CONFLICT:
        return talk_finish(&sender->talk, EXCHANGE_FAILED,
                           "the peer knows this transfer with another manifest");
    default:
        return talk_finish(&sender->talk, EXCHANGE_REFUSED, reason);
    }
}

int sender_manifest_batch(struct sender *sender, const void *batch, size_t length) {
    if (state_of(sender) == ENDED)
        return 0;
    if (sender->state != MANIFEST || length == 0 || length > LIMIT_MANIFEST_BATCH ||
        length + MANIFEST_PREFIX > sender->summary.length - sender->manifest_sent)
        return -EINVAL;
    sender->manifest_sent += length + MANIFEST_PREFIX;
    if (sender->manifest_sent == sender->summary.length)
        sender->state = HOLDING;
    return talk_say_manifest(&sender->talk, batch, length);
}

/* Data */

static int begin_data(struct sender *sender) {
    int rc = claims_init(&sender->claims, sender->summary.units, &sender->held);
    uint64_t missing = sender->summary.units - rangeset_total(&sender->held);
    if (missing < sender->lanes)
        sender->lanes = missing > 0 ? (uint32_t)missing : 1;
    sender->state = DATA;
    if (rc == 0 && sender->lanes > 1)
        rc = act(sender, SENDER_OPEN_LANES);
    return rc < 0 ? rc : act(sender, SENDER_START);
}

static int on_holding(struct sender *sender, const Fxnode__Wire__Control *control) {
    const Fxnode__Wire__Holding *holding = control->holding;
    int rc = exchange_extents_add(&sender->held, holding->extents, holding->n_extents,
                                  sender->summary.units);
    if (rc > 0)
        return talk_violation(&sender->talk, "Holding with impossible extents");
    if (rc == 0)
        rc = exchange_extents_add(&sender->skipped, holding->skipped, holding->n_skipped,
                                  sender->summary.entries);
    if (rc > 0)
        return talk_violation(&sender->talk, "Holding with impossible entries");
    return rc == 0 && holding->last ? begin_data(sender) : rc;
}

static int on_durable(struct sender *sender, const Fxnode__Wire__Control *control) {
    const Fxnode__Wire__Durable *message = control->durable;
    struct claims *claims = &sender->claims;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < message->n_extents; i++) {
        const Fxnode__Wire__Extent *extent = message->extents[i];
        if (!rangeset_contains(&claims->ever, extent->first, extent->count))
            return talk_violation(&sender->talk, "Durable with units that were not sent");
        if (claims->durable.length > EXCHANGE_RANGES_MAX)
            return talk_violation(&sender->talk, "Durable in too many pieces");
        rc = claims_durable(claims, extent->first, extent->count);
    }
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS);
}

static int on_again(struct sender *sender, const Fxnode__Wire__Control *control) {
    const Fxnode__Wire__Again *again = control->again;
    uint64_t lowest = UINT64_MAX;
    int rc = 0;
    if (++sender->agains > EXCHANGE_AGAIN_MESSAGES)
        return talk_violation(&sender->talk, "Again too often");
    for (size_t i = 0; rc == 0 && i < again->n_extents; i++) {
        const Fxnode__Wire__Extent *extent = again->extents[i];
        bool freed = false;
        if (!rangeset_contains(&sender->claims.settled, extent->first, extent->count))
            return talk_violation(&sender->talk, "Again with units that were not durable");
        rc = claims_again(&sender->claims, extent->first, extent->count, &freed);
        if (freed && extent->first < lowest)
            lowest = extent->first;
    }
    /* All of it failed in the meantime, which the peer will have heard before what was confirmed
     * since. */
    if (rc < 0 || lowest == UINT64_MAX)
        return rc;
    sender->state = DATA;
    sender->rewinding = true;
    rc = talk_act(&sender->talk, SENDER_REWIND, lowest);
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS);
}

static int on_delivered(struct sender *sender, const Fxnode__Wire__Control *control) {
    return take_delivery(sender, control->delivered);
}

/* What the peer may say when, beside what talk_answer knows. What is missing here is a violation.
 */
static const handler allowed[STATES][WIRE_BODIES] = {
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
    if (state_of(sender) == ENDED)
        return 0;
    if (sender->state == NEW)
        return -EINVAL;
    int rc = talk_hear(&sender->talk, now_ms, data, length, &control);
    if (rc < 0 || control == NULL)
        return rc;
    handler handle = allowed[sender->state][control->body_case];
    if (handle == NULL)
        return talk_violation(&sender->talk, "%s out of turn", wire_name(control->body_case));
    return handle(sender, control);
}

int sender_tick(struct sender *sender, uint64_t now_ms) {
    if (state_of(sender) == NEW || state_of(sender) == ENDED)
        return 0;
    return talk_tick(&sender->talk, now_ms);
}

uint64_t sender_deadline(const struct sender *sender) {
    if (state_of(sender) == NEW || state_of(sender) == ENDED)
        return EXCHANGE_NEVER;
    return exchange_clock_deadline(&sender->talk.clock);
}

int sender_lane_opened(struct sender *sender, uint32_t lane) {
    if (state_of(sender) == ENDED)
        return 0;
    if (sender->state < DATA || lane == 0 || lane >= sender->lanes ||
        sender->claims.lanes[lane].open)
        return -EINVAL;
    sender->claims.lanes[lane].open = true;
    return 0;
}

int sender_lane_lost(struct sender *sender, uint32_t lane) {
    if (state_of(sender) == ENDED)
        return 0;
    if (lane >= LIMIT_LANES)
        return -EINVAL;
    if (lane == 0)
        return talk_finish(&sender->talk, EXCHANGE_LOST, "the connection is lost");
    int rc = claims_lane_lost(&sender->claims, lane);
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS);
}

/* Whether a lane may claim now; 0 where nothing is to be had any more. */
static int may_claim(const struct sender *sender, uint32_t lane) {
    enum state state = state_of(sender);
    if (state == ENDED || state == SENT || state == RECORDING)
        return 0;
    return state == DATA && lane < LIMIT_LANES && sender->claims.lanes[lane].open ? 1 : -EINVAL;
}

int sender_claim(struct sender *sender, uint32_t lane, uint64_t max_units, struct range *range) {
    int rc = may_claim(sender, lane);
    if (rc != 1)
        return rc;
    return max_units == 0 ? -EINVAL : claims_take(&sender->claims, lane, max_units, range);
}

bool sender_free_units(const struct sender *sender, struct range *range) {
    return state_of(sender) == DATA && claims_free(&sender->claims, range);
}

int sender_steal(struct sender *sender, uint32_t lane) {
    int rc = may_claim(sender, lane);
    return rc == 1 ? claims_steal(&sender->claims, lane) : rc;
}

bool sender_begin(struct sender *sender, uint32_t lane, uint64_t *unit) {
    return state_of(sender) == DATA && lane < LIMIT_LANES &&
           claims_begin(&sender->claims, lane, unit);
}

int sender_failed(struct sender *sender, const struct sender_failure *failure) {
    uint64_t units = sender->summary.units;
    if (state_of(sender) > DATA)
        return 0;
    if (sender->state != DATA || failure->entry >= sender->summary.entries ||
        failure->units > units || failure->first_unit > units - failure->units)
        return -EINVAL;
    if (failure->entry < sender->confirm_next ||
        rangeset_contains(&sender->failed, failure->entry, 1))
        return 0;
    int rc = rangeset_add(&sender->failed, failure->entry, 1);
    if (rc == 0)
        rc = claims_drop(&sender->claims, failure->first_unit, failure->units);
    if (rc == 0)
        rc = talk_say_failed(&sender->talk, failure->entry, failure->reason, failure->text);
    return rc < 0 ? rc : act(sender, SENDER_PROGRESS);
}

bool sender_is_durable(const struct sender *sender, uint64_t first, uint64_t count) {
    return rangeset_contains(&sender->claims.settled, first, count);
}

bool sender_skips(const struct sender *sender, uint32_t entry, uint64_t first_unit,
                  uint64_t units) {
    return rangeset_contains(&sender->skipped, entry, 1) &&
           rangeset_contains(&sender->held, first_unit, units);
}

const struct rangeset *sender_durable(const struct sender *sender) {
    return &sender->claims.durable;
}

/* Confirming */

uint32_t sender_confirm_next(const struct sender *sender) {
    return sender->confirm_next;
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
    if (state_of(sender) == ENDED)
        return 0;
    if (sender->state < DATA || confirmation->count == 0 || first >= entries ||
        confirmation->count > entries - first)
        return -EINVAL;
    if (sender->state != DATA || sender->rewinding || first != sender->confirm_next ||
        !sender_is_durable(sender, confirmation->first_unit, confirmation->units))
        return SENDER_STALE;
    int rc = remember_confirm(sender, first);
    if (rc == 0)
        rc = talk_say_confirm(&sender->talk, first, confirmation->count, confirmation->digest);
    sender->confirm_next += confirmation->count;
    if (rc < 0 || sender->confirm_next < entries)
        return rc;
    sender->state = SENT;
    return talk_say_empty(&sender->talk, FXNODE__WIRE__CONTROL__BODY_SENT);
}

int sender_rewind(struct sender *sender, uint32_t entry) {
    if (state_of(sender) == ENDED)
        return 0;
    if (!sender->rewinding || entry >= sender->summary.entries)
        return -EINVAL;
    sender->rewinding = false;
    while (entry < sender->confirm_next)
        sender->confirm_next = sender->confirms[--sender->confirm_count];
    return 0;
}

int sender_recorded(struct sender *sender) {
    if (state_of(sender) == ENDED)
        return 0;
    if (sender->state != RECORDING)
        return -EINVAL;
    int rc = talk_say_empty(&sender->talk, FXNODE__WIRE__CONTROL__BODY_FINISH);
    return rc < 0 ? rc : talk_finish(&sender->talk, EXCHANGE_COMPLETE, "");
}

int sender_stop(struct sender *sender, exchange_reason reason, const char *text) {
    if (state_of(sender) == ENDED)
        return 0;
    if (sender->state != NEW) /* where there is no memory for it the connection just ends */
        (void)talk_say_stop(&sender->talk, reason, text);
    return talk_finish(&sender->talk, EXCHANGE_STOPPED, "");
}
