#include "node/common/discovery_check.h"
#include "proto/discovery.pb-c.h"
#include "suites.h"

#include <errno.h>
#include <string.h>

static const uint8_t KEY[LIMIT_KEY] = {9};
static struct msg_arena *arena;
static uint8_t data[DISCOVERY_CHECK_ROOM];
static struct discovery_report report;
static struct discovery_setup setup;
static struct fail why;

static void set_up(void) {
    ck_assert_int_eq(msg_arena_new(&arena, DISCOVERY_CHECK_ARENA), 0);
}

static void tear_down(void) {
    msg_arena_free(arena);
}

static struct discovery_report make_found(void) {
    struct discovery_report made = {.type = DISCOVERY_FOUND};
    memset(made.found.instance, 'n', DISCOVERY_NAME_ROOM - 1);
    id_format(made.found.id, KEY);
    made.found.version = UINT32_MAX;
    made.found.interface = INT32_MAX;
    made.found.address_length = 16;
    made.found.address[0] = 0xfe;
    made.found.port = UINT16_MAX;
    made.found.own = true;
    return made;
}

static int round_trip(const struct discovery_report *made) {
    int length = discovery_check_write_report(made, data, sizeof data);
    ck_assert_int_gt(length, 0);
    return discovery_check_report(&report, arena, data, (size_t)length, &why);
}

START_TEST(test_found_round_trip) {
    struct discovery_report made = make_found();
    ck_assert_int_eq(round_trip(&made), 0);
    ck_assert_mem_eq(&report.found, &made.found, sizeof made.found);
    made.found.id[0] = '\0';
    made.found.address_length = 4;
    memcpy(made.found.address, "\x0a\0\0\x01", 4);
    ck_assert_int_eq(round_trip(&made), 0);
    ck_assert_str_eq(report.found.id, "");
    ck_assert_uint_eq(report.found.address_length, 4);
}
END_TEST

START_TEST(test_lost_round_trip) {
    struct discovery_report made = {.type = DISCOVERY_LOST,
                                    .lost = {.instance = "n", .interface = 2, .family = 6}};
    ck_assert_int_eq(round_trip(&made), 0);
    ck_assert_int_eq(report.type, DISCOVERY_LOST);
    ck_assert_uint_eq(report.lost.address_length, 0);
    made.lost.address_length = 16;
    made.lost.address[15] = 1;
    ck_assert_int_eq(round_trip(&made), 0);
    ck_assert_uint_eq(report.lost.address_length, 16);
    made.lost.family = 4; /* of another family than the address */
    ck_assert_int_eq(round_trip(&made), MSG_INVALID);
    made.lost.family = 5;
    ck_assert_int_eq(round_trip(&made), MSG_INVALID);
}
END_TEST

START_TEST(test_state_round_trip) {
    struct discovery_report made = {
        .type = DISCOVERY_STATE,
        .state = {DISCOVERY_EMBEDDED, "name", "text", true},
    };
    for (int backend = DISCOVERY_NONE; backend <= DISCOVERY_EMBEDDED; backend++) {
        made.state.backend = (enum discovery_backend)backend;
        ck_assert_int_eq(round_trip(&made), 0);
        ck_assert_int_eq((int)report.state.backend, backend);
    }
    ck_assert_str_eq(report.state.published, "name");
    ck_assert_str_eq(report.state.text, "text");
    ck_assert(report.state.settled);
}
END_TEST

/* What a helper that was taken over could say about an address. */
static int send_found(void (*spoil)(Fxnode__Discovery__Found *found)) {
    char id[ID_TEXT_ROOM];
    uint8_t address[16] = {10, 0, 0, 1};
    Fxnode__Discovery__ToNode message = FXNODE__DISCOVERY__TO_NODE__INIT;
    Fxnode__Discovery__Found found = FXNODE__DISCOVERY__FOUND__INIT;
    id_format(id, KEY);
    found.instance = "name";
    found.id = id;
    found.interface = 2;
    found.address.data = address;
    found.address.len = 4;
    found.port = 1;
    message.body_case = FXNODE__DISCOVERY__TO_NODE__BODY_FOUND;
    message.found = &found;
    spoil(&found);
    int length = msg_encode(&message.base, data, sizeof data);
    ck_assert_int_gt(length, 0);
    return discovery_check_report(&report, arena, data, (size_t)length, &why);
}

static void leave(Fxnode__Discovery__Found *found) {
    (void)found;
}

static void no_name(Fxnode__Discovery__Found *found) {
    found->instance = "";
}

static void long_name(Fxnode__Discovery__Found *found) {
    static char name[DISCOVERY_NAME_ROOM + 1];
    memset(name, 'x', DISCOVERY_NAME_ROOM);
    found->instance = name;
}

static void no_utf8(Fxnode__Discovery__Found *found) {
    found->instance = "\xff";
}

