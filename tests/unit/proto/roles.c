/* Each role against a peer that says whatever it likes: every message in every state, and hostile
 * data. */
#include "proto/manifest.h"
#include "proto/receiver.h"
#include "proto/sender.h"
#include "proto/wire.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t manifest[4096];
static size_t manifest_length;
static struct manifest_summary summary;
static struct sender *sender;
static struct receiver *receiver;
static uint8_t message[WIRE_MESSAGE_MAX];

/* One directory and one file of two chunks, the second of one byte. */
static void set_up(void) {
    struct manifest_builder *builder = NULL;
    struct fail fail;
    const uint8_t *data = NULL;
    struct entry directory = {.type = ENTRY_DIRECTORY, .mode = 0755, .path = "d", .path_length = 1};
    struct entry file = {
        .type = ENTRY_FILE, .mode = 0644, .size = LIMIT_CHUNK + 1, .path = "d/f", .path_length = 3};
    struct receiver_config receiving = {
        .lanes = 2, .batch_bytes = 8 * LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    struct sender_config sending = {.summary = &summary, .lanes = 2};
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    ck_assert_int_eq(manifest_builder_add(builder, &directory, &fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_add(builder, &file, &fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_end(builder, &fail), MANIFEST_BATCH_READY);
    manifest_length = manifest_builder_take(builder, &data);
    memcpy(manifest, data, manifest_length);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
    ck_assert_int_eq(sender_new(&sender, &sending), 0);
    ck_assert_int_eq(receiver_new(&receiver, &receiving), 0);
}

static void tear_down(void) {
    sender_free(sender);
    receiver_free(receiver);
    sender = NULL;
    receiver = NULL;
}

/* Messages: each acceptable by itself. */
static size_t make(Fxnode__Wire__Control__BodyCase body) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Offer offer = FXNODE__WIRE__OFFER__INIT;
    Fxnode__Wire__Verdict verdict = FXNODE__WIRE__VERDICT__INIT;
    Fxnode__Wire__Manifest batch = FXNODE__WIRE__MANIFEST__INIT;
    Fxnode__Wire__Holding holding = FXNODE__WIRE__HOLDING__INIT;
    Fxnode__Wire__Durable durable = FXNODE__WIRE__DURABLE__INIT;
    Fxnode__Wire__Confirm confirm = FXNODE__WIRE__CONFIRM__INIT;
    Fxnode__Wire__Failed failed = FXNODE__WIRE__FAILED__INIT;
    Fxnode__Wire__Again again = FXNODE__WIRE__AGAIN__INIT;
    Fxnode__Wire__Sent sent = FXNODE__WIRE__SENT__INIT;
    Fxnode__Wire__Delivered delivered = FXNODE__WIRE__DELIVERED__INIT;
    Fxnode__Wire__Finish finish = FXNODE__WIRE__FINISH__INIT;
    Fxnode__Wire__Stop stop = FXNODE__WIRE__STOP__INIT;
    Fxnode__Wire__Ping ping = FXNODE__WIRE__PING__INIT;
    Fxnode__Wire__Pong pong = FXNODE__WIRE__PONG__INIT;
    Fxnode__Wire__Extent extent = FXNODE__WIRE__EXTENT__INIT;
    Fxnode__Wire__Extent *extents[] = {&extent};
    uint8_t zero[LIMIT_HASH] = {0};
    ProtobufCBinaryData name = {1, (uint8_t *)(uintptr_t) "d"};

    extent.count = 2;
    offer.transfer_id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, zero};
    offer.manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, summary.hash};
    offer.manifest_length = summary.length;
    offer.entries = summary.entries;
    offer.bytes = summary.bytes;
    offer.units = summary.units;
    offer.n_names = offer.name_count = 1;
    offer.names = &name;
    offer.lanes = 2;
    verdict.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT;
    verdict.lanes = 2;
    batch.batch =
        (ProtobufCBinaryData){manifest_length - MANIFEST_PREFIX, manifest + MANIFEST_PREFIX};
    holding.last = true;
    durable.n_extents = again.n_extents = 1;
    durable.extents = again.extents = extents;
    confirm.count = 2;
    confirm.digest = (ProtobufCBinaryData){LIMIT_CHUNK_HASH, zero};
    failed.entry = 1;
    failed.reason = FXNODE__WIRE__FAILED__REASON__CHANGED;
    stop.reason = FXNODE__WIRE__STOP__REASON__PAUSED;

    void *bodies[WIRE_BODIES] = {NULL,       &offer,   &verdict, &batch, &holding,
                                 &durable,   &confirm, &failed,  &again, &sent,
                                 &delivered, &finish,  &stop,    &ping,  &pong};
    control.body_case = body;
    control.offer = bodies[body]; /* all members of the union are pointers */
    int length = msg_encode(&control.base, message, sizeof message);
    ck_assert_int_gt(length, 0);
    return (size_t)length;
}

