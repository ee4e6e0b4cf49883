/*
 * The worked example of fxnode-protocol(7): a whole transfer of one small tree with fixed keys,
 * made by the code itself and compared with tests/vectors/protocol-example.txt, which the manual
 * quotes. Where they differ, the text that the code makes is on standard output.
 */
#include "base/id.h"
#include "files/hash.h"
#include "proto/handshake.h"
#include "proto/receiver.h"
#include "proto/record.h"
#include "proto/sender.h"
#include "proto/stream.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 16384
#define LINE 32 /* bytes shown in a line */
#define CONTENT "hello\n"

/* What the code makes, as text: a name, then its value in indented lines. */
static char text[ROOM];
static size_t used;

static void add_line(const char *indent, const char *value, size_t length) {
    int n = snprintf(text + used, sizeof text - used, "%s%.*s\n", indent, (int)length, value);
    ck_assert_int_gt(n, 0);
    ck_assert_uint_lt((size_t)n, sizeof text - used);
    used += (size_t)n;
}

static void show(const char *name, const void *bytes, size_t length) {
    char hex[2 * LINE + 1];
    const uint8_t *at = bytes;
    add_line("", name, strlen(name));
    for (size_t done = 0; done < length; done += LINE) {
        size_t part = length - done < LINE ? length - done : LINE;
        sodium_bin2hex(hex, sizeof hex, at + done, part);
        add_line("    ", hex, 2 * part);
    }
}

/* The only randomness that the code under test takes by itself is the header of a stream. */
static const char *random_name(void) {
    return "a fixed sequence";
}

static uint32_t random_word(void) {
    return 0;
}

static void random_bytes(void *const out, const size_t length) {
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)out)[i] = (uint8_t)(0x80 + i);
}

static randombytes_implementation fixed = {
    .implementation_name = random_name, .random = random_word, .buf = random_bytes};

/* Opening */

static void count_up(uint8_t *out, size_t length, uint8_t first) {
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(first + i);
}

/* Takes what one side wants to send, shows it and gives it to the other, in the pieces it wants. */
static int hand_over(struct handshake *from, struct handshake *to, const char *const *names) {
    const uint8_t *bytes = NULL;
    size_t length = handshake_output(from, &bytes);
    int outcome = HANDSHAKE_MORE;
    while (length > 0) {
        size_t wants = handshake_wants(to);
        ck_assert_uint_gt(wants, 0);
        ck_assert_uint_le(wants, length);
        outcome = handshake_feed(to, bytes, wants);
        if (*names != NULL) {
            /* The reader of message 2 wants its length first; they are shown together. */
            bool prefix = wants == 2;
            show(*names++, bytes, prefix ? length : wants);
        }
        bytes += wants;
        length -= wants;
    }
    return outcome;
}

static void shake(struct handshake *initiator, struct handshake *responder) {
    static const char *const first[] = {"clear", "message-1", NULL};
    static const char *const second[] = {"message-2", NULL};
    static const char *const third[] = {"message-3", NULL};
    ck_assert_int_eq(hand_over(initiator, responder, first), HANDSHAKE_MORE);
    ck_assert_int_eq(hand_over(responder, initiator, second), HANDSHAKE_DECIDE);
    ck_assert_int_eq(handshake_proceed(initiator), HANDSHAKE_DONE);
    ck_assert_int_eq(hand_over(initiator, responder, third), HANDSHAKE_DONE);
}

static void show_identity(const char *role, const uint8_t secret[LIMIT_KEY]) {
    uint8_t public[LIMIT_KEY];
    char id[ID_TEXT_ROOM];
    char name[32];
    snprintf(name, sizeof name, "%s-secret", role);
    show(name, secret, LIMIT_KEY);
    crypto_scalarmult_base(public, secret);
    snprintf(name, sizeof name, "%s-public", role);
    show(name, public, LIMIT_KEY);
    snprintf(name, sizeof name, "%s-id", role);
    id_format(id, public);
    add_line("", name, strlen(name));
    add_line("    ", id, ID_TEXT);
}

