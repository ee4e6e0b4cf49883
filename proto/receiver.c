#include "proto/receiver.h"

#include "proto/receiver_parts.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef int (*handler)(struct receiver *receiver, const Fxnode__Wire__Control *control);

int receiver_new(struct receiver **receiver, const struct receiver_config *config) {
    if (config->lanes == 0 || config->lanes > LIMIT_LANES)
        return -EINVAL;
    struct receiver *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    int rc = talk_init(&made->talk);
    if (rc < 0) {
        free(made);
        return rc;
    }
    made->config = *config;
    *receiver = made;
    return 0;
}

enum receiver_at receiver_parts_state(const struct receiver *receiver) {
    return talk_has_ended(&receiver->talk) ? AT_ENDED : receiver->state;
}

void receiver_free(struct receiver *receiver) {
    if (receiver == NULL)
        return;
    struct rangeset *sets[] = {&receiver->skipped,     &receiver->skipped_units,
                               &receiver->failed,      &receiver->confirmed,
                               &receiver->disputed,    &receiver->bad_held,
                               &receiver->bad_entries, &receiver->inherited};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        rangeset_clear(sets[i]);
    intake_clear(&receiver->intake);
    manifest_checker_free(receiver->checker);
    talk_clear(&receiver->talk);
    free(receiver);
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
    const struct exchange_item *item = exchange_queue_take(&receiver->talk.queue);
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
    case RECEIVER_CLOSE_LANE:
        action->lane = (uint32_t)item->value;
        break;
    case RECEIVER_END:
        action->end = &receiver->talk.end;
        break;
    default:
        break;
    }
    return true;
}

int receiver_start(struct receiver *receiver, uint64_t now_ms) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_NEW)
        return -EINVAL;
    exchange_clock_start(&receiver->talk.clock, now_ms);
    receiver->offer_until = now_ms + receiver->config.offer_ms;
    receiver->intake.lanes[0].open = true;
    receiver->state = AT_OFFER;
    return 0;
}

/* Progress */

int receiver_parts_proceed(struct receiver *receiver) {
    bool begun = false;
    int rc = intake_commit_begin(&receiver->intake, &begun);
    if (rc == 0 && begun)
        rc = talk_act(&receiver->talk, RECEIVER_COMMIT, 0);
    if (rc < 0 || receiver->state != AT_DATA || !receiver->sent || receiver->held_open ||
        !receiver_agree_is_reached(receiver) || !intake_is_complete(&receiver->intake))
        return rc;
    receiver->state = AT_PLACING;
    return talk_act(&receiver->talk, RECEIVER_FINALIZE, 0);
}

/* The sender has given the lane up, as another one with the same unit shows. Lane 0 it would not
 * give up: the other will have to wait for that. */
static int close_lane(struct receiver *receiver, uint32_t lane) {
    return lane == 0 ? 0 : talk_act(&receiver->talk, RECEIVER_CLOSE_LANE, lane);
}

enum receiver_record receiver_record(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                                     const struct record_piece *piece) {
    if (receiver_parts_state(receiver) == AT_ENDED || receiver->state == AT_NEW ||
        lane >= LIMIT_LANES || !receiver->intake.lanes[lane].open)
        return RECEIVER_REFUSED;
    exchange_clock_advance(&receiver->talk.clock, now_ms);
    exchange_clock_heard(&receiver->talk.clock);
    if (receiver->state < AT_DATA) {
        receiver_violation(receiver, lane, "data before it was asked for");
        return RECEIVER_REFUSED;
    }
    enum intake_answer answer = intake_record(&receiver->intake, now_ms, lane, piece);
    if (lane == 0)
        exchange_clock_set_deaf(&receiver->talk.clock,
                                answer == INTAKE_WAIT || answer == INTAKE_BLOCKED);
    switch (answer) {
    case INTAKE_WRITE:
        return RECEIVER_WRITE;
    case INTAKE_DISCARD:
        return RECEIVER_DISCARD;
    case INTAKE_BLOCKED:
        close_lane(receiver, receiver->intake.lanes[lane].blocked_by);
        return RECEIVER_WAIT;
    case INTAKE_WAIT:
        return RECEIVER_WAIT;
    default:
        receiver_violation(receiver, lane, "data that does not belong there");
        return RECEIVER_REFUSED;
    }
}

