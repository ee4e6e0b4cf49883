/* The directories of a sender's transfers. */
#include "node/daemon/outwork.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/fxnode-outwork-XXXXXX";
static int state = -1;
static struct fail fail;

static bool keeps_nothing(void *context, uint64_t number) {
    (void)context;
    (void)number;
    return false;
}

static void set_up(void) {
    ck_assert_ptr_nonnull(mkdtemp(path));
    state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(outwork_make(state, &fail), 0);
    ck_assert_int_eq(outwork_prepare(state, keeps_nothing, NULL, &fail), 0);
}

static void tear_down(void) {
    ck_assert_int_eq(outwork_prepare(state, keeps_nothing, NULL, &fail), 0);
    unlinkat(state, "outgoing", AT_REMOVEDIR);
    close(state);
    rmdir(path);
}

/* Makes a directory with one file in it; its name. */
static void begin_with(char name[OUTWORK_NAME_ROOM], const char *file) {
    char inside[64];
    int fd = -1;
    ck_assert_int_eq(outwork_begin(state, name, &fail), 0);
    snprintf(inside, sizeof inside, "outgoing/%s/%s", name, file);
    fd = openat(state, inside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

/* A commit that fails after the directory got its number gives the number to the next one. */
START_TEST(a_number_that_was_not_recorded_can_be_had_again) {
    char name[OUTWORK_NAME_ROOM];
    begin_with(name, "manifest");
    ck_assert_int_eq(outwork_adopt(state, name, 7), 0);
    begin_with(name, "stat");
    ck_assert_int_eq(outwork_adopt(state, name, 7), 0);
    ck_assert_int_eq(faccessat(state, "outgoing/7/stat", F_OK, 0), 0);
    ck_assert_int_ne(faccessat(state, "outgoing/7/manifest", F_OK, 0), 0);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("outwork");
    Suite *suite = suite_create("node-outwork");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_number_that_was_not_recorded_can_be_had_again);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
