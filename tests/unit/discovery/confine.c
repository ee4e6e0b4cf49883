#include "node/helper/discovery_confine.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Each test is a process of its own, so it may give up what it likes. */

static bool have_landlock(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        printf("no Landlock in this kernel: only the privileges are checked\n");
    return abi >= 1;
}

START_TEST(test_what_is_given_up) {
    char *const argv[] = {"/bin/true", NULL};
    int kept = memfd_create("kept", MFD_CLOEXEC);
    ck_assert_int_ge(kept, 0);
    ck_assert_int_eq(discovery_confine(), 0);
    ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    /* What was open already stays. */
    ck_assert_int_eq(write(kept, "x", 1), 1);
    int readable = open("/etc/passwd", O_RDONLY);
    ck_assert_int_ge(readable, 0);
    close(readable);
    close(kept);
    if (have_landlock()) {
        ck_assert_int_eq(open("/tmp", O_RDONLY), -1);
        ck_assert_int_eq(errno, EACCES);
        ck_assert_int_eq(open("/dev/null", O_WRONLY), -1);
        ck_assert_int_eq(errno, EACCES);
        ck_assert_int_eq(mkdir("/tmp/fxnode-confine", 0700), -1);
        ck_assert_int_eq(errno, EACCES);
        ck_assert_int_eq(execv(argv[0], argv), -1);
        ck_assert_int_eq(errno, EACCES);
    }
}
END_TEST

Suite *suite_confine(void) {
    Suite *suite = suite_create("confine");
    TCase *tc = tcase_create("confine");
    tcase_add_test(tc, test_what_is_given_up);
    suite_add_tcase(suite, tc);
    return suite;
}
