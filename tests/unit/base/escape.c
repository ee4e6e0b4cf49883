#include "base/escape.h"
#include "suites.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct row {
    const char *raw;
    const char *shown;
};

static const struct row TEXTS[] = {
    {"", ""},
    {"plain name (2).pdf", "plain name (2).pdf"},
    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
    {"\xf0\x9f\x93\x81", "\xf0\x9f\x93\x81"},
    {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
    {"\x1b[31mred", "\\e[31mred"},
    {"back\\slash", "back\\\\slash"},
    {"\\n", "\\\\n"},
    {"bell\a", "bell\\u{7}"},
    {"del\x7f", "del\\u{7f}"},
    {"csi\xc2\x9b", "csi\\u{9b}"},
    {"nel\xc2\x85", "nel\\u{85}"},
    {"soft\xc2\xadhyphen", "soft\\u{ad}hyphen"},
    {"rlo\xe2\x80\xae", "rlo\\u{202e}"},
    {"lri\xe2\x81\xa6", "lri\\u{2066}"},
    {"pdi\xe2\x81\xa9", "pdi\\u{2069}"},
    {"lrm\xe2\x80\x8e", "lrm\\u{200e}"},
    {"alm\xd8\x9c", "alm\\u{61c}"},
    {"line\xe2\x80\xa8", "line\\u{2028}"},
    {"para\xe2\x80\xa9", "para\\u{2029}"},
    {"zwsp\xe2\x80\x8b", "zwsp\\u{200b}"},
    {"zwj\xe2\x80\x8d", "zwj\\u{200d}"},
    {"wj\xe2\x81\xa0", "wj\\u{2060}"},
    {"bom\xef\xbb\xbf", "bom\\u{feff}"},
    {"tag\xf3\xa0\x81\x81", "tag\\u{e0041}"},
};

START_TEST(test_texts) {
    const struct row *row = &TEXTS[_i];
    char out[256];
    ck_assert_ptr_eq(escape_text(out, sizeof out, row->raw), out);
    ck_assert_str_eq(out, row->shown);
    ck_assert_int_eq(escape_is_plain(row->raw, strlen(row->raw)),
                     strcmp(row->raw, row->shown) == 0);
}
END_TEST

static const struct row BROKEN[] = {
    {"\xff", "\\xff"},
    {"a\x80z", "a\\x80z"},
    {"\xc3", "\\xc3"},
    {"\xe2\x80", "\\xe2\\x80"},
    {"\xe2\x80z", "\\xe2\\x80z"},
    {"\xc0\xaf", "\\xc0\\xaf"},
    {"\xc1\xbf", "\\xc1\\xbf"},
    {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
    {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},
    {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
    {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
    {"\xed\xbf\xbf", "\\xed\\xbf\\xbf"},
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
};

START_TEST(test_bytes_that_are_no_utf8) {
    const struct row *row = &BROKEN[_i];
    char out[256];
    ck_assert(!escape_is_utf8(row->raw, strlen(row->raw)));
    ck_assert_str_eq(escape_text(out, sizeof out, row->raw), row->shown);
}
END_TEST

START_TEST(test_is_utf8) {
    ck_assert(escape_is_utf8("", 0));
    ck_assert(escape_is_utf8("a\0b", 3));
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        ck_assert(escape_is_utf8(TEXTS[i].raw, strlen(TEXTS[i].raw)));
    ck_assert(escape_is_utf8("\xf4\x8f\xbf\xbf", 4));
    ck_assert(!escape_is_utf8("\xf4\x8f\xbf\xbf", 3));
}
END_TEST

static const struct row LINES[] = {
    {"", ""},
    {"gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x93\x81",
     "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x93\x81"},
    {"an escaped \\e[31m name", "an escaped \\e[31m name"},
    {"\x1b[31mred\r\nfxnode: ok", "?[31mred??fxnode: ok"},
    {"csi\xc2\x9b", "csi??"},
    {"rlo\xe2\x80\xae", "rlo???"},
    {"cut\xe2\x80", "cut??"},
    {"\xff\xf0\x9f\x93\x81", "?\xf0\x9f\x93\x81"},
};

START_TEST(test_a_line_is_mended) {
    char line[64];
    strcpy(line, LINES[_i].raw);
    escape_mend(line);
    ck_assert_str_eq(line, LINES[_i].shown);
}
END_TEST

START_TEST(test_nul_is_shown) {
    char out[32];
    ck_assert_str_eq(escape_bytes(out, sizeof out, "a\0b", 3), "a\\u{0}b");
}
END_TEST

static bool is_one_line(const char *text) {
    size_t length = strlen(text);
    if (length == 0 || !escape_is_utf8(text, length))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)text[i] < 0x20 || (uint8_t)text[i] == 0x7f)
            return false;
    return length <= 3 || strcmp(text + length - 3, "...") != 0;
}

/* Two bytes in every combination: the result is one line of valid UTF-8 without controls, and it
 * fits in the room that the header promises. (An assertion of Check is a write to a file: one for
 * each of these would be most of the suite's time.) */
START_TEST(test_every_pair_of_bytes) {
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t raw[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        char out[ESCAPE_ROOM(2)];
        escape_bytes(out, sizeof out, raw, 2);
        if (!is_one_line(out))
            ck_abort_msg("%04x becomes \"%s\"", pair, out);
    }
}
END_TEST

/* The promised room suffices for what grows most. */
START_TEST(test_room_suffices) {
    static const char *const worst[] = {"\x01", "\x7f",     "\xff",
                                        "\\",   "\xc2\x9b", "\xf3\xa0\x81\x81"};
    char raw[256];
    char out[ESCAPE_ROOM(sizeof raw)];
    for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
        size_t step = strlen(worst[i]);
        size_t length = 0;
        for (; length + step <= sizeof raw; length += step)
            memcpy(raw + length, worst[i], step);
        escape_bytes(out, sizeof out, raw, length);
        ck_assert_ptr_null(strstr(out, "..."));
    }
}
END_TEST

/* Cut at any room: never half a character, never half an escape, "..." at the end. */
START_TEST(test_cut_at_a_whole_character) {
    static const char raw[] = "ab\xc3\xbc\xe6\x97\xa5\xf0\x9f\x93\x81\x1b\x07\xff\xe2\x80\xae.";
    static const char *const pieces[] = {
        "a",   "b",      "\xc3\xbc", "\xe6\x97\xa5", "\xf0\x9f\x93\x81",
        "\\e", "\\u{7}", "\\xff",    "\\u{202e}",    "."};
    char whole[128];
    char out[128];
    escape_text(whole, sizeof whole, raw);
    size_t full = strlen(whole) + 1;
    for (size_t room = 4; room <= full; room++) {
        memset(out, '#', sizeof out);
        escape_text(out, room, raw);
        ck_assert_int_eq(out[room], '#');
        size_t length = strlen(out);
        ck_assert_uint_lt(length, room);
        if (room == full) {
            ck_assert_str_eq(out, whole);
            continue;
        }
        ck_assert_str_eq(out + length - 3, "...");
        size_t kept = 0;
        for (size_t i = 0; kept < length - 3; i++)
            kept += strlen(pieces[i]);
        ck_assert_uint_eq(kept, length - 3);
        ck_assert_mem_eq(out, whole, kept);
    }
}
END_TEST

START_TEST(test_tiny_rooms) {
    char out[8];
    for (size_t room = 1; room < 4; room++) {
        memset(out, '#', sizeof out);
        escape_text(out, room, "long enough");
        ck_assert_uint_lt(strlen(out), room);
        ck_assert_int_eq(out[room], '#');
    }
}
END_TEST

Suite *suite_escape(void) {
    Suite *suite = suite_create("escape");
    TCase *tc = tcase_create("escape");
    tcase_add_loop_test(tc, test_texts, 0, sizeof TEXTS / sizeof *TEXTS);
    tcase_add_loop_test(tc, test_bytes_that_are_no_utf8, 0, sizeof BROKEN / sizeof *BROKEN);
    tcase_add_test(tc, test_is_utf8);
    tcase_add_loop_test(tc, test_a_line_is_mended, 0, sizeof LINES / sizeof *LINES);
    tcase_add_test(tc, test_nul_is_shown);
    tcase_add_test(tc, test_every_pair_of_bytes);
    tcase_add_test(tc, test_room_suffices);
    tcase_add_test(tc, test_cut_at_a_whole_character);
    tcase_add_test(tc, test_tiny_rooms);
    suite_add_tcase(suite, tc);
    return suite;
}
