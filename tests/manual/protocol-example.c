/*
 * The worked example of fxnode-protocol(7): a whole transfer of one small tree with fixed keys,
 * made by the code itself (example.h).
 */
#include "example.h"
#include "files/hash.h"
#include "proto/receiver.h"
#include "proto/record.h"
#include "proto/sender.h"
#include "proto/stream.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define CONTENT "hello\n"

/* Streams: what the one side seals has to be what the other opens. */

struct stream {
    struct stream_sealer *sealer;
    struct stream_opener *opener;
};

static void stream_begin(struct stream *stream, const char *name, const uint8_t *key) {
    uint8_t header[STREAM_HEADER];
    ck_assert_int_eq(stream_sealer_new(&stream->sealer, key, header), 0);
    ck_assert_int_eq(stream_opener_new(&stream->opener, key, header), 0);
    example_show(name, header, sizeof header);
}

static void stream_carry(struct stream *stream, const char *name, enum stream_type type,
                         const uint8_t *body, size_t length) {
    uint8_t record[1024];
    char title[64];
    struct stream_frame frame;
    ck_assert_uint_le(STREAM_RECORD(length), sizeof record);
    example_show(name, body, length);
    memcpy(record + STREAM_HEADROOM, body, length);
    ck_assert_int_eq(stream_seal(stream->sealer, type, record, length), 0);
    snprintf(title, sizeof title, "%s, sealed", name);
    example_show(title, record, STREAM_RECORD(length));
    ck_assert_int_eq(stream_open(stream->opener, record + STREAM_PREFIX,
                                 STREAM_RECORD(length) - STREAM_PREFIX, &frame),
                     0);
    ck_assert_int_eq(frame.type, type);
    ck_assert_mem_eq(frame.body, body, length);
}

static void stream_end(struct stream *stream, const char *name) {
    uint8_t record[STREAM_FINAL_RECORD];
    struct stream_frame frame;
    ck_assert_int_eq(stream_seal_final(stream->sealer, record), 0);
    example_show(name, record, sizeof record);
    ck_assert_int_eq(stream_open(stream->opener, record + STREAM_PREFIX, STREAM_OVERHEAD, &frame),
                     STREAM_FINAL);
    stream_sealer_free(stream->sealer);
    stream_opener_free(stream->opener);
}

/* The transfer */

struct exchange {
    struct stream forth;
    struct stream back;
    struct sender *sender;
    struct receiver *receiver;
};

/* Takes the sender's next message over to the receiver, passing over all other actions. */
static void sender_says(struct exchange *exchange, const char *name) {
    struct sender_action action = {.kind = SENDER_NONE};
    do
        ck_assert(sender_next(exchange->sender, &action));
    while (action.kind != SENDER_SEND);
    stream_carry(&exchange->forth, name, STREAM_CONTROL, action.message, action.length);
    ck_assert_int_eq(receiver_control(exchange->receiver, 0, action.message, action.length), 0);
}

static void receiver_says(struct exchange *exchange, const char *name) {
    struct receiver_action action = {.kind = RECEIVER_NONE};
    do
        ck_assert(receiver_next(exchange->receiver, &action));
    while (action.kind != RECEIVER_SEND);
    stream_carry(&exchange->back, name, STREAM_CONTROL, action.message, action.length);
    ck_assert_int_eq(sender_control(exchange->sender, 0, action.message, action.length), 0);
}

/* The last action of both is their end. */
static void check_end(struct exchange *exchange) {
    struct sender_action sent = {.kind = SENDER_NONE};
    struct receiver_action received = {.kind = RECEIVER_NONE};
    while (sent.kind != SENDER_END)
        ck_assert(sender_next(exchange->sender, &sent));
    while (received.kind != RECEIVER_END)
        ck_assert(receiver_next(exchange->receiver, &received));
    ck_assert_int_eq(sent.end->outcome, EXCHANGE_COMPLETE);
    ck_assert_int_eq(received.end->outcome, EXCHANGE_COMPLETE);
}

/* A manifest of one batch: the directory "d" and the file "d/a". */
static size_t make_manifest(uint8_t *out, size_t room, struct manifest_summary *summary) {
    const struct entry entries[] = {
        {.type = ENTRY_DIRECTORY,
         .mode = 0755,
         .mtime_s = 1700000000,
         .path = "d",
         .path_length = 1},
        {.type = ENTRY_FILE,
         .mode = 0640,
         .size = sizeof CONTENT - 1,
         .mtime_s = 1700000001,
         .mtime_ns = 500000000,
         .path = "d/a",
         .path_length = 3},
    };
    struct manifest_builder *builder = NULL;
    const uint8_t *batch = NULL;
    struct fail fail;
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        ck_assert_int_eq(manifest_builder_add(builder, &entries[i], &fail), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_end(builder, &fail), MANIFEST_BATCH_READY);
    size_t length = manifest_builder_take(builder, &batch);
    ck_assert_uint_le(length, room);
    memcpy(out, batch, length);
    manifest_builder_summary(builder, summary);
    manifest_builder_free(builder);
    return length;
}