static void bad_id(Fxnode__Discovery__Found *found) {
    found->id[0] ^= 1;
}

static void short_id(Fxnode__Discovery__Found *found) {
    found->id[10] = '\0';
}

static void no_interface(Fxnode__Discovery__Found *found) {
    found->interface = 0;
}

static void big_interface(Fxnode__Discovery__Found *found) {
    found->interface = UINT32_MAX;
}

static void no_address(Fxnode__Discovery__Found *found) {
    found->address.len = 0;
}

static void odd_address(Fxnode__Discovery__Found *found) {
    found->address.len = 5;
}

static void no_port(Fxnode__Discovery__Found *found) {
    found->port = 0;
}

static void big_port(Fxnode__Discovery__Found *found) {
    found->port = 65536;
}

static void (*const SPOILERS[])(Fxnode__Discovery__Found *found) = {
    no_name,       long_name,  no_utf8,     bad_id,  short_id, no_interface,
    big_interface, no_address, odd_address, no_port, big_port};

START_TEST(test_found_spoilt_in_one_field) {
    ck_assert_int_eq(send_found(leave), 0);
    ck_assert_int_eq(send_found(SPOILERS[_i]), MSG_INVALID);
    ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(test_state_with_an_unknown_backend) {
    Fxnode__Discovery__ToNode message = FXNODE__DISCOVERY__TO_NODE__INIT;
    Fxnode__Discovery__State state = FXNODE__DISCOVERY__STATE__INIT;
    message.body_case = FXNODE__DISCOVERY__TO_NODE__BODY_STATE;
    message.state = &state;
    state.backend = (Fxnode__Discovery__State__Backend)77;
    int length = msg_encode(&message.base, data, sizeof data);
    ck_assert_int_eq(discovery_check_report(&report, arena, data, (size_t)length, &why),
                     MSG_INVALID);
}
END_TEST

START_TEST(test_setup_round_trip) {
    struct discovery_setup made = {.publish = true, .name = "J\xc3\xb6rg", .port = 42420};
    id_format(made.id, KEY);
    int length = discovery_check_write_setup(&made, data, sizeof data);
    ck_assert_int_gt(length, 0);
    ck_assert_int_eq(discovery_check_setup(&setup, arena, data, (size_t)length, &why), 0);
    ck_assert_mem_eq(&setup, &made, sizeof made);
}
END_TEST

START_TEST(test_setup_spoilt) {
    char name[DISCOVERY_NAME_ROOM + 1];
    Fxnode__Discovery__ToDiscovery message = FXNODE__DISCOVERY__TO_DISCOVERY__INIT;
    Fxnode__Discovery__Setup body = FXNODE__DISCOVERY__SETUP__INIT;
    memset(name, 'x', DISCOVERY_NAME_ROOM);
    name[DISCOVERY_NAME_ROOM] = '\0';
    message.body_case = FXNODE__DISCOVERY__TO_DISCOVERY__BODY_SETUP;
    message.setup = &body;
    body.name = _i == 0 ? name : "name";
    body.id = _i == 1 ? "nonsense" : "";
    body.port = _i == 2 ? 65536 : 1;
    int length = msg_encode(&message.base, data, sizeof data);
    ck_assert_int_gt(length, 0);
    ck_assert_int_eq(discovery_check_setup(&setup, arena, data, (size_t)length, &why),
                     _i == 3 ? 0 : MSG_INVALID);
}
END_TEST

/* Every prefix of a message, and nothing at all: no body is an error too. */
START_TEST(test_truncated) {
    struct discovery_report made = make_found();
    int length = discovery_check_write_report(&made, data, sizeof data);
    for (size_t i = 0; i < (size_t)length; i++) {
        ck_assert_int_eq(discovery_check_report(&report, arena, data, i, &why), MSG_INVALID);
        ck_assert_int_eq(discovery_check_setup(&setup, arena, data, i, &why), MSG_INVALID);
    }
    ck_assert_int_eq(discovery_check_write_report(&made, data, 10), -EMSGSIZE);
}
END_TEST

Suite *suite_channel(void) {
    Suite *suite = suite_create("channel");
    TCase *tc = tcase_create("channel");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_found_round_trip);
    tcase_add_test(tc, test_lost_round_trip);
    tcase_add_test(tc, test_state_round_trip);
    tcase_add_loop_test(tc, test_found_spoilt_in_one_field, 0, sizeof SPOILERS / sizeof *SPOILERS);
    tcase_add_test(tc, test_state_with_an_unknown_backend);
    tcase_add_test(tc, test_setup_round_trip);
    tcase_add_loop_test(tc, test_setup_spoilt, 0, 4);
    tcase_add_test(tc, test_truncated);
    suite_add_tcase(suite, tc);
    return suite;
}