/* Two handshakes that are done; for handshake_free(). */
static void open_connection(struct handshake **initiator, struct handshake **responder) {
    uint8_t keys[4][LIMIT_KEY]; /* secret and ephemeral of the initiator, then of the responder */
    const struct handshake_range versions = {1, 1};
    for (uint8_t i = 0; i < 4; i++)
        count_up(keys[i], LIMIT_KEY, (uint8_t)(i * LIMIT_KEY));
    struct handshake_self sender = {keys[0], keys[1], versions, 0};
    struct handshake_self receiver = {keys[2], keys[3], versions, 0};
    struct handshake_call call = {.purpose = HANDSHAKE_CONTROL, .name = "attic", .name_length = 5};
    show_identity("initiator", keys[0]);
    show("initiator-ephemeral", keys[1], LIMIT_KEY);
    show_identity("responder", keys[2]);
    show("responder-ephemeral", keys[3], LIMIT_KEY);
    ck_assert_int_eq(handshake_new_initiator(initiator, &sender, &call), 0);
    ck_assert_int_eq(handshake_new_responder(responder, &receiver), 0);
    shake(*initiator, *responder);
    const struct handshake_result *result = handshake_result(*initiator);
    const struct handshake_result *other = handshake_result(*responder);
    show("handshake-hash", result->hash, HANDSHAKE_HASH);
    show("session-id", result->session, LIMIT_SESSION_ID);
    show("key-forth", result->send_key, LIMIT_KEY);
    show("key-back", result->receive_key, LIMIT_KEY);
    ck_assert_mem_eq(result->send_key, other->receive_key, LIMIT_KEY);
    ck_assert_mem_eq(result->receive_key, other->send_key, LIMIT_KEY);
}

/* Streams: what the one side seals has to be what the other opens. */

struct stream {
    struct stream_sealer *sealer;
    struct stream_opener *opener;
};

static void stream_begin(struct stream *stream, const char *name, const uint8_t *key) {
    uint8_t header[STREAM_HEADER];
    ck_assert_int_eq(stream_sealer_new(&stream->sealer, key, header), 0);
    ck_assert_int_eq(stream_opener_new(&stream->opener, key, header), 0);
    show(name, header, sizeof header);
}

static void stream_carry(struct stream *stream, const char *name, enum stream_type type,
                         const uint8_t *body, size_t length) {
    uint8_t record[1024];
    char title[64];
    struct stream_frame frame;
    ck_assert_uint_le(STREAM_RECORD(length), sizeof record);
    show(name, body, length);
    memcpy(record + STREAM_HEADROOM, body, length);
    ck_assert_int_eq(stream_seal(stream->sealer, type, record, length), 0);
    snprintf(title, sizeof title, "%s, sealed", name);
    show(title, record, STREAM_RECORD(length));
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
    show(name, record, sizeof record);
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
    count_up(sender.transfer_id, LIMIT_TRANSFER_ID, 0);
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
    show("chunk-hash", chunk, sizeof chunk);
    show("digest", confirmation.digest, sizeof confirmation.digest);
    ck_assert_int_eq(sender_confirm(exchange->sender, &confirmation), 0);
    sender_says(exchange, "Confirm");
    ck_assert_int_eq(receiver_checked(exchange->receiver, &check), 0);
    sender_says(exchange, "Sent");
    ck_assert_int_eq(receiver_placed(exchange->receiver, &name, 1), 0);
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
    show("manifest", manifest, length);
    show("manifest-hash", summary.hash, sizeof summary.hash);
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

/* The file without its leading comment; for free(). */
static char *load_expected(void) {
    FILE *file = fopen(PROTOCOL_EXAMPLE, "re");
    char *expected = calloc(1, ROOM);
    char line[256];
    size_t length = 0;
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(expected);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#')
            continue;
        ck_assert_uint_lt(length + strlen(line), ROOM);
        length += strlen(strcpy(expected + length, line));
    }
    fclose(file);
    return expected;
}

START_TEST(example_is_what_the_code_does) {
    struct handshake *initiator = NULL;
    struct handshake *responder = NULL;
    char *expected = load_expected();
    open_connection(&initiator, &responder);
    transfer(handshake_result(initiator));
    bool same = strcmp(expected, text) == 0;
    if (!same) {
        fputs(text, stdout);
        fflush(stdout); /* a failed test ends its process without that */
    }
    handshake_free(initiator);
    handshake_free(responder);
    free(expected);
    ck_assert_msg(same, "%s is not what the code makes (above)", PROTOCOL_EXAMPLE);
}
END_TEST

int main(void) {
    if (randombytes_set_implementation(&fixed) != 0 || sodium_init() < 0)
        return 1;
    Suite *suite = suite_create("protocol example");
    TCase *tcase = tcase_create("manual");
    tcase_add_test(tcase, example_is_what_the_code_does);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