/* The sender, brought to a state and given one message. */

enum sender_place { AT_OFFERED, AT_MANIFEST, AT_HOLDING, AT_DATA, AT_SENT, AT_RECORDING, SENDERS };

static enum exchange_outcome sender_outcome(void) {
    struct sender_action action;
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    while (sender_next(sender, &action))
        if (action.kind == SENDER_END)
            outcome = action.end->outcome;
    return outcome;
}

static enum exchange_outcome tell_sender(Fxnode__Wire__Control__BodyCase body) {
    ck_assert_int_eq(sender_control(sender, 1, message, make(body)), 0);
    return sender_outcome();
}

static void bring_sender(enum sender_place place) {
    struct range range;
    struct sender_confirmation all = {.count = 2, .units = 2};
    ck_assert_int_eq(sender_start(sender, 0), 0);
    if (place >= AT_MANIFEST)
        ck_assert_int_eq(tell_sender(FXNODE__WIRE__CONTROL__BODY_VERDICT), EXCHANGE_OPEN);
    if (place >= AT_HOLDING)
        ck_assert_int_eq(sender_manifest_batch(sender, manifest + MANIFEST_PREFIX,
                                               manifest_length - MANIFEST_PREFIX),
                         0);
    if (place >= AT_DATA) {
        ck_assert_int_eq(tell_sender(FXNODE__WIRE__CONTROL__BODY_HOLDING), EXCHANGE_OPEN);
        ck_assert_int_eq(sender_claim(sender, 0, 9, &range), 1);
        ck_assert_uint_eq(range.count, 2);
    }
    if (place >= AT_SENT) {
        ck_assert_int_eq(sender_confirm(sender, &all), SENDER_STALE);
        ck_assert_int_eq(tell_sender(FXNODE__WIRE__CONTROL__BODY_DURABLE), EXCHANGE_OPEN);
        ck_assert_int_eq(sender_confirm(sender, &all), 0);
    }
    if (place >= AT_RECORDING)
        ck_assert_int_eq(tell_sender(FXNODE__WIRE__CONTROL__BODY_DELIVERED), EXCHANGE_OPEN);
    sender_outcome();
}

static const bool sender_allows[SENDERS][WIRE_BODIES] = {
    [AT_OFFERED] = {[FXNODE__WIRE__CONTROL__BODY_VERDICT] = true},
    [AT_HOLDING] = {[FXNODE__WIRE__CONTROL__BODY_HOLDING] = true},
    [AT_DATA] = {[FXNODE__WIRE__CONTROL__BODY_DURABLE] = true},
    [AT_SENT] = {[FXNODE__WIRE__CONTROL__BODY_DURABLE] = true,
                 [FXNODE__WIRE__CONTROL__BODY_AGAIN] = true,
                 [FXNODE__WIRE__CONTROL__BODY_DELIVERED] = true},
};

static enum exchange_outcome expected(bool allowed, Fxnode__Wire__Control__BodyCase body) {
    if (body == FXNODE__WIRE__CONTROL__BODY_STOP)
        return EXCHANGE_PAUSED;
    if (body == FXNODE__WIRE__CONTROL__BODY_PING || body == FXNODE__WIRE__CONTROL__BODY_PONG)
        return EXCHANGE_OPEN;
    return allowed ? EXCHANGE_OPEN : EXCHANGE_PROTOCOL;
}

