/* Messages of all four .proto files, decoded from bytes that strangers chose. */
#include "proto/local.h"
#include "proto/wire.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct msg_arena *arena;
static struct fail why;
static uint8_t buffer[512 * 1024];

static void set_up(void) {
    ck_assert_int_eq(msg_arena_new(&arena, LIMIT_ARENA), 0);
}

static void tear_down(void) {
    msg_arena_free(arena);
}

static int decode(size_t length) {
    const Fxnode__Wire__Control *control = NULL;
    return wire_decode(arena, buffer, length, &control, &why);
}

static int decode_message(const Fxnode__Wire__Control *control) {
    int length = msg_encode(&control->base, buffer, sizeof buffer);
    ck_assert_int_gt(length, 0);
    return decode((size_t)length);
}

START_TEST(empty_submessages_do_not_fill_the_memory) {
    const ProtobufCMessage *message = NULL;
    for (size_t i = 0; i + 1 < LIMIT_MANIFEST_BATCH; i += 2)
        memcpy(buffer + i, "\x0a", 2);
    ck_assert_int_eq(msg_decode(arena, &fxnode__wire__manifest_batch__descriptor, buffer,
                                LIMIT_MANIFEST_BATCH, &message),
                     MSG_INVALID);
    ck_assert_int_eq(
        msg_decode(arena, &fxnode__wire__manifest_batch__descriptor, buffer, 200, &message), 0);
    ck_assert_uint_eq(((const Fxnode__Wire__ManifestBatch *)message)->n_entries, 100);
}
END_TEST

START_TEST(unknown_fields_are_ignored_and_bounded) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Ping ping = FXNODE__WIRE__PING__INIT;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_PING;
    control.ping = &ping;
    int length = msg_encode(&control.base, buffer, sizeof buffer);
    memcpy(buffer + length, "\xa0\x06\x01", 3); /* field 100, a number */
    ck_assert_int_eq(decode((size_t)length + 3), 0);
    ck_assert_int_eq(decode(0), MSG_INVALID);
    memcpy(buffer, "\xa0\x06\x01", 3);
    ck_assert_int_eq(decode(3), MSG_INVALID); /* nothing known */
}
END_TEST

START_TEST(encoding_keeps_to_the_room) {
    Fxnode__Control__Result result = FXNODE__CONTROL__RESULT__INIT;
    result.text = (char *)(uintptr_t) "twelve bytes";
    ck_assert_int_eq(msg_encode(&result.base, buffer, 14), 14);
    ck_assert_int_eq(msg_encode(&result.base, buffer, 13), -EMSGSIZE);
}
END_TEST

/* An offer that is right, and what makes it wrong. */
static void break_offer(Fxnode__Wire__Offer *offer, ProtobufCBinaryData *names, int how) {
    switch (how) {
    case 1:
        offer->transfer_id.len--;
        break;
    case 2:
        offer->manifest_hash.len--;
        break;
    case 3:
        offer->manifest_length = 0;
        break;
    case 4:
        offer->manifest_length = LIMIT_MANIFEST + 1;
        break;
    case 5:
        offer->entries = LIMIT_ENTRIES + 1;
        break;
    case 6:
        offer->bytes = UINT64_MAX;
        break;
    case 7:
        offer->units = 1;
        break;
    case 8:
        offer->units = 5;
        break;
    case 9:
        offer->lanes = 0;
        break;
    case 10:
        offer->name_count = 3;
        break;
    case 11:
        names[1] = (ProtobufCBinaryData){2, (uint8_t *)(uintptr_t) ".."};
        break;
    case 12:
        names[1] = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t) "b/c"};
        break;
    case 13:
        names[1] = names[0];
        break;
    case 14:
        names[0].len = 0;
        break;
    case 15:
        offer->holes = offer->bytes + 1;
        break;
    default:
        break;
    }
}

START_TEST(offers_are_checked) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Offer offer = FXNODE__WIRE__OFFER__INIT;
    uint8_t zero[LIMIT_HASH] = {0};
    ProtobufCBinaryData names[] = {{1, (uint8_t *)(uintptr_t) "a"},
                                   {1, (uint8_t *)(uintptr_t) "b"}};
    offer.transfer_id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, zero};
    offer.manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, zero};
    offer.manifest_length = 100;
    offer.entries = 2;
    offer.bytes = 2 * LIMIT_CHUNK;
    offer.units = 3;
    offer.n_names = offer.name_count = 2;
    offer.names = names;
    offer.lanes = 1;
    offer.holes = offer.bytes;
    break_offer(&offer, names, _i);
    control.body_case = FXNODE__WIRE__CONTROL__BODY_OFFER;
    control.offer = &offer;
    ck_assert_int_eq(decode_message(&control), _i == 0 ? 0 : MSG_INVALID);
}
END_TEST

