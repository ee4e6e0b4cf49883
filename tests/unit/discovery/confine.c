#include "node/helper/discovery_confine.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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
        ck_assert(errno == EACCES || errno == EPERM);
    }
}
END_TEST

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#ifndef SANITIZED
static void *count(void *arg) {
    ++*(int *)arg;
    return NULL;
}

START_TEST(test_other_processes_are_out_of_reach) {
    struct f_owner_ex owner = {F_OWNER_PID, getppid()};
    int parent = getppid();
    int counted = 0;
    int pipe_ends[2];
    pthread_t thread;
    ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
    ck_assert_int_eq(discovery_confine(), 0);
    ck_assert_int_eq(fork(), -1);
    ck_assert_int_eq(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), -1);
    ck_assert_int_eq(syscall(SYS_clone3, NULL, 0), -1);
    ck_assert_int_eq(errno, ENOSYS);
    ck_assert_int_eq(kill(parent, 0), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(tgkill(parent, parent, 0), -1);
    ck_assert_int_eq(syscall(SYS_tkill, parent, 0), -1);
    ck_assert_int_eq(kill(getpid(), 0), 0);
    ck_assert_int_eq(fcntl(pipe_ends[0], F_SETOWN, parent), -1);
    ck_assert_int_eq(fcntl(pipe_ends[0], F_SETOWN_EX, &owner), -1);
    ck_assert_int_eq(fcntl(pipe_ends[0], F_SETSIG, SIGKILL), -1);
    ck_assert_int_eq(ioctl(pipe_ends[0], FIOSETOWN, &parent), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, count, &counted), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(counted, 1);
}
END_TEST
#endif

Suite *suite_confine(void) {
    Suite *suite = suite_create("confine");
    TCase *tc = tcase_create("confine");
    tcase_add_test(tc, test_what_is_given_up);
#ifndef SANITIZED
    tcase_add_test(tc, test_other_processes_are_out_of_reach);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