START_TEST(sender_in_each_state_hears_each_message) {
    int place = _i / WIRE_BODIES;
    Fxnode__Wire__Control__BodyCase body = (Fxnode__Wire__Control__BodyCase)(_i % WIRE_BODIES);
    if (body == FXNODE__WIRE__CONTROL__BODY__NOT_SET)
        return;
    bring_sender((enum sender_place)place);
    ck_assert_int_eq(tell_sender(body), expected(sender_allows[place][body], body));
    /* After an end nothing has any effect. */
    if (expected(sender_allows[place][body], body) != EXCHANGE_OPEN) {
        ck_assert_int_eq(sender_recorded(sender), 0);
        ck_assert_int_eq(tell_sender(FXNODE__WIRE__CONTROL__BODY_PING), EXCHANGE_OPEN);
    }
}
END_TEST

/* The receiver, the same. */

enum receiver_place {
    IN_OFFER,
    IN_ADMIT,
    IN_MANIFEST,
    IN_SYNCING,
    IN_DATA,
    IN_PLACING,
    IN_DELIVERED,
    RECEIVERS
};

static const struct record_piece pieces[] = {{0, LIMIT_CHUNK, 0, LIMIT_CHUNK, false},
                                             {1, 1, 0, 1, false}};

static enum exchange_outcome receiver_outcome(void) {
    struct receiver_action action;
    struct receiver_check match = {.units = 2, .match = true};
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    while (receiver_next(receiver, &action)) {
        if (action.kind == RECEIVER_END)
            outcome = action.end->outcome;
        else if (action.kind == RECEIVER_CHECK)
            ck_assert_int_eq(receiver_checked(receiver, &match), 0);
        else if (action.kind == RECEIVER_DROP)
            ck_assert_int_eq(receiver_dropped(receiver, 0, 2), 0);
    }
    return outcome;
}

static enum exchange_outcome tell_receiver(Fxnode__Wire__Control__BodyCase body) {
    ck_assert_int_eq(receiver_control(receiver, 1, message, make(body)), 0);
    return receiver_outcome();
}

static bool is_durable(uint64_t first, uint64_t count) {
    return rangeset_contains(receiver_durable(receiver), first, count);
}

static void deliver_units(void) {
    const struct rangeset *units = NULL;
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[i]), RECEIVER_WRITE);
        ck_assert_int_eq(receiver_written(receiver, 1, 0, &pieces[i], NULL), 0);
    }
    ck_assert(receiver_sync_due(receiver, 1)); /* everything is here */
    ck_assert_int_eq(receiver_sync_begin(receiver, &units), 0);
    ck_assert(rangeset_contains(units, 0, 2));
    ck_assert(!is_durable(0, 1));
    ck_assert_int_eq(receiver_synced(receiver, 1), 0);
    ck_assert(!is_durable(0, 1));
    receiver_outcome();
    ck_assert_int_eq(receiver_committed(receiver, 1), 0);
    ck_assert(is_durable(0, 2));
    receiver_outcome();
}

static void bring_receiver(enum receiver_place place) {
    struct receiver_admission accept = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT};
    ck_assert_int_eq(receiver_start(receiver, 0), 0);
    if (place >= IN_ADMIT)
        ck_assert_int_eq(tell_receiver(FXNODE__WIRE__CONTROL__BODY_OFFER), EXCHANGE_OPEN);
    if (place >= IN_MANIFEST)
        ck_assert_int_eq(receiver_admit(receiver, 1, &accept), 0);
    if (place >= IN_SYNCING)
        ck_assert_int_eq(tell_receiver(FXNODE__WIRE__CONTROL__BODY_MANIFEST), EXCHANGE_OPEN);
    if (place >= IN_DATA)
        ck_assert_int_eq(receiver_manifest_synced(receiver), 0);
    if (place >= IN_PLACING) {
        deliver_units();
        ck_assert_int_eq(tell_receiver(FXNODE__WIRE__CONTROL__BODY_CONFIRM), EXCHANGE_OPEN);
        ck_assert_int_eq(tell_receiver(FXNODE__WIRE__CONTROL__BODY_SENT), EXCHANGE_OPEN);
    }
    if (place >= IN_DELIVERED)
        ck_assert_int_eq(receiver_placed(receiver, summary.names, 1, 0), 0);
    receiver_outcome();
}