/* Transfers that an offer replaces: `others`, then its own one, the last with `length` bytes. */
static const struct lineage_case {
    size_t others;
    bool own;
    size_t length;
    int outcome;
} lineages[] = {
    {1, false, LIMIT_TRANSFER_ID, 0},
    {LIMIT_LINEAGE, false, LIMIT_TRANSFER_ID, 0},
    {LIMIT_LINEAGE + 1, false, LIMIT_TRANSFER_ID, MSG_INVALID},
    {1, false, LIMIT_TRANSFER_ID - 1, MSG_INVALID},
    {1, false, LIMIT_TRANSFER_ID + 1, MSG_INVALID},
    {0, true, LIMIT_TRANSFER_ID, MSG_INVALID},
    {2, true, LIMIT_TRANSFER_ID, MSG_INVALID},
};

#define LINEAGES (sizeof lineages / sizeof *lineages)

static uint8_t own_id[LIMIT_TRANSFER_ID] = {1};

static size_t list_lineage(ProtobufCBinaryData ids[LIMIT_LINEAGE + 1],
                           const struct lineage_case *with) {
    static uint8_t id[LIMIT_TRANSFER_ID + 1] = {2};
    size_t count = 0;
    while (count < with->others)
        ids[count++] = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, id};
    if (with->own)
        ids[count++] = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, own_id};
    ids[count - 1].len = with->length;
    return count;
}

START_TEST(what_an_offer_replaces_is_checked) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Offer offer = FXNODE__WIRE__OFFER__INIT;
    ProtobufCBinaryData ids[LIMIT_LINEAGE + 1];
    ProtobufCBinaryData name = {1, (uint8_t *)(uintptr_t) "a"};
    uint8_t hash[LIMIT_HASH] = {0};
    offer.transfer_id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, own_id};
    offer.manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, hash};
    offer.manifest_length = 100;
    offer.n_names = 1;
    offer.entries = offer.name_count = offer.lanes = 1;
    offer.names = &name;
    offer.n_replaces = list_lineage(ids, &lineages[_i]);
    offer.replaces = ids;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_OFFER;
    control.offer = &offer;
    ck_assert_int_eq(decode_message(&control), lineages[_i].outcome);
}
END_TEST

/* A session that a peer has taken over is believed no more than the peer is. */
START_TEST(what_a_session_says_of_it_is_checked_alike) {
    Fxnode__Helper__ToNode wrapper = FXNODE__HELPER__TO_NODE__INIT;
    Fxnode__Helper__Offered offered = FXNODE__HELPER__OFFERED__INIT;
    const Fxnode__Helper__ToNode *message = NULL;
    ProtobufCBinaryData ids[LIMIT_LINEAGE + 1];
    ProtobufCBinaryData name = {1, (uint8_t *)(uintptr_t) "a"};
    uint8_t hash[LIMIT_HASH] = {0};
    wrapper.body_case = FXNODE__HELPER__TO_NODE__BODY_OFFERED;
    wrapper.offered = &offered;
    offered.transfer_id = (ProtobufCBinaryData){LIMIT_TRANSFER_ID, own_id};
    offered.manifest_hash = (ProtobufCBinaryData){LIMIT_HASH, hash};
    offered.manifest_length = 100;
    offered.n_names = 1;
    offered.entries = offered.name_count = 1;
    offered.names = &name;
    offered.n_lineage = list_lineage(ids, &lineages[_i]);
    offered.lineage = ids;
    int length = msg_encode(&wrapper.base, buffer, sizeof buffer);
    ck_assert_int_eq(local_decode_from_session(arena, buffer, (size_t)length, &message, &why),
                     lineages[_i].outcome);
}
END_TEST

START_TEST(extents_are_checked) {
    static const struct {
        uint64_t first, count;
        size_t times;
        int outcome;
    } cases[] = {{0, 1, 1, 0},
                 {0, 0, 1, MSG_INVALID},
                 {UINT64_MAX, 1, 1, MSG_INVALID},
                 {UINT64_MAX, 2, 1, MSG_INVALID},
                 {0, 1, 0, MSG_INVALID},
                 {0, 1, WIRE_EXTENTS_MAX, 0},
                 {0, 1, WIRE_EXTENTS_MAX + 1, MSG_INVALID}};
    static Fxnode__Wire__Extent *list[WIRE_EXTENTS_MAX + 1];
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Durable durable = FXNODE__WIRE__DURABLE__INIT;
    Fxnode__Wire__Extent extent = FXNODE__WIRE__EXTENT__INIT;
    extent.first = cases[_i].first;
    extent.count = cases[_i].count;
    for (size_t i = 0; i < cases[_i].times; i++)
        list[i] = &extent;
    durable.n_extents = cases[_i].times;
    durable.extents = list;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_DURABLE;
    control.durable = &durable;
    ck_assert_int_eq(decode_message(&control), cases[_i].outcome);
}
END_TEST

