#include "node/daemon/lock.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[] = "/tmp/fxnode-lock-XXXXXX";
static char lock_path[sizeof path + 8];
static char socket_path[sizeof path + 8];
static struct statedir dir;
static struct fail why;

static void set_up(void) {
    ck_assert_ptr_nonnull(mkdtemp(path));
    snprintf(lock_path, sizeof lock_path, "%s/lock", path);
    snprintf(socket_path, sizeof socket_path, "%s/control", path);
    ck_assert_int_eq(statedir_open(&dir, path, &why), 0);
}

static void tear_down(void) {
    statedir_close(&dir);
    unlink(lock_path);
    unlink(socket_path);
    rmdir(path);
}

/* Keeps the lock until somebody has tried to take it, and has closed it again. */
static void hold(int ready) {
    struct statedir held = {.fd = dir.fd, .lock_fd = -1};
    char event[sizeof(struct inotify_event) + 256];
    int watch = inotify_init1(IN_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (statedir_lock(&held, path, &why) != 0 ||
        inotify_add_watch(watch, lock_path, IN_CLOSE) < 0 || write(ready, "", 1) != 1)
        _exit(EXIT_FAILURE);
    if (read(watch, event, sizeof event) <= 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_SUCCESS);
}

/* Takes the lock from a process that has it, says so and gives it back as `holder` does. */
static void take_from(void (*holder)(int ready)) {
    int ready[2];
    char byte;
    int status = 0;

    ck_assert_int_eq(pipe(ready), 0);
    pid_t process = fork();
    if (process == 0)
        holder(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(lock_take(&dir, path, &why), 0);
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_int_eq(status, 0);
    close(ready[0]);
    close(ready[1]);
}

/* A node that was killed while it started a helper: that one has the lock until it is executed. */
START_TEST(a_lock_without_a_node_is_waited_for) {
    take_from(hold);
}
END_TEST

/* Answers at the control socket by ending. */
static void end_when_asked(int ready) {
    struct statedir held = {.fd = dir.fd, .lock_fd = -1};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", socket_path);
    if (statedir_lock(&held, path, &why) != 0 ||
        bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1) != 0 ||
        statedir_publish(&held, path, socket_path, &why) != 0 || write(ready, "", 1) != 1 ||
        accept(listener, NULL, NULL) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_SUCCESS);
}

/* A transient node whose last command has ended just now. */
START_TEST(a_node_that_ends_is_waited_for) {
    take_from(end_when_asked);
}
END_TEST

/* One that nobody gives back and nobody answers for is not waited for without end. */
START_TEST(a_lock_that_stays_is_named) {
    struct statedir held = {.fd = dir.fd, .lock_fd = -1};

    ck_assert_int_eq(statedir_lock(&held, path, &why), 0);
    ck_assert_int_lt(lock_take(&dir, path, &why), 0);
    ck_assert_ptr_nonnull(strstr(why.text, path));
    close(held.lock_fd);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("lock");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_lock_without_a_node_is_waited_for);
    tcase_add_test(tests, a_node_that_ends_is_waited_for);
    tcase_add_test(tests, a_lock_that_stays_is_named);
    tcase_set_timeout(tests, 30);
    Suite *suite = suite_create("node-lock");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