/* Confirm and Sent in IN_DATA come too early here: nothing is durable. */
static const bool receiver_allows[RECEIVERS][WIRE_BODIES] = {
    [IN_OFFER] = {[FXNODE__WIRE__CONTROL__BODY_OFFER] = true},
    [IN_MANIFEST] = {[FXNODE__WIRE__CONTROL__BODY_MANIFEST] = true},
    [IN_DATA] = {[FXNODE__WIRE__CONTROL__BODY_FAILED] = true},
};

START_TEST(receiver_in_each_state_hears_each_message) {
    int place = _i / WIRE_BODIES;
    Fxnode__Wire__Control__BodyCase body = (Fxnode__Wire__Control__BodyCase)(_i % WIRE_BODIES);
    enum exchange_outcome outcome = expected(receiver_allows[place][body], body);
    if (body == FXNODE__WIRE__CONTROL__BODY__NOT_SET)
        return;
    if (place == IN_DELIVERED && body == FXNODE__WIRE__CONTROL__BODY_FINISH)
        outcome = EXCHANGE_COMPLETE;
    bring_receiver((enum receiver_place)place);
    ck_assert_int_eq(tell_receiver(body), outcome);
}
END_TEST

START_TEST(data_is_refused_before_it_was_asked_for) {
    bring_receiver((enum receiver_place)_i);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[0]), RECEIVER_REFUSED);
    ck_assert_int_eq(receiver_outcome(), EXCHANGE_PROTOCOL);
}
END_TEST

START_TEST(data_that_does_not_belong_is_refused) {
    static const struct record_piece wrong[] = {
        {2, 1, 0, 1, false},                         /* no such unit */
        {UINT64_MAX, 1, 0, 1, false},                /* nor this */
        {0, LIMIT_CHUNK, 1, 1, false},               /* not from its beginning */
        {0, LIMIT_CHUNK, 0, LIMIT_CHUNK + 1, false}, /* a byte more than there is */
        {1, 1, 0, 2, false},                         /* the same */
        {0, LIMIT_CHUNK, LIMIT_CHUNK + 1, 1, false}, /* behind its end */
        {0, LIMIT_CHUNK + 1, 0, LIMIT_CHUNK, false}, /* too large a unit */
        {2, LIMIT_CHUNK, 0, LIMIT_CHUNK, true},      /* a hole that is no unit */
    };
    bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &wrong[_i]), RECEIVER_REFUSED);
    ck_assert_int_eq(receiver_outcome(), EXCHANGE_PROTOCOL);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[0]), RECEIVER_REFUSED);
}
END_TEST

START_TEST(a_unit_that_is_here_is_discarded) {
    bring_receiver(IN_DATA);
    deliver_units();
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[0]), RECEIVER_DISCARD);
    ck_assert_int_eq(receiver_outcome(), EXCHANGE_OPEN);
}
END_TEST

START_TEST(nothing_is_written_beyond_one_batch) {
    struct receiver_config small = {
        .lanes = 1, .batch_bytes = LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    receiver_free(receiver);
    ck_assert_int_eq(receiver_new(&receiver, &small), 0);
    bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[0]), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(receiver, 1, 0, &pieces[0], NULL), 0);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[1]), RECEIVER_WAIT);
    /* Not reading, it does not take the peer for silent. */
    ck_assert_int_eq(receiver_tick(receiver, 100000), 0);
    ck_assert_int_eq(receiver_outcome(), EXCHANGE_OPEN);
}
END_TEST

/* A hole is nothing to be written, so nothing has to be synced to make room for it or after it. But
 * it becomes durable like everything else. */
