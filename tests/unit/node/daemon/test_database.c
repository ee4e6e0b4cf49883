/* The thread behind the database: order, where things run, and that nothing is lost at the end. */
#include "node/daemon/database.h"
#include "store/store_setting.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 200

static char directory[] = "/tmp/fxnode-database-XXXXXX";
static char path[64];
static uv_loop_t loop;
static pthread_t loop_thread;
static int ran[JOBS];
static int done[JOBS];
static size_t run_count;
static size_t done_count;

static void set_up(void) {
    snprintf(directory, sizeof directory, "/tmp/fxnode-database-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/db", directory);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    loop_thread = pthread_self();
    run_count = done_count = 0;
}

static void tear_down(void) {
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void run(struct store *store, void *arg) {
    struct fail fail;
    ck_assert(!pthread_equal(pthread_self(), loop_thread));
    ck_assert_int_eq(store_setting_set(store, "last", *(int *)arg, &fail), 0);
    ran[run_count++] = *(int *)arg;
}

static void finished(void *arg) {
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    done[done_count++] = *(int *)arg;
}

static int numbers[JOBS];

static struct database *open_with_jobs(void) {
    struct database *database = NULL;
    struct fail fail;
    ck_assert_int_eq(database_open(&database, &loop, path, &fail), 0);
    for (int i = 0; i < JOBS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(database_submit(database, run, finished, &numbers[i]), 0);
    }
    return database;
}

static void check_order(void) {
    ck_assert_uint_eq(run_count, JOBS);
    ck_assert_uint_eq(done_count, JOBS);
    for (int i = 0; i < JOBS; i++) {
        ck_assert_int_eq(ran[i], i);
        ck_assert_int_eq(done[i], i);
    }
}

START_TEST(jobs_run_and_complete_in_order) {
    struct database *database = open_with_jobs();
    while (done_count < JOBS)
        uv_run(&loop, UV_RUN_ONCE);
    check_order();
    database_close(database);
}
END_TEST

START_TEST(closing_finishes_what_was_given) {
    struct database *database = open_with_jobs();
    database_close(database);
    check_order();
}
END_TEST

static struct database *chained;
static int links;

static void run_link(struct store *store, void *arg) {
    (void)store;
    (void)arg;
}

/* The completion of the first one gives the second. */
static void done_link(void *arg) {
    if (links++ == 0)
        ck_assert_int_eq(database_submit(chained, run_link, done_link, arg), 0);
}

START_TEST(closing_finishes_what_completions_give) {
    struct fail fail;
    links = 0;
    ck_assert_int_eq(database_open(&chained, &loop, path, &fail), 0);
    ck_assert_int_eq(database_submit(chained, run_link, done_link, NULL), 0);
    database_close(chained);
    ck_assert_int_eq(links, 2);
}
END_TEST

START_TEST(what_was_given_is_durable_after_closing) {
    struct fail fail;
    struct store *store = NULL;
    int64_t value = 0;
    database_close(open_with_jobs());
    ck_assert_int_eq(store_open(&store, path, &fail), 0);
    ck_assert_int_eq(store_setting_get(store, "last", &value, &fail), 0);
    ck_assert_int_eq(value, JOBS - 1);
    store_close(store);
}
END_TEST

START_TEST(a_database_that_cannot_be_opened_is_named) {
    struct database *database = NULL;
    struct fail fail;
    ck_assert_int_lt(database_open(&database, &loop, "/nonexistent/fxnode/db", &fail), 0);
    ck_assert_ptr_nonnull(strstr(fail.text, "/nonexistent/fxnode"));
    ck_assert_ptr_null(database);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("database");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, jobs_run_and_complete_in_order);
    tcase_add_test(tests, closing_finishes_what_was_given);
    tcase_add_test(tests, closing_finishes_what_completions_give);
    tcase_add_test(tests, what_was_given_is_durable_after_closing);
    tcase_add_test(tests, a_database_that_cannot_be_opened_is_named);
    Suite *suite = suite_create("node-database");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
