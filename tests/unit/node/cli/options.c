/* Arguments: options anywhere, values, and what is said of wrong ones. */
#include "node/cli/options.h"
#include "node/cli/cli.h"
#include "suites.h"

#include <limits.h>
#include <string.h>

enum { OPTION_ALL, OPTION_WAIT };

static const struct options_own own[] = {{"all", false}, {"wait", true}};
static const struct options_spec spec = {
    .command = "try",
    .usage = "[--all] THING [MORE]\n\nTries it.\n",
    .own = own,
    .own_count = 2,
    .least = 1,
    .most = 2,
};

#define ARGUMENTS 16
static struct options options;
static char *arguments[ARGUMENTS + 1];
static int status;
static const char *said;

/* Parses `line`, which is cut at its spaces. */
static bool parse(const char *line) {
    static char copy[128];
    char *rest = strcpy(copy, line);
    int count = 0;
    arguments[count++] = (char *)"try";
    for (char *word = strtok(rest, " "); word != NULL; word = strtok(NULL, " "))
        arguments[count++] = word;
    ck_assert_int_lt(count, ARGUMENTS);
    arguments[count] = NULL;
    status = -1;
    capture_begin();
    bool parsed = options_parse(&options, &spec, count, arguments, &status);
    said = capture_end();
    return parsed;
}

START_TEST(options_anywhere) {
    ck_assert(parse("one --wait 5 --json two --all --state=/s"));
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(options.operand_count, 2);
    ck_assert_str_eq(options.operands[0], "one");
    ck_assert_str_eq(options.operands[1], "two");
    ck_assert_str_eq(options.values[OPTION_WAIT], "5");
    ck_assert_str_eq(options.values[OPTION_ALL], "");
    ck_assert_str_eq(options.where.state, "/s");
    ck_assert(options.json);
}
END_TEST

START_TEST(not_given) {
    ck_assert(parse("one"));
    ck_assert(!options.json);
    ck_assert_ptr_null(options.values[OPTION_ALL]);
    ck_assert_ptr_null(options.values[OPTION_WAIT]);
    ck_assert_ptr_null(options.where.state);
}
END_TEST

START_TEST(behind_two_dashes_all_are_operands) {
    ck_assert(parse("-- --all -x"));
    ck_assert_ptr_null(options.values[OPTION_ALL]);
    ck_assert_str_eq(options.operands[1], "-x");
}
END_TEST

START_TEST(wrong_ones_are_named) {
    static const struct {
        const char *line, *words;
    } wrong[] = {
        {"", "missing operands"},      {"one two three", "try: "}, {"one --never", "--never"},
        {"one --wait", "--wait"},      {"one --all=yes", "--all"}, {"one -x", "-x"},
        {"one --\x1b[2J", "--\\e[2J"},
    };
    ck_assert(!parse(wrong[_i].line));
    ck_assert_int_eq(status, CLI_USAGE);
    ck_assert_msg(strncmp(said, "fxnode: try: ", 13) == 0, "%s", said);
    ck_assert_msg(strstr(said, wrong[_i].words) != NULL, "%s", said);
    ck_assert_msg(strstr(said, "; see fxnode try --help\n") != NULL, "%s", said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}
END_TEST

START_TEST(help) {
    ck_assert(!parse("--help"));
    ck_assert_int_eq(status, CLI_DONE);
    ck_assert_msg(strstr(said, "fxnode try [--all] THING [MORE]\n\nTries it.\n") != NULL, "%s",
                  said);
}
END_TEST

START_TEST(numbers) {
    static const char *const none[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1.5", "101", "99999999999999999999999"};
    unsigned long number = 7;
    ck_assert(options_number(&number, "0", 100));
    ck_assert_uint_eq(number, 0);
    ck_assert(options_number(&number, "100", 100));
    ck_assert_uint_eq(number, 100);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(!options_number(&number, none[i], 100), "%s", none[i]);
    ck_assert(!options_number(&number, none[8], ULONG_MAX));
}
END_TEST

Suite *suite_options(void) {
    Suite *s = suite_create("options");
    TCase *t = tcase_create("options");
    tcase_add_test(t, options_anywhere);
    tcase_add_test(t, not_given);
    tcase_add_test(t, behind_two_dashes_all_are_operands);
    tcase_add_loop_test(t, wrong_ones_are_named, 0, 7);
    tcase_add_test(t, help);
    tcase_add_test(t, numbers);
    suite_add_tcase(s, t);
    return s;
}
