#include "base/log.h"
#include "suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char captured[2048];
static int saved = -1;
static int pipes[2];

/* Puts a pipe in the place of standard error; the lines of a test fit into it. */
static void capture(void) {
    saved = dup(STDERR_FILENO);
    ck_assert_int_ge(saved, 0);
    ck_assert_int_eq(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
    ck_assert_int_ge(dup2(pipes[1], STDERR_FILENO), 0);
    unsetenv("FXNODE_LOG");
}

static const char *released(void) {
    fflush(stderr);
    ssize_t got = read(pipes[0], captured, sizeof captured - 1);
    captured[got > 0 ? got : 0] = '\0';
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipes[0]);
    close(pipes[1]);
    return captured;
}

START_TEST(test_lines_of_the_node) {
    capture();
    log_open(NULL, LOG_LEVEL_INFO);
    log_error("bad %d", 1);
    log_warn("odd");
    log_info("said");
    log_debug("hidden");
    ck_assert_str_eq(released(), "fxnode: bad 1\nfxnode: odd\nfxnode: said\n");
}
END_TEST

START_TEST(test_lines_of_a_helper) {
    capture();
    log_open("discovery", LOG_LEVEL_WARN);
    log_info("hidden");
    log_warn("shown");
    ck_assert_str_eq(released(), "fxnode[discovery]: shown\n");
}
END_TEST

/* A helper that was taken over reports what it likes. */
START_TEST(test_nothing_reaches_a_terminal_unescaped) {
    capture();
    log_open(NULL, LOG_LEVEL_INFO);
    log_warn("ended: %s", "a\x1b]0;b\x07\xff\nfxnode: c\\u{1b}");
    ck_assert_str_eq(released(), "fxnode: ended: a?]0;b???fxnode: c\\u{1b}\n");
}
END_TEST

START_TEST(test_the_environment_overrides) {
    capture();
    setenv("FXNODE_LOG", "debug", 1);
    log_open(NULL, LOG_LEVEL_ERROR);
    log_debug("seen");
    setenv("FXNODE_LOG", "error", 1);
    log_open(NULL, LOG_LEVEL_DEBUG);
    log_warn("unseen");
    log_error("seen too");
    ck_assert_str_eq(released(), "fxnode: seen\nfxnode: seen too\n");
}
END_TEST

START_TEST(test_ten_at_once_then_one_a_second) {
    struct log_limit limit = {0};
    uint32_t dropped = 99;
    uint64_t now = 1000000;
    for (int i = 0; i < 10; i++) {
        ck_assert(log_limit_take(&limit, now, &dropped));
        ck_assert_uint_eq(dropped, 0);
    }
    for (int i = 0; i < 7; i++)
        ck_assert(!log_limit_take(&limit, now + 500, &dropped));
    ck_assert(log_limit_take(&limit, now + 1100, &dropped));
    ck_assert_uint_eq(dropped, 7);
    ck_assert(!log_limit_take(&limit, now + 1200, &dropped));
    ck_assert(log_limit_take(&limit, now + 2200, &dropped));
    ck_assert_uint_eq(dropped, 1);
}
END_TEST

/* Lines that come a little faster than allowed do not keep the bucket empty for ever. */
START_TEST(test_parts_of_a_second_count) {
    struct log_limit limit = {0};
    uint32_t dropped = 0;
    unsigned let_through = 0;
    for (uint64_t now = 1000000; now < 1000000 + 100000; now += 300)
        let_through += log_limit_take(&limit, now, &dropped);
    ck_assert_uint_ge(let_through, 100);
    ck_assert_uint_le(let_through, 111);
}
END_TEST

START_TEST(test_a_quiet_time_fills_the_bucket) {
    struct log_limit limit = {0};
    uint32_t dropped = 0;
    for (int i = 0; i < 30; i++)
        log_limit_take(&limit, 5000, &dropped);
    unsigned let_through = 0;
    for (int i = 0; i < 30; i++)
        let_through += log_limit_take(&limit, 5000 + 3600 * 1000, &dropped);
    ck_assert_uint_eq(let_through, 10);
}
END_TEST

Suite *suite_log(void) {
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");
    tcase_add_test(tc, test_lines_of_the_node);
    tcase_add_test(tc, test_lines_of_a_helper);
    tcase_add_test(tc, test_nothing_reaches_a_terminal_unescaped);
    tcase_add_test(tc, test_the_environment_overrides);
    tcase_add_test(tc, test_ten_at_once_then_one_a_second);
    tcase_add_test(tc, test_parts_of_a_second_count);
    tcase_add_test(tc, test_a_quiet_time_fills_the_bucket);
    suite_add_tcase(suite, tc);
    return suite;
}
