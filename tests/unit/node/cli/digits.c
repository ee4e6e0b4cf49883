/* The large digits, against a picture of them. */
#include "node/cli/digits.h"
#include "suites.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINES 5

static const char *const picture[LINES] = {
    "###  #  ### ### # # ### ### ### ### ###", "# # ##    #   # # # #   #     # # # # #",
    "# #  #  ### ### ### ### ###   # ### ###", "# #  #  #     #   #   # # #  #  # #   #",
    "### ### ### ###   # ### ###  #  ### ###",
};

/* One line of a drawing: '#' or ' ' for each cell; its columns are counted. */
static const char *read_cells(char cells[64], const char *line) {
    static const char on[] = "\033[7m  \033[0m";
    size_t count = 0;
    while (*line != '\n') {
        bool is_on = strncmp(line, on, sizeof on - 1) == 0;
        ck_assert_msg(is_on || strncmp(line, "  ", 2) == 0, "neither on nor off: %s", line);
        line += is_on ? sizeof on - 1 : 2;
        cells[count++] = is_on ? '#' : ' ';
        ck_assert_uint_lt(count, 64);
    }
    cells[count] = '\0';
    ck_assert_uint_eq(count * 2, DIGITS_COLUMNS);
    return line + 1;
}

static void expect_line(const char *cells, const char *code, unsigned line) {
    char expected[64] = "";
    for (size_t i = 0; i < strlen(code); i++) {
        const char *shape = picture[line] + (code[i] - '0') * 4;
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s%.3s", i == 4 ? "   " : " ", shape);
    }
    ck_assert_str_eq(cells, expected);
}

START_TEST(every_digit) {
    static const char *const codes[] = {"01234567", "89012345", "99999999"};
    char cells[64];
    capture_begin();
    digits_draw(codes[_i]);
    const char *line = capture_end();
    for (unsigned i = 0; i < LINES; i++) {
        line = read_cells(cells, line);
        expect_line(cells, codes[_i], i);
    }
    ck_assert_str_eq(line, "");
}
END_TEST

Suite *suite_digits(void) {
    Suite *s = suite_create("digits");
    TCase *t = tcase_create("digits");
    tcase_add_loop_test(t, every_digit, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
