#include "base/alias.h"
#include "base/id.h"
#include "suites.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const uint8_t key[LIMIT_KEY] = "thirty-two bytes of a public key";

START_TEST(aliases_that_are_allowed) {
    static const char *const texts[] = {
        "a",          "attic",    "My Laptop (2)", "Küche", "日本", "10.0.0",    "host.local",
        "host:42420", "1.2.3.4x", "12345678",      "a-b",   "::g",  SIXTY "123", "[attic]",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        ck_assert_msg(alias_fault(texts[i]) == NULL, "%s %s", texts[i], alias_fault(texts[i]));
    }
}
END_TEST

START_TEST(aliases_that_are_not) {
    static const struct {
        const char *text;
        const char *fault; /* a part of it */
    } cases[] = {
        {"", "empty"},
        {SIXTY "1234", "longer than 63"},
        {" attic", "space"},
        {"attic ", "space"},
        {" ", "space"},
        {"-attic", "'-'"},
        {"at\ntic", "printable"},
        {"at\x1b[2Jtic", "printable"},
        {"at\\tic", "backslash"},
        {"\xe2\x80\xaegnp.exe", "printable"}, /* right-to-left override */
        {"at\xc3", "printable"},              /* cut UTF-8 */
        {"at\xff", "printable"},
        {"zero\xe2\x80\x8bwidth", "printable"},
        {"1.2.3.4", "address"},
        {"1.2.3.4:5", "address"},
        {"::1", "address"},
        {"fe80::1%eth0", "address"},
        {"[::1]", "address"},
        {"[::1]:42420", "address"},
        {"[fe80::1%2]:1", "address"},
        {"[1.2.3.4]", "address"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *fault = alias_fault(cases[i].text);
        ck_assert_msg(fault != NULL && strstr(fault, cases[i].fault) != NULL, "case %zu: %s", i,
                      fault == NULL ? "it is allowed" : fault);
    }
}
END_TEST

START_TEST(an_id_is_no_alias) {
    char id[ID_TEXT_ROOM];
    char grouped[ID_GROUPED_ROOM];
    id_format(id, key);
    id_format_grouped(grouped, key);
    ck_assert_ptr_nonnull(strstr(alias_fault(id), "id"));
    ck_assert_ptr_nonnull(strstr(alias_fault(grouped), "id"));
    id[0] = id[0] == 'a' ? 'b' : 'a'; /* a name like any other, if a silly one */
    ck_assert_ptr_null(alias_fault(id));
}
END_TEST

START_TEST(foreign_names_become_aliases) {
    char id[ID_SHORT_ROOM];
    char unnamed[ALIAS_ROOM] = "peer-";
    id_format_short(id, key);
    strcat(unnamed, id);
    const struct {
        const char *name;
        const char *alias;
    } cases[] = {
        {"attic", "attic"},
        {"  - attic ", "attic"},
        {"Küche\n\x1b[31m", "Küche[31m"},
        {"a\\b\xff"
         "c\xc3",
         "abc"},
        {"\xe2\x80\xaegnp.exe", "gnp.exe"},
        {SIXTY "1234", SIXTY "123"},
        {SIXTY "12\xc3\xbc", SIXTY "12"}, /* no half character */
        {SIXTY "12 4", SIXTY "12"},       /* no space at the end */
        {"", unnamed},
        {" -- ", unnamed},
        {"\n\r", unnamed},
        {"192.168.0.1", unnamed},
        {"\x1b[::1]:80", unnamed},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[ALIAS_ROOM];
        ck_assert_ptr_eq(alias_make(out, cases[i].name, key), out);
        ck_assert_str_eq(out, cases[i].alias);
        ck_assert_ptr_null(alias_fault(out));
    }
}
END_TEST

START_TEST(an_id_as_a_name_is_not_taken_over) {
    char id[ID_TEXT_ROOM];
    char out[ALIAS_ROOM];
    id_format(id, key);
    ck_assert_int_eq(strncmp(alias_make(out, id, key), "peer-", 5), 0);
}
END_TEST

START_TEST(aliases_are_numbered) {
    static const struct {
        const char *alias;
        unsigned number;
        const char *expected;
    } cases[] = {
        {"attic", 2, "attic 2"},
        {"attic", 4294967295, "attic 4294967295"},
        {SIXTY "1", 2, SIXTY "1 2"},
        {SIXTY "123", 2, SIXTY "1 2"},
        {SIXTY "123", 10, SIXTY " 10"},
        {SIXTY "\xc3\xbc"
               "3",
         10, SIXTY " 10"}, /* the character would be cut in half */
        {SIXTY "\xc3\xbc"
               "3",
         2, SIXTY " 2"},
        {TEN TEN TEN TEN TEN "12345678 \xc3\xbc"
                             "3",
         100, TEN TEN TEN TEN TEN "12345678 100"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[ALIAS_ROOM];
        ck_assert_ptr_eq(alias_number(out, cases[i].alias, cases[i].number), out);
        ck_assert_str_eq(out, cases[i].expected);
        ck_assert_ptr_null(alias_fault(out));
    }
}
END_TEST

static void check_line(const char *line, const char *expected) {
    uint8_t parsed[LIMIT_KEY];
    char alias[ALIAS_ROOM];
    const char *fault = alias_line_parse(line, strlen(line), parsed, alias);
    ck_assert_msg(fault == NULL, "%s: %s", line, fault);
    ck_assert_mem_eq(parsed, key, LIMIT_KEY);
    ck_assert_str_eq(alias, expected);
}

START_TEST(lines_come_back) {
    static const char *const aliases[] = {"attic", "a  b", "日本", SIXTY "123"};
    for (size_t i = 0; i < COUNT(aliases); i++) {
        char line[ALIAS_LINE_ROOM];
        ck_assert_ptr_eq(alias_line_format(line, key, aliases[i]), line);
        ck_assert_int_eq(strncmp(line, "fxnode-peer ", 12), 0);
        check_line(line, aliases[i]);
    }
}
END_TEST

START_TEST(an_id_is_read_in_either_form) {
    char line[ALIAS_LINE_ROOM] = "fxnode-peer ";
    id_format(line + 12, key);
    strcat(line, " attic");
    check_line(line, "attic");
    for (size_t i = 12; i < 12 + ID_TEXT; i++) {
        line[i] = line[i] >= 'a' ? (char)(line[i] - 'a' + 'A') : line[i];
    }
    check_line(line, "attic");
}
END_TEST

/* Copies a text with the id of `key` in place of each "ID"; returns its length. */
static size_t fill_in(char line[512], const char *text) {
    size_t used = 0;
    while (*text != '\0') {
        if (strncmp(text, "ID", 2) == 0) {
            id_format(line + used, key);
            used += ID_TEXT;
            text += 2;
        } else {
            line[used++] = *text++;
        }
    }
    line[used] = '\0';
    return used;
}

/* Nothing is written of what is refused. */
START_TEST(lines_that_are_refused) {
    static const char *const cases[][2] = {
        {"", "begin"},
        {"fxnode-peer", "begin"},
        {"fxnode-peer\tID attic", "begin"},
        {"Fxnode-peer ID attic", "begin"},
        {" fxnode-peer ID attic", "begin"},
        {"fxnode-peer ", "alias"},
        {"fxnode-peer ID", "alias"},
        {"fxnode-peer ID ", "empty"},
        {"fxnode-peer  ID attic", "id"},
        {"fxnode-peer IDa attic", "id"},
        {"fxnode-peer attic ID", "id"},
        {"fxnode-peer ID  attic", "space"},
        {"fxnode-peer ID attic ", "space"},
        {"fxnode-peer ID attic\r", "printable"},
        {"fxnode-peer ID attic\n", "printable"},
        {"fxnode-peer ID 1.2.3.4", "address"},
        {"fxnode-peer ID ID", "an id"},
        {"fxnode-peer ID " SIXTY "1234", "longer"},
        {"fxnode-peer ID " SIXTY SIXTY, "long"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[512];
        uint8_t parsed[LIMIT_KEY] = {0};
        static const uint8_t none[LIMIT_KEY];
        char alias[ALIAS_ROOM] = "untouched";
        size_t length = fill_in(line, cases[i][0]);
        const char *fault = alias_line_parse(line, length, parsed, alias);
        ck_assert_msg(fault != NULL && strstr(fault, cases[i][1]) != NULL, "%s: %s", line,
                      fault == NULL ? "taken" : fault);
        ck_assert_mem_eq(parsed, none, LIMIT_KEY);
        ck_assert_str_eq(alias, "untouched");
    }
}
END_TEST

/* A line as bytes: with a zero byte in it, and with every single bit of the id changed. */
START_TEST(damaged_lines_are_refused) {
    char line[ALIAS_LINE_ROOM];
    uint8_t parsed[LIMIT_KEY];
    char alias[ALIAS_ROOM];
    size_t length = strlen(alias_line_format(line, key, "attic"));
    for (size_t at = 0; at < length; at++) {
        char damaged[ALIAS_LINE_ROOM];
        memcpy(damaged, line, length);
        damaged[at] = '\0';
        ck_assert_ptr_nonnull(alias_line_parse(damaged, length, parsed, alias));
        bool separator =
            at >= 12 && line[at] == '-'; /* may be left out, and nothing else stands for it */
        if (at >= 12 && at < 12 + ID_GROUPED_ROOM - 1 && !separator) {
            damaged[at] = line[at] == 'a' ? 'b' : 'a';
            ck_assert_ptr_nonnull(alias_line_parse(damaged, length, parsed, alias));
        }
    }
}
END_TEST

Suite *suite_alias(void) {
    Suite *suite = suite_create("alias");
    TCase *tcase = tcase_create("alias");
    tcase_add_test(tcase, aliases_that_are_allowed);
    tcase_add_test(tcase, aliases_that_are_not);
    tcase_add_test(tcase, an_id_is_no_alias);
    tcase_add_test(tcase, foreign_names_become_aliases);
    tcase_add_test(tcase, an_id_as_a_name_is_not_taken_over);
    tcase_add_test(tcase, aliases_are_numbered);
    tcase_add_test(tcase, lines_come_back);
    tcase_add_test(tcase, an_id_is_read_in_either_form);
    tcase_add_test(tcase, lines_that_are_refused);
    tcase_add_test(tcase, damaged_lines_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
