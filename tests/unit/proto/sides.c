#include "sides.h"

#include "proto/manifest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t manifest[4096];
static size_t manifest_length;
struct manifest_summary sides_summary;
struct sender *sides_sender;
struct receiver *sides_receiver;
uint8_t sides_message[WIRE_MESSAGE_MAX];

/* One directory and one file of two chunks, the second of one byte. */
void sides_set_up(void) {
    struct manifest_builder *builder = NULL;
    struct fail fail;
    const uint8_t *data = NULL;
    struct entry directory = {.type = ENTRY_DIRECTORY, .mode = 0755, .path = "d", .path_length = 1};
    struct entry file = {
        .type = ENTRY_FILE, .mode = 0644, .size = LIMIT_CHUNK + 1, .path = "d/f", .path_length = 3};
    struct receiver_config receiving = {
        .lanes = 2, .batch_bytes = 8 * LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    struct sender_config sending = {.summary = &sides_summary, .lanes = 2};
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    ck_assert_int_eq(manifest_builder_add(builder, &directory, &fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_add(builder, &file, &fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_end(builder, &fail), MANIFEST_BATCH_READY);
    manifest_length = manifest_builder_take(builder, &data);
    memcpy(manifest, data, manifest_length);
    manifest_builder_summary(builder, &sides_summary);
    manifest_builder_free(builder);
    ck_assert_int_eq(sender_new(&sides_sender, &sending), 0);
    ck_assert_int_eq(receiver_new(&sides_receiver, &receiving), 0);
}

void sides_tear_down(void) {
    sender_free(sides_sender);
    receiver_free(sides_receiver);
    sides_sender = NULL;
    sides_receiver = NULL;
}

/* Messages: each acceptable by itself. */
size_t sides_make(Fxnode__Wire__Control__BodyCase body) {
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
    offer.manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, sides_summary.hash};
    offer.manifest_length = sides_summary.length;
    offer.entries = sides_summary.entries;
    offer.bytes = sides_summary.bytes;
    offer.units = sides_summary.units;
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
    int length = msg_encode(&control.base, sides_message, sizeof sides_message);
    ck_assert_int_gt(length, 0);
    return (size_t)length;
}

/* The sender, brought to a state and given one message. */

enum exchange_outcome sides_sender_outcome(void) {
    struct sender_action action;
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    while (sender_next(sides_sender, &action))
        if (action.kind == SENDER_END)
            outcome = action.end->outcome;
    return outcome;
}

enum exchange_outcome sides_tell_sender(Fxnode__Wire__Control__BodyCase body) {
    ck_assert_int_eq(sender_control(sides_sender, 1, sides_message, sides_make(body)), 0);
    return sides_sender_outcome();
}

void sides_bring_sender(enum sender_place place) {
    struct range range;
    struct sender_confirmation all = {.count = 2, .units = 2};
    ck_assert_int_eq(sender_start(sides_sender, 0), 0);
    if (place >= AT_MANIFEST)
        ck_assert_int_eq(sides_tell_sender(FXNODE__WIRE__CONTROL__BODY_VERDICT), EXCHANGE_OPEN);
    if (place >= AT_HOLDING)
        ck_assert_int_eq(sender_manifest_batch(sides_sender, manifest + MANIFEST_PREFIX,
                                               manifest_length - MANIFEST_PREFIX),
                         0);
    if (place >= AT_DATA) {
        ck_assert_int_eq(sides_tell_sender(FXNODE__WIRE__CONTROL__BODY_HOLDING), EXCHANGE_OPEN);
        ck_assert_int_eq(sender_claim(sides_sender, 0, 9, &range), 1);
        ck_assert_uint_eq(range.count, 2);
    }
    if (place >= AT_SENT) {
        ck_assert_int_eq(sender_confirm(sides_sender, &all), SENDER_STALE);
        ck_assert_int_eq(sides_tell_sender(FXNODE__WIRE__CONTROL__BODY_DURABLE), EXCHANGE_OPEN);
        ck_assert_int_eq(sender_confirm(sides_sender, &all), 0);
    }
    if (place >= AT_RECORDING)
        ck_assert_int_eq(sides_tell_sender(FXNODE__WIRE__CONTROL__BODY_DELIVERED), EXCHANGE_OPEN);
    sides_sender_outcome();
}

/* The receiver, the same. */

const struct record_piece sides_pieces[2] = {{0, LIMIT_CHUNK, 0, LIMIT_CHUNK, false},
                                             {1, 1, 0, 1, false}};

enum exchange_outcome sides_receiver_outcome(void) {
    struct receiver_action action;
    struct receiver_check match = {.units = 2, .match = true};
    enum exchange_outcome outcome = EXCHANGE_OPEN;
    while (receiver_next(sides_receiver, &action)) {
        if (action.kind == RECEIVER_END)
            outcome = action.end->outcome;
        else if (action.kind == RECEIVER_CHECK)
            ck_assert_int_eq(receiver_checked(sides_receiver, &match), 0);
        else if (action.kind == RECEIVER_DROP)
            ck_assert_int_eq(receiver_dropped(sides_receiver, 0, 2), 0);
    }
    return outcome;
}

enum exchange_outcome sides_tell_receiver(Fxnode__Wire__Control__BodyCase body) {
    ck_assert_int_eq(receiver_control(sides_receiver, 1, sides_message, sides_make(body)), 0);
    return sides_receiver_outcome();
}

bool sides_is_durable(uint64_t first, uint64_t count) {
    return rangeset_contains(receiver_durable(sides_receiver), first, count);
}

void sides_deliver_units(void) {
    const struct rangeset *units = NULL;
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(receiver_record(sides_receiver, 1, 0, &sides_pieces[i]), RECEIVER_WRITE);
        ck_assert_int_eq(receiver_written(sides_receiver, 1, 0, &sides_pieces[i], NULL), 0);
    }
    ck_assert(receiver_sync_due(sides_receiver, 1)); /* everything is here */
    ck_assert_int_eq(receiver_sync_begin(sides_receiver, &units), 0);
    ck_assert(rangeset_contains(units, 0, 2));
    ck_assert(!sides_is_durable(0, 1));
    ck_assert_int_eq(receiver_synced(sides_receiver, 1), 0);
    ck_assert(!sides_is_durable(0, 1));
    sides_receiver_outcome();
    ck_assert_int_eq(receiver_committed(sides_receiver, 1), 0);
    ck_assert(sides_is_durable(0, 2));
    sides_receiver_outcome();
}

void sides_bring_receiver(enum receiver_place place) {
    struct receiver_admission accept = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT};
    ck_assert_int_eq(receiver_start(sides_receiver, 0), 0);
    if (place >= IN_ADMIT)
        ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_OFFER), EXCHANGE_OPEN);
    if (place >= IN_MANIFEST)
        ck_assert_int_eq(receiver_admit(sides_receiver, 1, &accept), 0);
    if (place >= IN_SYNCING)
        ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_MANIFEST), EXCHANGE_OPEN);
    if (place >= IN_DATA)
        ck_assert_int_eq(receiver_manifest_synced(sides_receiver), 0);
    if (place >= IN_PLACING) {
        sides_deliver_units();
        ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_CONFIRM), EXCHANGE_OPEN);
        ck_assert_int_eq(sides_tell_receiver(FXNODE__WIRE__CONTROL__BODY_SENT), EXCHANGE_OPEN);
    }
    if (place >= IN_DELIVERED)
        ck_assert_int_eq(receiver_placed(sides_receiver, sides_summary.names, 1, 0, true), 0);
    sides_receiver_outcome();
}
