/* A code from a script: the first line of standard input, and no byte more. */
#include "node/cli/pair_ask.h"
#include "suites.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

static struct pair_ask ask;

static enum pair_ask_outcome take(const char *input) {
    Fxnode__Control__PairAsk whose = FXNODE__CONTROL__PAIR_ASK__INIT;
    enum pair_ask_outcome outcome = PAIR_ASK_MORE;
    ask = (struct pair_ask){0};
    type_in(input, strlen(input));
    capture_begin();
    pair_ask_begin(&ask, &whose);
    ck_assert(ask.waits);
    while (outcome == PAIR_ASK_MORE)
        outcome = pair_ask_take(&ask);
    ck_assert_str_eq(capture_end(), ""); /* nobody is there to read a prompt */
    return outcome;
}

START_TEST(codes) {
    static const char *const lines[] = {"12345678\n", "1234 5678\n",       "1234-5678\r\n",
                                        "12345678",   " 12 34 - 56 78 \n", "1\t2345678\n"};
    ck_assert_int_eq(take(lines[_i]), PAIR_ASK_CODE);
    ck_assert_str_eq(ask.code, "12345678");
    ck_assert(!ask.waits);
}
END_TEST

START_TEST(no_codes) {
    static const char *const lines[] = {"\n",         "1234567\n",   "123456789\n",
                                        "1234567x\n", "12345678.\n", "\n12345678\n"};
    ck_assert_int_eq(take(lines[_i]), PAIR_ASK_WRONG);
    ck_assert_str_eq(ask.code, "");
}
END_TEST

START_TEST(end_of_file) {
    ck_assert_int_eq(take(""), PAIR_ASK_ENDED);
}
END_TEST

/* It may come without an end, and is not waited for. */
START_TEST(too_long) {
    char line[PAIR_ASK_LINE + 10];
    memset(line, ' ', sizeof line);
    memcpy(line, "12345678", 8);
    line[sizeof line - 1] = '\0';
    ck_assert_int_eq(take(line), PAIR_ASK_WRONG);
    ck_assert_int_gt(read(STDIN_FILENO, line, sizeof line), 0);
}
END_TEST

START_TEST(the_next_line_is_not_read) {
    char rest[16] = "";
    ck_assert_int_eq(take("12345678\nrest"), PAIR_ASK_CODE);
    ck_assert_int_eq(read(STDIN_FILENO, rest, sizeof rest), 4);
    ck_assert_str_eq(rest, "rest");
}
END_TEST

START_TEST(forgotten) {
    ck_assert_int_eq(take("12345678\n"), PAIR_ASK_CODE);
    pair_ask_forget(&ask);
    ck_assert(sodium_is_zero((const unsigned char *)ask.line, sizeof ask.line));
    ck_assert(sodium_is_zero((const unsigned char *)ask.code, sizeof ask.code));
}
END_TEST

Suite *suite_pair_ask(void) {
    Suite *s = suite_create("pair_ask");
    TCase *t = tcase_create("pair_ask");
    tcase_add_loop_test(t, codes, 0, 6);
    tcase_add_loop_test(t, no_codes, 0, 6);
    tcase_add_test(t, end_of_file);
    tcase_add_test(t, too_long);
    tcase_add_test(t, the_next_line_is_not_read);
    tcase_add_test(t, forgotten);
    suite_add_tcase(s, t);
    return s;
}
