/* What has failed is said once more at the end, up to a number. */
#include "node/cli/failed.h"

#include "suites.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct failed failed;

static void tear_down(void) {
    failed_clear(&failed);
}

static void say(const char *text, bool warning, const char *path) {
    Fxnode__Control__Note note = FXNODE__CONTROL__NOTE__INIT;
    note.text = (char *)text;
    note.warning = warning;
    note.path = (ProtobufCBinaryData){strlen(path), (uint8_t *)path};
    failed_add(&failed, &note);
}

static void prints(const char *expected) {
    capture_begin();
    failed_print(&failed);
    ck_assert_str_eq(capture_end(), expected);
}

START_TEST(nothing_failed) {
    say("tree/pipe is not sent: it is a named pipe", false, "tree/pipe");
    say("desk is not paired", true, "");
    prints("");
}
END_TEST

START_TEST(in_the_order_in_which_it_was_said_once_each) {
    say("b is not sent: Permission denied", true, "b");
    say("a is not sent: it has just vanished", true, "a");
    say("b is not sent: Permission denied", true, "b");
    prints("fxnode: once more, what went wrong:\n"
           "  b is not sent: Permission denied\n"
           "  a is not sent: it has just vanished\n");
}
END_TEST

/* All of the last number: those that are shown, and more by 0, 1 and many. */
static const unsigned more[] = {0, 1, 1000};

START_TEST(no_more_than_can_be_read) {
    char expected[4096] = "fxnode: once more, what went wrong:\n";
    char line[64];
    for (unsigned i = 0; i < FAILED_SHOWN + more[_i]; i++) {
        snprintf(line, sizeof line, "%u is not sent: Permission denied", i);
        say(line, true, "file");
        if (i < FAILED_SHOWN)
            strcat(strcat(strcat(expected, "  "), line), "\n");
    }
    if (more[_i] > 0) {
        snprintf(line, sizeof line, "  and %u more, named above\n", more[_i]);
        strcat(expected, line);
    }
    prints(expected);
}
END_TEST

Suite *suite_failed(void) {
    Suite *suite = suite_create("failed");
    TCase *tests = tcase_create("failed");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, nothing_failed);
    tcase_add_test(tests, in_the_order_in_which_it_was_said_once_each);
    tcase_add_loop_test(tests, no_more_than_can_be_read, 0, sizeof more / sizeof *more);
    suite_add_tcase(suite, tests);
    return suite;
}
