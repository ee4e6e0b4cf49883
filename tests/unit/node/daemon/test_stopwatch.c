/* What the stopwatch says of a loop that computes, and of one that waits. */
#include "node/daemon/stopwatch.h"

#include "base/log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 50u

static char said[1024];

static uint64_t used_ms(void) {
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000u + (uint64_t)used.tv_nsec / 1000000u;
}

static void compute(uv_timer_t *timer) {
    uint64_t until = used_ms() + 2 * STOPWATCH_MS;

    while (used_ms() < until)
        continue;
    uv_close((uv_handle_t *)timer, NULL);
}

static void only_wake_up(uv_timer_t *timer) {
    uv_close((uv_handle_t *)timer, NULL);
}

/* Runs a loop in which `callback` is called once, after WAIT_MS. */
static void watch(uv_timer_cb callback) {
    int log = memfd_create("log", MFD_CLOEXEC);
    uv_loop_t loop;
    uv_timer_t timer;

    ck_assert_int_ge(log, 0);
    ck_assert_int_ge(dup2(log, STDERR_FILENO), 0);
    setenv("FXNODE_LOG", "debug", 1);
    log_open(NULL, LOG_LEVEL_INFO);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    struct stopwatch *stopwatch = stopwatch_new(&loop);
    ck_assert_ptr_nonnull(stopwatch);
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, callback, WAIT_MS, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    stopwatch_free(stopwatch);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    ck_assert_int_ge(pread(log, said, sizeof said - 1, 0), 0);
    close(log);
}

/* The milliseconds of computing that it spoke of; 0 where it said nothing. */
static unsigned computed(void) {
    const char *line = strstr(said, "the loop was away for ");
    unsigned away = 0;
    unsigned computing = 0;

    if (line != NULL)
        ck_assert_int_eq(
            sscanf(line, "the loop was away for %u ms, %u of them computing", &away, &computing),
            2);
    return computing;
}

START_TEST(computing_is_told) {
    watch(compute);
    ck_assert_uint_ge(computed(), STOPWATCH_MS);
}
END_TEST

/* On a busy machine it may be away for long, but not by its own doing. */
START_TEST(waiting_is_not) {
    watch(only_wake_up);
    ck_assert_uint_lt(computed(), STOPWATCH_MS);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("node-stopwatch");
    TCase *tests = tcase_create("stopwatch");
    tcase_add_test(tests, computing_is_told);
    tcase_add_test(tests, waiting_is_not);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