static void make_exchange(struct exchange *exchange, const struct manifest_summary *summary) {
    struct sender_config sender = {.summary = summary, .lanes = 2};
    struct receiver_config receiver = {
        .lanes = 2, .batch_bytes = LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    example_count_up(sender.transfer_id, LIMIT_TRANSFER_ID, 0);
    ck_assert_int_eq(sender_new(&exchange->sender, &sender), 0);
    ck_assert_int_eq(receiver_new(&exchange->receiver, &receiver), 0);
    ck_assert_int_eq(receiver_start(exchange->receiver, 0), 0);
    ck_assert_int_eq(sender_start(exchange->sender, 0), 0);
}

static void agree(struct exchange *exchange, const uint8_t *manifest, size_t length) {
    const struct receiver_admission yes = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT};
    sender_says(exchange, "Offer");
    ck_assert_int_eq(receiver_admit(exchange->receiver, 0, &yes), 0);
    receiver_says(exchange, "Verdict");
    ck_assert_int_eq(sender_manifest_batch(exchange->sender, manifest + MANIFEST_PREFIX,
                                           length - MANIFEST_PREFIX),
                     0);
    sender_says(exchange, "Manifest");
    ck_assert_int_eq(receiver_manifest_synced(exchange->receiver), 0);
    receiver_says(exchange, "Holding");
}

static void send_data(struct exchange *exchange) {
    const struct record record = {.kind = RECORD_BYTES, .entry = 1, .length = sizeof CONTENT - 1};
    const struct record_piece piece = {.unit_size = sizeof CONTENT - 1,
                                       .length = sizeof CONTENT - 1};
    uint8_t frame[RECORD_HEADER + sizeof CONTENT - 1];
    const struct rangeset *units = NULL;
    struct range range;
    bool complete = false;
    ck_assert_int_eq(sender_claim(exchange->sender, 0, 1, &range), 1);
    record_write_header(frame, &record);
    memcpy(frame + RECORD_HEADER, CONTENT, sizeof CONTENT - 1);
    stream_carry(&exchange->forth, "data", STREAM_DATA, frame, sizeof frame);
    ck_assert_int_eq(receiver_record(exchange->receiver, 0, 0, &piece), RECEIVER_WRITE);
    ck_assert_int_eq(receiver_written(exchange->receiver, 0, 0, &piece, &complete), 0);
    ck_assert(complete);
    ck_assert_int_eq(receiver_sync_begin(exchange->receiver, &units), 0);
    ck_assert_int_eq(receiver_synced(exchange->receiver, 0), 0);
    ck_assert_int_eq(receiver_committed(exchange->receiver, 0), 0);
    receiver_says(exchange, "Durable");
}

static void confirm(struct exchange *exchange) {
    const struct receiver_check check = {.units = 1, .match = true};
    struct sender_confirmation confirmation = {.count = 2, .units = 1};
    const struct manifest_name name = {.length = 1, .bytes = "d"};
    uint8_t chunk[LIMIT_CHUNK_HASH];
    hash_buffer(chunk, CONTENT, sizeof CONTENT - 1);
    hash_buffer(confirmation.digest, chunk, sizeof chunk);
    example_show("chunk-hash", chunk, sizeof chunk);
    example_show("digest", confirmation.digest, sizeof confirmation.digest);
    ck_assert_int_eq(sender_confirm(exchange->sender, &confirmation), 0);
    sender_says(exchange, "Confirm");
    ck_assert_int_eq(receiver_checked(exchange->receiver, &check), 0);
    sender_says(exchange, "Sent");
    ck_assert_int_eq(receiver_placed(exchange->receiver, &name, 1, 0, false), 0);
    receiver_says(exchange, "Delivered");
    ck_assert_int_eq(sender_recorded(exchange->sender), 0);
    sender_says(exchange, "Finish");
    check_end(exchange);
}

static void transfer(const struct handshake_result *result) {
    struct manifest_summary summary;
    struct exchange exchange;
    uint8_t manifest[256];
    size_t length = make_manifest(manifest, sizeof manifest, &summary);
    example_show("manifest", manifest, length);
    example_show("manifest-hash", summary.hash, sizeof summary.hash);
    stream_begin(&exchange.forth, "header-forth", result->send_key);
    stream_begin(&exchange.back, "header-back", result->receive_key);
    make_exchange(&exchange, &summary);
    agree(&exchange, manifest, length);
    send_data(&exchange);
    confirm(&exchange);
    stream_end(&exchange.forth, "final-forth");
    stream_end(&exchange.back, "final-back");
    sender_free(exchange.sender);
    receiver_free(exchange.receiver);
}

static void make(void) {
    struct handshake *initiator = NULL;
    struct handshake *responder = NULL;
    example_open(HANDSHAKE_CONTROL, &initiator, &responder);
    transfer(handshake_result(initiator));
    handshake_free(initiator);
    handshake_free(responder);
}

int main(void) {
    return example_main(EXAMPLE, make);
}
