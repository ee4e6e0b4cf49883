#include "hostile.h"

#include "base/entry.h"
#include "base/fail.h"
#include "base/limits.h"
#include "proto/manifest.h"
#include "proto/packed.h"
#include "proto/record.h"
#include "proto/stream.h"
#include "proto/transfer.pb-c.h"

#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static struct manifest_summary summary;
static uint8_t batch[LIMIT_MANIFEST_BATCH];
static size_t batch_length;

static void add_entry(struct manifest_builder *builder, const struct entry *entry) {
    struct fail fail = {0};

    ck_assert_int_eq(manifest_builder_add(builder, entry, &fail), MANIFEST_ADDED);
}

void hostile_make_manifest(uint8_t hash[LIMIT_HASH]) {
    struct manifest_builder *builder = NULL;
    struct fail fail = {0};
    const uint8_t *data = NULL;

    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    add_entry(builder, &(struct entry){
                           .type = ENTRY_DIRECTORY, .mode = 0755, .path = "d", .path_length = 1});
    add_entry(builder, &(struct entry){.type = ENTRY_FILE,
                                       .mode = 0644,
                                       .size = HOSTILE_FILE_SIZE,
                                       .path = "d/f",
                                       .path_length = 3});
    ck_assert_int_eq(manifest_builder_end(builder, &fail), MANIFEST_BATCH_READY);
    batch_length = manifest_builder_take(builder, &data) - MANIFEST_PREFIX;
    memcpy(batch, data + MANIFEST_PREFIX, batch_length);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
    memcpy(hash, summary.hash, LIMIT_HASH);
}

void hostile_make_way_out(uint8_t hash[LIMIT_HASH]) {
    Fxnode__Wire__Entry entry = FXNODE__WIRE__ENTRY__INIT;
    Fxnode__Wire__Entry *entries[] = {&entry};
    Fxnode__Wire__ManifestBatch body = FXNODE__WIRE__MANIFEST_BATCH__INIT;
    uint8_t prefixed[MANIFEST_PREFIX + 256] = {0};
    char path[] = "d/../../../evil";

    entry.type = FXNODE__WIRE__ENTRY__TYPE__FILE;
    entry.path = (ProtobufCBinaryData){.len = strlen(path), .data = (uint8_t *)path};
    entry.mode = 0644;
    entry.size = HOSTILE_FILE_SIZE;
    body.n_entries = 1;
    body.entries = entries;
    batch_length = fxnode__wire__manifest_batch__pack(&body, prefixed + MANIFEST_PREFIX);
    prefixed[3] = (uint8_t)batch_length;
    memcpy(batch, prefixed + MANIFEST_PREFIX, batch_length);
    summary.entries = 1;
    summary.length = MANIFEST_PREFIX + batch_length;
    crypto_generichash(summary.hash, sizeof summary.hash, prefixed, summary.length, NULL, 0);
    memcpy(hash, summary.hash, LIMIT_HASH);
}

void hostile_send_garbage(struct peer *peer) {
    uint8_t garbage[8192];

    randombytes_buf(garbage, sizeof garbage);
    garbage[STREAM_HEADER] = 0; /* else its length is refused before it is read */
    garbage[STREAM_HEADER + 1] = 0;
    garbage[STREAM_HEADER + 2] = 1;
    peer_send_raw(peer, garbage, sizeof garbage);
}

void hostile_send_length(struct peer *peer) {
    static const uint8_t length[] = {0xff, 0xff, 0xff, 0xff};

    peer_send_raw(peer, peer->header, sizeof peer->header);
    peer_send_raw(peer, length, sizeof length);
}

void hostile_send_nonsense(struct peer *peer) {
    peer_send(peer, STREAM_CONTROL, "\xff\xff\xff\xff", 4);
}

void hostile_send_nothing(struct peer *peer) {
    (void)peer;
}

void hostile_send_final(struct peer *peer) {
    peer_send_final(peer);
}

void hostile_send_wrong_role(struct peer *peer) {
    Fxnode__Wire__Finish finish = FXNODE__WIRE__FINISH__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    control.body_case = FXNODE__WIRE__CONTROL__BODY_FINISH;
    control.finish = &finish;
    peer_send_control(peer, &control);
}