START_TEST(holes_take_no_room_in_a_batch) {
    static const struct record_piece hole = {0, LIMIT_CHUNK, 0, LIMIT_CHUNK, true};
    struct receiver_config small = {
        .lanes = 1, .batch_bytes = LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    const struct rangeset *units = NULL;
    receiver_free(receiver);
    ck_assert_int_eq(receiver_new(&receiver, &small), 0);
    bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &hole), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(receiver, 1, 0, &hole, NULL), 0);
    ck_assert(!receiver_sync_due(receiver, 2));
    ck_assert(receiver_sync_due(receiver, 1001));
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[1]), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(receiver, 1, 0, &pieces[1], NULL), 0);
    ck_assert_int_eq(receiver_sync_begin(receiver, &units), 0);
    ck_assert(rangeset_contains(units, 0, 2));
    ck_assert_int_eq(receiver_synced(receiver, 1), 0);
    ck_assert(!is_durable(0, 1));
    receiver_outcome();
    ck_assert_int_eq(receiver_committed(receiver, 1), 0);
    ck_assert(is_durable(0, 2));
}
END_TEST

START_TEST(a_failed_sync_reports_nothing) {
    const struct rangeset *units = NULL;
    struct receiver_action action;
    bring_receiver(IN_DATA);
    ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[0]), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(receiver, 1, 0, &pieces[0], NULL), 0);
    ck_assert(!receiver_sync_due(receiver, 2));
    ck_assert(receiver_sync_due(receiver, 1001));
    ck_assert_int_eq(receiver_sync_begin(receiver, &units), 0);
    ck_assert_int_eq(receiver_stop(receiver, FXNODE__WIRE__STOP__REASON__NO_SPACE, "full"), 0);
    while (receiver_next(receiver, &action) && action.kind != RECEIVER_END)
        ck_assert_int_eq(action.kind, RECEIVER_SEND);
    ck_assert_int_eq(action.kind, RECEIVER_END);
    ck_assert_int_eq(action.end->outcome, EXCHANGE_STOPPED);
    ck_assert(!is_durable(0, 1));
}
END_TEST

START_TEST(content_that_keeps_differing_ends_it) {
    struct receiver_check differs = {.units = 2, .match = false};
    struct receiver_action action;
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    bring_receiver(IN_DATA);
    for (unsigned round = 0; round <= EXCHANGE_AGAIN_MAX; round++) {
        deliver_units();
        ck_assert_int_eq(
            receiver_control(receiver, 1, message, make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)), 0);
        ck_assert(receiver_next(receiver, &action));
        ck_assert_int_eq(action.kind, RECEIVER_CHECK);
        ck_assert_int_eq(receiver_checked(receiver, &differs), 0);
        outcome = receiver_outcome();
        ck_assert_int_eq(outcome, round < EXCHANGE_AGAIN_MAX ? EXCHANGE_OPEN : EXCHANGE_FAILED);
        if (outcome != EXCHANGE_OPEN)
            break;
        /* Not accepted before the forgetting is committed. */
        ck_assert_int_eq(receiver_record(receiver, 1, 0, &pieces[0]), RECEIVER_DISCARD);
        ck_assert_int_eq(receiver_committed(receiver, 1), 0);
        receiver_outcome();
    }
}
END_TEST

/* What was taken over may be of other content than the sources: that is no fault of the sender. */
START_TEST(content_taken_over_may_differ_once) {
    struct receiver_check differs = {.units = 2, .match = false};
    struct receiver_action action;
    struct rangeset taken;
    rangeset_init(&taken);
    ck_assert_int_eq(rangeset_add(&taken, 0, 2), 0);
    ck_assert_int_eq(receiver_inherit(receiver, &taken), -EINVAL);
    bring_receiver(IN_SYNCING);
    ck_assert_int_eq(receiver_inherit(receiver, &taken), 0);
    rangeset_clear(&taken);
    ck_assert_int_eq(receiver_manifest_synced(receiver), 0);
    ck_assert(is_durable(0, 2));
    ck_assert_int_eq(receiver_held_verified(receiver), 0);
    receiver_outcome();
    for (unsigned round = 0; round <= EXCHANGE_AGAIN_MAX; round++) {
        ck_assert_int_eq(
            receiver_control(receiver, 1, message, make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)), 0);
        ck_assert(receiver_next(receiver, &action));
        ck_assert_int_eq(receiver_checked(receiver, &differs), 0);
        ck_assert_int_eq(receiver_outcome(), EXCHANGE_OPEN);
        ck_assert_int_eq(receiver_committed(receiver, 1), 0);
        receiver_outcome();
        deliver_units();
    }
    ck_assert_int_eq(
        receiver_control(receiver, 1, message, make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)), 0);
    ck_assert(receiver_next(receiver, &action));
    ck_assert_int_eq(receiver_checked(receiver, &differs), 0);
    ck_assert_int_eq(receiver_outcome(), EXCHANGE_FAILED);
}
END_TEST

