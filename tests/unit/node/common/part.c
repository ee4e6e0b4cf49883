#include "node/common/part.h"

#include "suites.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRANGER 54321

/* Where a part with a name that no other test uses would lie beside this program. */
static char role[16];
static char path[PATH_MAX + 32];

static void set_up(void) {
    char here[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", here, sizeof here - 1);
    ck_assert_int_gt(length, 0);
    here[length] = '\0';
    strrchr(here, '/')[1] = '\0';
    snprintf(role, sizeof role, "test%d", (int)getpid());
    snprintf(path, sizeof path, "%sfxnode-%s", here, role);
}

static void tear_down(void) {
    ck_assert(unlink(path) == 0 || rmdir(path) == 0 || errno == ENOENT);
}

static void make_part(void) {
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, 0755), 0);
}

static int try_open(struct fail *fail) {
    struct part part = {.fd = -1};
    int error = part_open(&part, role, fail);
    ck_assert(error != 0 || part.fd >= 10);
    part_close(&part);
    return error;
}

START_TEST(it_lies_beside_the_program) {
    struct fail fail = {0};
    make_part();
    ck_assert_int_eq(try_open(&fail), 0);
}
END_TEST

START_TEST(one_that_is_missing_is_named) {
    struct fail fail = {0};
    ck_assert_int_eq(try_open(&fail), -ENOENT);
    ck_assert_ptr_nonnull(strstr(fail.text, role));
}
END_TEST

/* As in a directory where everybody may put files. */
START_TEST(one_of_somebody_else_is_not_taken) {
    struct fail fail = {0};
    if (geteuid() != 0)
        return;
    make_part();
    ck_assert_int_eq(chown(path, STRANGER, STRANGER), 0);
    ck_assert_int_eq(try_open(&fail), -EPERM);
}
END_TEST

START_TEST(a_directory_is_none) {
    struct fail fail = {0};
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(try_open(&fail), -EPERM);
}
END_TEST

Suite *suite_part(void) {
    Suite *suite = suite_create("part");
    TCase *tests = tcase_create("part");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, it_lies_beside_the_program);
    tcase_add_test(tests, one_that_is_missing_is_named);
    tcase_add_test(tests, one_of_somebody_else_is_not_taken);
    tcase_add_test(tests, a_directory_is_none);
    suite_add_tcase(suite, tests);
    return suite;
}