void hostile_send_record(struct peer *peer, uint32_t entry, uint64_t offset, uint32_t length) {
    uint8_t *body = calloc(1, RECORD_HEADER + length);
    struct record record = {
        .kind = RECORD_BYTES, .entry = entry, .offset = offset, .length = length};

    record_write_header(body, &record);
    peer_send(peer, STREAM_DATA, body, RECORD_HEADER + length);
    free(body);
}

void hostile_send_packed(struct peer *peer, uint32_t length, bool spoil) {
    uint8_t *records = calloc(1, RECORD_HEADER + length);
    uint8_t packed[4096];
    struct record record = {.kind = RECORD_BYTES, .entry = 1, .offset = 0, .length = length};
    struct packer *packer = NULL;
    size_t used = 0;

    record_write_header(records, &record);
    ck_assert_int_eq(packer_new(&packer), 0);
    used = packer_pack(packer, records, RECORD_HEADER + length, packed, sizeof packed);
    ck_assert_uint_gt(used, 0);
    packed[3] ^= spoil ? 1 : 0;
    peer_send(peer, STREAM_PACKED, packed, used);
    packer_free(packer);
    free(records);
}

void hostile_send_packed_first(struct peer *peer) {
    hostile_send_packed(peer, HOSTILE_FILE_SIZE, false);
}

void hostile_send_data_first(struct peer *peer) {
    hostile_send_record(peer, 1, 0, HOSTILE_FILE_SIZE);
}

void hostile_offer_and_leave(struct peer *peer) {
    peer_offer(peer, &summary);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_VERDICT);
}

void hostile_offer_then_data(struct peer *peer) {
    hostile_offer_and_leave(peer);
    hostile_send_record(peer, 1, 0, HOSTILE_FILE_SIZE);
}

void hostile_offer_twice(struct peer *peer) {
    hostile_offer_and_leave(peer);
    peer_offer(peer, &summary);
}

void hostile_offer_another_manifest(struct peer *peer) {
    hostile_offer_and_leave(peer);
    batch[batch_length - 1] ^= 1;
    peer_manifest(peer, batch, batch_length);
}

void hostile_offer_manifest(struct peer *peer) {
    hostile_offer_and_leave(peer);
    peer_manifest(peer, batch, batch_length);
}

void hostile_agree(struct peer *peer) {
    hostile_offer_and_leave(peer);
    peer_manifest(peer, batch, batch_length);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_HOLDING);
}

void hostile_agree_and_leave(struct peer *peer) {
    hostile_agree(peer);
}

void hostile_agree_then_half(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_record(peer, 1, 0, HOSTILE_FILE_SIZE / 2);
}

void hostile_agree_then_packed(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_packed(peer, HOSTILE_FILE_SIZE, false);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_DURABLE);
}

void hostile_agree_then_packed_spoilt(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_packed(peer, HOSTILE_FILE_SIZE, true);
}

void hostile_agree_then_packed_beyond(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_packed(peer, HOSTILE_FILE_SIZE + 1, false);
}

void hostile_agree_then_packed_control(struct peer *peer) {
    static const uint8_t ping[] = {0,    0, 0,    3, 0x28, 0xb5, 0x2f, 0xfd,
                                   0x20, 3, 0x19, 0, 0,    1,    2,    3};

    hostile_agree(peer);
    peer_send(peer, STREAM_PACKED, ping, sizeof ping);
}

void hostile_agree_then_beyond(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_record(peer, 1, HOSTILE_FILE_SIZE - 1, 2);
}

void hostile_agree_then_directory(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_record(peer, 0, 0, 1);
}

void hostile_agree_then_nowhere(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_record(peer, 77, 0, 1);
}

void hostile_agree_then_cut(struct peer *peer) {
    hostile_agree(peer);
    peer_send(peer, STREAM_DATA, "\0\0\0\0\0", 5);
}

static void send_hole(struct peer *peer, uint32_t entry, uint64_t offset, uint64_t length) {
    uint8_t body[RECORD_HEADER];
    struct record record = {
        .kind = RECORD_HOLE, .entry = entry, .offset = offset, .length = length};

    record_write_header(body, &record);
    peer_send(peer, STREAM_DATA, body, sizeof body);
}

void hostile_agree_then_hole_beyond(struct peer *peer) {
    hostile_agree(peer);
    send_hole(peer, 1, 0, HOSTILE_FILE_SIZE + 1);
}

void hostile_agree_then_hole_over_chunks(struct peer *peer) {
    hostile_agree(peer);
    send_hole(peer, 1, LIMIT_CHUNK - 1, 2);
}