START_TEST(only_a_manifest_may_be_large) {
    Fxnode__Wire__Control control = FXNODE__WIRE__CONTROL__INIT;
    Fxnode__Wire__Manifest manifest = FXNODE__WIRE__MANIFEST__INIT;
    Fxnode__Wire__Stop stop = FXNODE__WIRE__STOP__INIT;
    static uint8_t batch[LIMIT_MANIFEST_BATCH + 1];
    static char text[WIRE_TEXT_MAX + 2];
    control.body_case = FXNODE__WIRE__CONTROL__BODY_MANIFEST;
    control.manifest = &manifest;
    manifest.batch = (ProtobufCBinaryData){LIMIT_MANIFEST_BATCH, batch};
    ck_assert_int_eq(decode_message(&control), 0);
    manifest.batch.len++;
    ck_assert_int_eq(decode_message(&control), MSG_INVALID);
    memset(text, 'x', sizeof text - 1);
    stop.reason = FXNODE__WIRE__STOP__REASON__ERROR;
    stop.text = text;
    control.body_case = FXNODE__WIRE__CONTROL__BODY_STOP;
    control.stop = &stop;
    ck_assert_int_eq(decode_message(&control), MSG_INVALID);
    text[WIRE_TEXT_MAX] = '\0';
    ck_assert_int_eq(decode_message(&control), 0);
    stop.reason = FXNODE__WIRE__STOP__REASON__NONE;
    ck_assert_int_eq(decode_message(&control), MSG_INVALID);
}
END_TEST

START_TEST(connections_carry_whole_keys) {
    Fxnode__Helper__ToSession wrapper = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Connection connection = FXNODE__HELPER__CONNECTION__INIT;
    const Fxnode__Helper__ToSession *message = NULL;
    uint8_t key[LIMIT_KEY] = {1};
    wrapper.body_case = FXNODE__HELPER__TO_SESSION__BODY_CONNECTION;
    wrapper.connection = &connection;
    connection.send_key = connection.receive_key = (ProtobufCBinaryData){LIMIT_KEY, key};
    connection.send_key.len -= _i == 1;
    connection.lane = _i == 2 ? LIMIT_LANES : 0;
    int length = msg_encode(&wrapper.base, buffer, sizeof buffer);
    ck_assert_int_eq(local_decode_to_session(arena, buffer, (size_t)length, &message, &why),
                     _i == 0 ? 0 : MSG_INVALID);
}
END_TEST

START_TEST(empty_packets_are_no_messages) {
    const Fxnode__Helper__ToSession *a = NULL;
    const Fxnode__Helper__ToNode *b = NULL;
    const Fxnode__Control__Request *c = NULL;
    const Fxnode__Control__Event *d = NULL;
    ck_assert_int_eq(local_decode_to_session(arena, buffer, 0, &a, &why), MSG_INVALID);
    ck_assert_int_eq(local_decode_from_session(arena, buffer, 0, &b, &why), MSG_INVALID);
    ck_assert_int_eq(local_decode_request(arena, buffer, 0, &c, &why), MSG_INVALID);
    ck_assert_int_eq(local_decode_event(arena, buffer, 0, &d, &why), MSG_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("messages");
    TCase *tests = tcase_create("messages");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, empty_submessages_do_not_fill_the_memory);
    tcase_add_test(tests, unknown_fields_are_ignored_and_bounded);
    tcase_add_test(tests, encoding_keeps_to_the_room);
    tcase_add_loop_test(tests, offers_are_checked, 0, 16);
    tcase_add_loop_test(tests, what_an_offer_replaces_is_checked, 0, LINEAGES);
    tcase_add_loop_test(tests, what_a_session_says_of_it_is_checked_alike, 0, LINEAGES);
    tcase_add_loop_test(tests, extents_are_checked, 0, 7);
    tcase_add_test(tests, only_a_manifest_may_be_large);
    tcase_add_loop_test(tests, connections_carry_whole_keys, 0, 3);
    tcase_add_test(tests, empty_packets_are_no_messages);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
