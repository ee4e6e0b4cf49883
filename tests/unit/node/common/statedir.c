#include "node/common/statedir.h"
#include "suites.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *scratch;
static char path[128];
static struct fail fail;

static void setup(void) {
    scratch = scratch_make();
    snprintf(path, sizeof path, "%s/a/b", scratch);
}

static void teardown(void) {
    scratch_remove(scratch);
}

START_TEST(test_is_made_private) {
    struct statedir dir;
    struct stat st;
    ck_assert_int_eq(statedir_open(&dir, path, &fail), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    statedir_close(&dir);
    ck_assert_int_eq(dir.fd, -1);
}
END_TEST

START_TEST(test_one_node_at_a_time) {
    struct statedir first, second;
    char named[128];
    ck_assert_int_eq(statedir_open(&first, path, &fail), 0);
    ck_assert_int_eq(statedir_open(&second, path, &fail), 0);
    ck_assert(!statedir_socket(path, named, sizeof named));
    ck_assert_int_eq(statedir_lock(&first, path, &fail), 0);
    ck_assert_int_eq(statedir_lock(&second, path, &fail), STATEDIR_LOCKED);
    ck_assert(!statedir_socket(path, named, sizeof named));
    ck_assert_int_eq(statedir_publish(&first, path, "/run/x/control", &fail), 0);
    ck_assert(statedir_socket(path, named, sizeof named));
    ck_assert_str_eq(named, "/run/x/control");
    statedir_close(&first);
    /* What a node that is gone has named counts no more. */
    ck_assert(!statedir_socket(path, named, sizeof named));
    ck_assert_int_eq(statedir_lock(&second, path, &fail), 0);
    ck_assert(!statedir_socket(path, named, sizeof named));
    statedir_close(&second);
}
END_TEST

/* Commands look for the node at any moment; none of them may be taken for a node. */
static void look_for_ever(void) {
    char named[128];
    for (;;)
        statedir_socket(path, named, sizeof named);
}

START_TEST(test_looking_is_not_holding) {
    struct statedir dir;
    ck_assert_int_eq(statedir_open(&dir, path, &fail), 0);
    ck_assert_int_eq(statedir_lock(&dir, path, &fail), 0);
    statedir_close(&dir);
    pid_t looker = fork();
    ck_assert_int_ge(looker, 0);
    if (looker == 0)
        look_for_ever();
    int locked = 0;
    for (int i = 0; i < 5000 && locked == 0; i++) {
        ck_assert_int_eq(statedir_open(&dir, path, &fail), 0);
        locked = statedir_lock(&dir, path, &fail);
        statedir_close(&dir);
    }
    kill(looker, SIGKILL);
    ck_assert_int_eq(waitpid(looker, NULL, 0), looker);
    ck_assert_int_eq(locked, 0);
}
END_TEST

START_TEST(test_a_slash_at_the_end_changes_nothing) {
    struct statedir dir;
    struct stat st;
    strcat(path, "//");
    ck_assert_int_eq(statedir_open(&dir, path, &fail), 0);
    ck_assert_int_eq(fstat(dir.fd, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    statedir_close(&dir);
}
END_TEST

START_TEST(test_others_must_not_write_to_it) {
    struct statedir dir;
    ck_assert_int_eq(statedir_open(&dir, path, &fail), 0);
    statedir_close(&dir);
    ck_assert_int_eq(chmod(path, 0770), 0);
    ck_assert_int_lt(statedir_open(&dir, path, &fail), 0);
    ck_assert_ptr_nonnull(strstr(fail.text, "chmod 700"));
}
END_TEST

START_TEST(test_a_file_in_its_place) {
    struct statedir dir;
    scratch_write(scratch, "a", "", 0600);
    ck_assert_int_lt(statedir_open(&dir, path, &fail), 0);
    ck_assert_ptr_nonnull(strstr(fail.text, "Not a directory"));
}
END_TEST

Suite *suite_statedir(void) {
    Suite *suite = suite_create("statedir");
    TCase *test = tcase_create("statedir");
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, test_is_made_private);
    tcase_add_test(test, test_one_node_at_a_time);
    tcase_add_test(test, test_looking_is_not_holding);
    tcase_add_test(test, test_a_slash_at_the_end_changes_nothing);
    tcase_add_test(test, test_others_must_not_write_to_it);
    tcase_add_test(test, test_a_file_in_its_place);
    suite_add_tcase(suite, test);
    return suite;
}