START_TEST(what_is_agreed_is_not_checked_again) {
    struct receiver_action action;
    bring_receiver(IN_DATA);
    deliver_units();
    ck_assert_int_eq(tell_receiver(FXNODE__WIRE__CONTROL__BODY_CONFIRM), EXCHANGE_OPEN);
    ck_assert_int_eq(
        receiver_control(receiver, 1, message, make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)), 0);
    ck_assert(!receiver_next(receiver, &action));
    ck_assert_int_eq(tell_receiver(FXNODE__WIRE__CONTROL__BODY_SENT), EXCHANGE_OPEN);
    ck_assert_int_eq(receiver_placed(receiver, summary.names, 1, 0), 0);
}
END_TEST

/* What has to be sent again, and is not, stays disputed. */
START_TEST(what_is_disputed_is_not_checked_for_ever) {
    struct receiver_check differs = {.units = 2, .match = false};
    struct receiver_action action;
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    unsigned checks = 1;
    bring_receiver(IN_DATA);
    deliver_units();
    ck_assert_int_eq(
        receiver_control(receiver, 1, message, make(FXNODE__WIRE__CONTROL__BODY_CONFIRM)), 0);
    ck_assert(receiver_next(receiver, &action));
    ck_assert_int_eq(receiver_checked(receiver, &differs), 0);
    receiver_outcome();
    ck_assert_int_eq(receiver_committed(receiver, 1), 0);
    for (; outcome == EXCHANGE_OPEN && checks < 1000; checks++)
        outcome = tell_receiver(FXNODE__WIRE__CONTROL__BODY_CONFIRM);
    ck_assert_int_eq(outcome, EXCHANGE_PROTOCOL);
    ck_assert_uint_gt(checks, EXCHANGE_AGAIN_MESSAGES);
}
END_TEST

/* The sender hears from a receiver that has delivered it before, without `failed` entries, and
 * others without some of their attributes. */
static void tell_delivered_before(uint32_t failed, uint32_t lacking) {
    const struct receiver_admission before = {
        .answer = FXNODE__WIRE__VERDICT__ANSWER__DELIVERED,
        .delivery = {.names = summary.names, .count = 1, .failed = failed, .lacking = lacking}};
    struct receiver_action action;
    bring_receiver(IN_ADMIT);
    bring_sender(AT_OFFERED);
    ck_assert_int_eq(receiver_admit(receiver, 1, &before), 0);
    ck_assert(receiver_next(receiver, &action));
    ck_assert_int_eq(action.kind, RECEIVER_SEND);
    ck_assert_int_eq(sender_control(sender, 1, action.message, action.length), 0);
}

START_TEST(what_was_delivered_before_is_told_as_it_was) {
    struct sender_action action;
    tell_delivered_before(1, summary.entries - 1);
    ck_assert(sender_next(sender, &action));
    ck_assert_int_eq(action.kind, SENDER_DELIVERED);
    ck_assert_ptr_nonnull(action.delivered);
    ck_assert_uint_eq(action.delivered->failed, 1);
    ck_assert_uint_eq(action.delivered->lacking, summary.entries - 1);
    ck_assert_uint_eq(action.delivered->n_names, 1);
    ck_assert_mem_eq(action.delivered->names[0].data, "d", 1);
}
END_TEST

static const struct {
    uint32_t failed;
    uint32_t lacking;
} too_many[] = {{3, 0}, {0, 3}, {1, 2}, {2, UINT32_MAX}};

START_TEST(more_cannot_have_failed_before_than_there_is) {
    ck_assert_uint_eq(summary.entries, 2);
    tell_delivered_before(too_many[_i].failed, too_many[_i].lacking);
    ck_assert_int_eq(sender_outcome(), EXCHANGE_PROTOCOL);
}
END_TEST