void hostile_agree_then_vast_hole(struct peer *peer) {
    hostile_agree(peer);
    send_hole(peer, 1, 0, UINT64_MAX);
}

void hostile_agree_then_hole_over_data(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_record(peer, 1, 0, HOSTILE_FILE_SIZE / 2);
    send_hole(peer, 1, HOSTILE_FILE_SIZE / 4, HOSTILE_FILE_SIZE / 4);
}

void hostile_agree_then_out_of_order(struct peer *peer) {
    hostile_agree(peer);
    hostile_send_record(peer, 1, HOSTILE_FILE_SIZE / 2, HOSTILE_FILE_SIZE / 2);
}

void hostile_agree_then_sent(struct peer *peer) {
    Fxnode__Wire__Sent sent = FXNODE__WIRE__SENT__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    hostile_agree(peer);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_SENT;
    control.sent = &sent;
    peer_send_control(peer, &control);
}

static void confirm(struct peer *peer, uint32_t first, uint32_t count) {
    Fxnode__Wire__Confirm body = FXNODE__WIRE__CONFIRM__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    uint8_t digest[LIMIT_CHUNK_HASH] = "not its digest";

    body.first_entry = first;
    body.count = count;
    body.digest = (ProtobufCBinaryData){.len = sizeof digest, .data = digest};
    control.body_case = FXNODE__WIRE__CONTROL__BODY_CONFIRM;
    control.confirm = &body;
    peer_send_control(peer, &control);
}

void hostile_agree_then_confirm_nothing(struct peer *peer) {
    hostile_agree(peer);
    confirm(peer, 0, 2);
}

void hostile_agree_then_confirm_too_much(struct peer *peer) {
    hostile_agree(peer);
    confirm(peer, 0, 3);
}

void hostile_confirm_wrongly(struct peer *peer) {
    hostile_agree(peer);
    do {
        hostile_send_record(peer, 1, 0, HOSTILE_FILE_SIZE);
        if (!peer_await(peer, FXNODE__WIRE__CONTROL__BODY_DURABLE))
            break;
        confirm(peer, 0, 2);
    } while (peer_await(peer, FXNODE__WIRE__CONTROL__BODY_AGAIN));
}

void hostile_hear_offer(struct peer *peer) {
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_OFFER);
}

void hostile_send_data_back(struct peer *peer) {
    hostile_hear_offer(peer);
    hostile_send_record(peer, 0, 0, 1);
}

static void accept_offer(struct peer *peer, bool held) {
    Fxnode__Wire__Verdict verdict = FXNODE__WIRE__VERDICT__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    hostile_hear_offer(peer);
    verdict.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT;
    verdict.manifest_held = held;
    verdict.lanes = 1;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_VERDICT;
    control.verdict = &verdict;
    peer_send_control(peer, &control);
}

void hostile_accept_and_leave(struct peer *peer) {
    accept_offer(peer, false);
    peer_await(peer, FXNODE__WIRE__CONTROL__BODY_MANIFEST);
}

static void hold(struct peer *peer, uint64_t first, uint64_t count) {
    Fxnode__Wire__Extent extent = FXNODE__WIRE__EXTENT__INIT;
    Fxnode__Wire__Extent *extents[] = {&extent};
    Fxnode__Wire__Holding holding = FXNODE__WIRE__HOLDING__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    extent.first = first;
    extent.count = count;
    holding.n_extents = count == 0 ? 0 : 1;
    holding.extents = extents;
    holding.last = true;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_HOLDING;
    control.holding = &holding;
    peer_send_control(peer, &control);
}

void hostile_hold_too_much(struct peer *peer) {
    accept_offer(peer, true);
    hold(peer, 0, 1000);
}

void hostile_hold_and_leave(struct peer *peer) {
    accept_offer(peer, true);
    hold(peer, 0, 0);
}

static void deliver(struct peer *peer) {
    Fxnode__Wire__Delivered delivered = FXNODE__WIRE__DELIVERED__INIT;
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;

    control.body_case = FXNODE__WIRE__CONTROL__BODY_DELIVERED;
    control.delivered = &delivered;
    peer_send_control(peer, &control);
}

void hostile_deliver_at_once(struct peer *peer) {
    hostile_hear_offer(peer);
    deliver(peer);
}

void hostile_deliver_unconfirmed(struct peer *peer) {
    hostile_hold_and_leave(peer);
    deliver(peer);
}