int receiver_violation(struct receiver *receiver, uint32_t lane, const char *what) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    return talk_violation(&receiver->talk, "lane %u: %s", lane, what);
}

int receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                     const struct record_piece *piece, bool *completed) {
    bool ignored = false;
    bool *is_complete = completed != NULL ? completed : &ignored;
    *is_complete = false;
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (lane >= LIMIT_LANES)
        return -EINVAL;
    exchange_clock_advance(&receiver->talk.clock, now_ms);
    return intake_written(&receiver->intake, now_ms, lane, piece, is_complete);
}

bool receiver_sync_due(const struct receiver *receiver, uint64_t now_ms) {
    return receiver_parts_state(receiver) == AT_DATA && intake_sync_due(&receiver->intake, now_ms);
}

int receiver_sync_begin(struct receiver *receiver, const struct rangeset **units) {
    *units = &receiver->intake.syncing;
    return receiver_parts_state(receiver) == AT_DATA ? intake_sync_begin(&receiver->intake)
                                                     : -EINVAL;
}

int receiver_synced(struct receiver *receiver, uint64_t now_ms) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    exchange_clock_advance(&receiver->talk.clock, now_ms);
    int rc = intake_sync_end(&receiver->intake);
    return rc < 0 ? rc : receiver_parts_proceed(receiver);
}

int receiver_committed(struct receiver *receiver, uint64_t now_ms) {
    struct rangeset report;
    struct rangeset again;
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    exchange_clock_advance(&receiver->talk.clock, now_ms);
    rangeset_init(&report);
    rangeset_init(&again);
    int rc = intake_commit_end(&receiver->intake, &report, &again);
    if (rc == 0)
        rc = talk_say_extents(&receiver->talk, FXNODE__WIRE__CONTROL__BODY_DURABLE, &report);
    if (rc == 0)
        rc = talk_say_extents(&receiver->talk, FXNODE__WIRE__CONTROL__BODY_AGAIN, &again);
    rangeset_clear(&report);
    rangeset_clear(&again);
    return rc < 0 ? rc : receiver_parts_proceed(receiver);
}

const struct rangeset *receiver_durable(const struct receiver *receiver) {
    return &receiver->intake.durable;
}

const struct rangeset *receiver_dropped_units(const struct receiver *receiver) {
    return &receiver->intake.dropped;
}

/* End */

int receiver_not_placed(struct receiver *receiver, const struct rangeset *entries) {
    if (receiver->state != AT_PLACING)
        return 0;
    return rangeset_add_all(&receiver->failed, entries);
}

int receiver_placed(struct receiver *receiver, const struct manifest_name *names, size_t count,
                    uint32_t lacking, bool exact) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_PLACING || count > LIMIT_OFFER_NAMES)
        return -EINVAL;
    receiver->state = AT_DELIVERED;
    const struct exchange_delivery delivery = {
        .names = names,
        .count = count,
        .failed = (uint32_t)rangeset_total(&receiver->failed),
        .lacking = lacking,
        .exact = exact,
    };
    return talk_say_delivered(&receiver->talk, &delivery);
}

static int on_finish(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    (void)control;
    int rc = talk_act(&receiver->talk, RECEIVER_FINISHED, 0);
    return rc < 0 ? rc : talk_finish(&receiver->talk, EXCHANGE_COMPLETE, "");
}

/* What the peer may say when, beside what talk_answer knows. What is missing here is a violation.
 */
