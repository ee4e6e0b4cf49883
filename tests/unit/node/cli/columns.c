/* Tables for people: widths, order, and lines below a row. */
#include "node/cli/columns.h"
#include "suites.h"

#include <string.h>

static const char *const headings[COLUMNS_COUNT] = {"A", "BB", "C", "D", "E"};
static struct columns *table;

static void set_up(void) {
    table = columns_new(headings);
    ck_assert_ptr_nonnull(table);
}

static void tear_down(void) {
    columns_free(table);
}

static void add(unsigned rank, const char *first, const char *note) {
    const char *const cells[COLUMNS_COUNT] = {first, "2", "3", "4", "5"};
    ck_assert(columns_add(table, rank, cells, note));
}

static void prints(const char *expected) {
    capture_begin();
    columns_print(table);
    ck_assert_str_eq(capture_end(), expected);
}

START_TEST(nothing) {
    prints("");
}
END_TEST

START_TEST(as_wide_as_the_widest) {
    add(0, "name", NULL);
    add(0, "gr\xc3\xbc\xc3\x9f", NULL);
    prints("A     BB  C  D  E\n"
           "name  2   3  4  5\n"
           "gr\xc3\xbc\xc3\x9f  2   3  4  5\n");
}
END_TEST

/* One that is too wide pushes its own row alone. */
START_TEST(too_wide) {
    char wide[COLUMNS_WIDEST + 2];
    char expected[256] = "A  BB  C  D  E\nx  2   3  4  5\n";
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    add(0, "x", NULL);
    add(0, wide, NULL);
    strcat(strcat(expected, wide), "  2   3  4  5\n");
    prints(expected);
}
END_TEST

START_TEST(ranks_then_as_they_came) {
    add(1, "c", NULL);
    add(0, "a", "below a");
    add(1, "d", NULL);
    add(0, "b", NULL);
    prints("A  BB  C  D  E\n"
           "a  2   3  4  5\n"
           "    below a\n"
           "b  2   3  4  5\n"
           "c  2   3  4  5\n"
           "d  2   3  4  5\n");
}
END_TEST

Suite *suite_columns(void) {
    Suite *s = suite_create("columns");
    TCase *t = tcase_create("columns");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, nothing);
    tcase_add_test(t, as_wide_as_the_widest);
    tcase_add_test(t, too_wide);
    tcase_add_test(t, ranks_then_as_they_came);
    suite_add_tcase(s, t);
    return s;
}
