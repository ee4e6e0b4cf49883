/* Events for scripts: names of any bytes, and what is left out. */
#include "node/cli/json.h"
#include "suites.h"

#include <jansson.h>
#include <string.h>

static json_t *event;

/* The one line that was printed since capture_begin(): an object, of ASCII. */
static void read_line(void) {
    const char *text = capture_end();
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    for (const char *at = text; at[1] != '\0'; at++)
        ck_assert_msg(*at >= 0x20 && *at < 0x7f, "byte %#x: %s", (unsigned)*at, text);
    event = json_loads(text, 0, NULL);
    ck_assert_msg(json_is_object(event), "%s", text);
    ck_assert_int_eq(json_integer_value(json_object_get(event, "v")), 1);
}

static void tear_down(void) {
    json_decref(event);
    event = NULL;
}

static void has(const json_t *object, const char *key, const char *value) {
    const json_t *member = json_object_get(object, key);
    ck_assert_msg(json_is_string(member), "%s", key);
    ck_assert_str_eq(json_string_value(member), value);
}

static void has_number(const char *key, json_int_t value) {
    const json_t *member = json_object_get(event, key);
    ck_assert_msg(json_is_integer(member), "%s", key);
    ck_assert_int_eq(json_integer_value(member), value);
}

static void has_none(const json_t *object, const char *key) {
    ck_assert_msg(json_object_get(object, key) == NULL, "%s", key);
}

START_TEST(result) {
    capture_begin();
    json_result(3, "gr\xc3\xbc\xc3\x9f \"x\"\n");
    read_line();
    has(event, "event", "result");
    has(event, "text", "gr\xc3\xbc\xc3\x9f \"x\"\n");
    has_number("status", 3);
}
END_TEST

START_TEST(note_about_a_file) {
    Fxnode__Control__Note note = FXNODE__CONTROL__NOTE__INIT;
    note.text = "d/\\xff is not sent: it is a socket";
    capture_begin();
    json_note(&note);
    read_line();
    has_none(event, "path");
    note.path = (ProtobufCBinaryData){4, (uint8_t *)"d/\xff\n"};
    tear_down();
    capture_begin();
    json_note(&note);
    read_line();
    has(event, "event", "note");
    has(event, "path", "d/\xef\xbf\xbd\n");
    has(event, "path_hex", "642fff0a");
}
END_TEST

START_TEST(stranger_and_paired_peer) {
    Fxnode__Control__Peer peer = FXNODE__CONTROL__PEER__INIT;
    for (int paired = 0; paired < 2; paired++) {
        peer.paired = paired * 7;
        peer.accept = FXNODE__CONTROL__ACCEPT__ACCEPT_ASK;
        peer.limit = 5000;
        capture_begin();
        json_peer(&peer);
        read_line();
        has(event, "event", "peer");
        has_none(event, "id");
        has_number("paired", paired * 7);
        const json_t *settings = json_object_get(event, "settings");
        ck_assert_int_eq(settings != NULL, paired);
        if (paired != 0)
            has(settings, "accept", "ask");
        tear_down();
    }
}
END_TEST

static void show_name(const char *bytes, size_t length) {
    Fxnode__Control__Transfer transfer = FXNODE__CONTROL__TRANSFER__INIT;
    ProtobufCBinaryData name = {length, (uint8_t *)bytes};
    transfer.names = &name;
    transfer.n_names = 1;
    capture_begin();
    json_transfer(&transfer);
    read_line();
}

/* Nothing of a name is lost, and none of it is a line or a terminal's command. */
START_TEST(names_of_any_bytes) {
    static const struct {
        const char *bytes, *text, *hex;
    } names[] = {
        {"a.txt", "a.txt", NULL},
        {"a\n\x1b[31m", "a\n\x1b[31m", NULL},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", NULL},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b",
         "61ff62"},
        {"\xc3", "\xef\xbf\xbd", "c3"},
        {"\xf0\x9f\x93\x81\xe2\x82", "\xf0\x9f\x93\x81\xef\xbf\xbd\xef\xbf\xbd", "f09f9381e282"},
    };
    show_name(names[_i].bytes, strlen(names[_i].bytes));
    const json_t *first = json_array_get(json_object_get(event, "names"), 0);
    has(first, "name", names[_i].text);
    if (names[_i].hex != NULL)
        has(first, "name_hex", names[_i].hex);
    else
        has_none(first, "name_hex");
}
END_TEST

START_TEST(what_is_not_known_is_left_out) {
    Fxnode__Control__Transfer transfer = FXNODE__CONTROL__TRANSFER__INIT;
    transfer.done_unknown = true;
    capture_begin();
    json_transfer(&transfer);
    read_line();
    has_none(event, "done");
    has_none(event, "reason");
    has_none(event, "expires");
    has_number("transfer", 0);
}
END_TEST

Suite *suite_json(void) {
    Suite *s = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_checked_fixture(t, NULL, tear_down);
    tcase_add_test(t, result);
    tcase_add_test(t, note_about_a_file);
    tcase_add_test(t, stranger_and_paired_peer);
    tcase_add_loop_test(t, names_of_any_bytes, 0, 6);
    tcase_add_test(t, what_is_not_known_is_left_out);
    suite_add_tcase(s, t);
    return s;
}