static const handler allowed[AT_STATES][WIRE_BODIES] = {
    [AT_OFFER] = {[FXNODE__WIRE__CONTROL__BODY_OFFER] = receiver_admit_offer},
    [AT_MANIFEST] = {[FXNODE__WIRE__CONTROL__BODY_MANIFEST] = receiver_admit_manifest},
    [AT_DATA] = {[FXNODE__WIRE__CONTROL__BODY_CONFIRM] = receiver_agree_confirm,
                 [FXNODE__WIRE__CONTROL__BODY_FAILED] = receiver_agree_failed,
                 [FXNODE__WIRE__CONTROL__BODY_SENT] = receiver_agree_sent},
    [AT_DELIVERED] = {[FXNODE__WIRE__CONTROL__BODY_FINISH] = on_finish},
};

int receiver_control(struct receiver *receiver, uint64_t now_ms, const void *data, size_t length) {
    const Fxnode__Wire__Control *control = NULL;
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state == AT_NEW || receiver->checking || receiver->dropping)
        return -EINVAL;
    int rc = talk_hear(&receiver->talk, now_ms, data, length, &control);
    receiver->message = control;
    if (rc < 0 || control == NULL)
        return rc;
    handler handle = allowed[receiver->state][control->body_case];
    if (handle == NULL)
        return talk_violation(&receiver->talk, "%s out of turn", wire_name(control->body_case));
    return handle(receiver, control);
}

int receiver_tick(struct receiver *receiver, uint64_t now_ms) {
    struct talk *talk = &receiver->talk;
    if (receiver->state == AT_NEW || receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    exchange_clock_advance(&talk->clock, now_ms);
    if (receiver->state == AT_OFFER && talk->clock.now >= receiver->offer_until)
        return talk_finish(talk, EXCHANGE_LOST, "no offer came in time");
    uint64_t blocked = intake_blocked_since(&receiver->intake);
    if (blocked != UINT64_MAX && talk->clock.now >= blocked + EXCHANGE_SILENT_MS)
        return talk_finish(talk, EXCHANGE_LOST, "a lane has fallen silent");
    return talk_tick(talk, now_ms);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t receiver_deadline(const struct receiver *receiver) {
    if (receiver->state == AT_NEW || receiver_parts_state(receiver) == AT_ENDED)
        return EXCHANGE_NEVER;
    uint64_t deadline = exchange_clock_deadline(&receiver->talk.clock);
    if (receiver->state == AT_OFFER)
        deadline = earlier(deadline, receiver->offer_until);
    if (receiver->state != AT_DATA)
        return deadline;
    uint64_t blocked = intake_blocked_since(&receiver->intake);
    if (blocked != UINT64_MAX)
        deadline = earlier(deadline, blocked + EXCHANGE_SILENT_MS);
    if (intake_sync_due(&receiver->intake, receiver->talk.clock.now))
        return receiver->talk.clock.now;
    return earlier(deadline, intake_sync_deadline(&receiver->intake));
}

uint32_t receiver_lanes(const struct receiver *receiver) {
    return receiver->lanes;
}

int receiver_lane_opened(struct receiver *receiver, uint32_t lane) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state < AT_DATA || lane == 0 || lane >= LIMIT_LANES ||
        receiver->intake.lanes[lane].open)
        return -EINVAL;
    receiver->intake.lanes[lane].open = true;
    return 0;
}

int receiver_lane_lost(struct receiver *receiver, uint32_t lane) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (lane >= LIMIT_LANES)
        return -EINVAL;
    if (lane == 0)
        return talk_finish(&receiver->talk, EXCHANGE_LOST, "the connection is lost");
    intake_lane_lost(&receiver->intake, lane);
    return 0;
}

int receiver_stop(struct receiver *receiver, exchange_reason reason, const char *text) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state == AT_NEW)
        return talk_finish(&receiver->talk, EXCHANGE_STOPPED, "");
    return talk_stop(&receiver->talk, EXCHANGE_STOPPED, reason, text);
}
