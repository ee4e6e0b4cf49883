#include "base/crash.h"
#include "suites.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Passes "offered" `offered` times and then "renamed" once in a child; returns how it ended. */
static int run(const char *setting, int offered) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (setting != NULL)
            setenv("FXNODE_CRASH", setting, 1);
        else
            unsetenv("FXNODE_CRASH");
        for (int i = 0; i < offered; i++)
            crash_point("offered");
        crash_point("renamed");
        _exit(7);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

START_TEST(test_only_where_it_was_asked_for) {
    ck_assert_int_eq(run(NULL, 3), 7);
    ck_assert_int_eq(run("", 3), 7);
    ck_assert_int_eq(run("accepted", 3), 7);
    ck_assert_int_eq(run("offer", 3), 7);
    ck_assert_int_eq(run("offered-too", 3), 7);
    ck_assert_int_eq(run("offered", 1), -SIGKILL);
    ck_assert_int_eq(run("renamed", 0), -SIGKILL);
}
END_TEST

START_TEST(test_the_nth_time) {
    ck_assert_int_eq(run("offered:1", 1), -SIGKILL);
    ck_assert_int_eq(run("offered:3", 2), 7);
    ck_assert_int_eq(run("offered:3", 3), -SIGKILL);
}
END_TEST

Suite *suite_crash(void) {
    Suite *suite = suite_create("crash");
    TCase *tc = tcase_create("crash");
    tcase_add_test(tc, test_only_where_it_was_asked_for);
    tcase_add_test(tc, test_the_nth_time);
    suite_add_tcase(suite, tc);
    return suite;
}