START_TEST(silence_is_answered_and_ends) {
    struct sender_action action;
    ck_assert_int_eq(sender_start(sender, 1000), 0);
    ck_assert_int_eq(sender_outcome(), EXCHANGE_OPEN);
    ck_assert_uint_eq(sender_deadline(sender), 1000 + EXCHANGE_PING_MS);
    ck_assert_int_eq(sender_tick(sender, 1000 + EXCHANGE_PING_MS - 1), 0);
    ck_assert(!sender_next(sender, &action));
    ck_assert_int_eq(sender_tick(sender, 1000 + EXCHANGE_PING_MS), 0);
    ck_assert(sender_next(sender, &action));
    ck_assert_int_eq(action.kind, SENDER_SEND);
    ck_assert_int_eq(sender_tick(sender, 1000 + EXCHANGE_SILENT_MS), 0);
    ck_assert_int_eq(sender_outcome(), EXCHANGE_LOST);
    ck_assert_uint_eq(sender_deadline(sender), EXCHANGE_NEVER);
    ck_assert_int_eq(receiver_start(receiver, 0), 0);
    ck_assert_int_eq(receiver_tick(receiver, 10000), 0);
    ck_assert_int_eq(receiver_outcome(), EXCHANGE_LOST); /* no offer */
}
END_TEST

START_TEST(malformed_messages_end_it) {
    static const char *const wrong[] = {"", "\x7a\x01", "\xff\xff\xff", "\x0a\x00", "\x0a\x7f"};
    bring_receiver(IN_OFFER);
    ck_assert_int_eq(receiver_control(receiver, 1, wrong[_i], strlen(wrong[_i])), 0);
    ck_assert_int_eq(receiver_outcome(), EXCHANGE_PROTOCOL);
}
END_TEST

START_TEST(lanes_are_checked) {
    struct range range;
    bring_sender(AT_DATA);
    ck_assert_int_eq(sender_lane_opened(sender, 0), -EINVAL);
    ck_assert_int_eq(sender_lane_opened(sender, 2), -EINVAL);
    ck_assert_int_eq(sender_claim(sender, 1, 1, &range), -EINVAL);
    ck_assert_int_eq(sender_lane_opened(sender, 1), 0);
    ck_assert_int_eq(sender_lane_opened(sender, 1), -EINVAL);
    ck_assert_int_eq(sender_claim(sender, 1, 1, &range), 0); /* lane 0 has all */
    ck_assert(sender_wants(sender, 0, 1));
    ck_assert_int_eq(sender_lane_lost(sender, 0), 0);
    ck_assert_int_eq(sender_outcome(), EXCHANGE_LOST);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("roles");
    TCase *tests = tcase_create("roles");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, sender_in_each_state_hears_each_message, 0, SENDERS * WIRE_BODIES);
    tcase_add_loop_test(tests, receiver_in_each_state_hears_each_message, 0,
                        RECEIVERS * WIRE_BODIES);
    tcase_add_loop_test(tests, data_is_refused_before_it_was_asked_for, IN_OFFER, IN_DATA);
    tcase_add_loop_test(tests, data_that_does_not_belong_is_refused, 0, 8);
    tcase_add_test(tests, a_unit_that_is_here_is_discarded);
    tcase_add_test(tests, nothing_is_written_beyond_one_batch);
    tcase_add_test(tests, holes_take_no_room_in_a_batch);
    tcase_add_test(tests, a_failed_sync_reports_nothing);
    tcase_add_test(tests, content_that_keeps_differing_ends_it);
    tcase_add_test(tests, content_taken_over_may_differ_once);
    tcase_add_test(tests, what_is_agreed_is_not_checked_again);
    tcase_add_test(tests, what_is_disputed_is_not_checked_for_ever);
    tcase_add_test(tests, what_was_delivered_before_is_told_as_it_was);
    tcase_add_loop_test(tests, more_cannot_have_failed_before_than_there_is, 0, 4);
    tcase_add_test(tests, silence_is_answered_and_ends);
    tcase_add_loop_test(tests, malformed_messages_end_it, 0, 5);
    tcase_add_test(tests, lanes_are_checked);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
