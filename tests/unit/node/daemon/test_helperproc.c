/* Helper processes: this program, playing the helper that its first argument names. */
#include "node/daemon/helperproc.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uv_loop_t loop;
static size_t packets;
static char last[64];
static int got_fd;
static char how[64];
static size_t ends;

/* Helpers. */

/* Answers each packet with the same bytes, until end of file. */
static int play_echo(void) {
    static struct chan_packet packet;
    while (chan_receive(3, &packet, 0) == 1)
        chan_send(3, packet.data, packet.length, packet.fds, packet.fd_count, 0);
    return 7;
}

/* Says who it is, and waits for its end. */
static int play_self(void) {
    static struct chan_packet packet;
    char text[32];
    snprintf(text, sizeof text, "%d", (int)getpid());
    chan_send(3, text, strlen(text), NULL, 0, 0);
    chan_receive(3, &packet, 0);
    return 0;
}

/* Says how many descriptors beyond the channel it was given. */
static int play_count(void) {
    char text[32];
    int open = 0;
    for (int fd = 4; fd < 256; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    snprintf(text, sizeof text, "%d", open);
    return chan_send(3, text, strlen(text), NULL, 0, 0);
}

_Noreturn static void play_deaf(void) {
    for (;;)
        pause();
}

/* Says something and is gone at once. */
static int play_last_words(void) {
    for (int i = 0; i < 100; i++)
        chan_send(3, "bye", 3, NULL, 0, 0);
    raise(SIGKILL);
    return 0;
}

/* The node's side. */

static void on_packet(void *arg, struct chan_packet *packet) {
    (void)arg;
    packets++;
    snprintf(last, sizeof last, "%.*s", (int)packet->length, (const char *)packet->data);
    if (packet->fd_count > 0) {
        got_fd = packet->fds[0];
        packet->fds[0] = -1;
    }
}

static void on_gone(void *arg, const char *text) {
    (void)arg;
    ends++;
    snprintf(how, sizeof how, "%s", text);
}

static void set_up(void) {
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    packets = ends = 0;
    got_fd = -1;
    last[0] = how[0] = '\0';
}

/* A helper that is gone leaves nothing in the loop. */
static void tear_down(void) {
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(ends, 1);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static struct helperproc *start(const char *role) {
    struct helperproc *helper = NULL;
    struct helperproc_events events = {on_packet, on_gone, NULL};
    struct part self = {role, open("/proc/self/exe", O_PATH | O_CLOEXEC)};
    struct fail fail;
    ck_assert_int_eq(helperproc_start(&helper, &loop, &self, &events, &fail), 0);
    part_close(&self);
    return helper;
}

START_TEST(packets_go_both_ways_in_order) {
    struct helperproc *helper = start("echo");
    for (int i = 0; i < 300; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        helperproc_send(helper, text, strlen(text), -1);
    }
    while (packets < 300)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_str_eq(last, "299");
    helperproc_hang_up(helper);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_str_eq(how, "exit status 7");
}
END_TEST

START_TEST(helpers_are_told_from_others) {
    struct helperproc *helper = start("self");
    while (packets < 1)
        uv_run(&loop, UV_RUN_ONCE);
    pid_t pid = (pid_t)atoi(last);
    ck_assert(helperproc_is_one(&loop, pid));
    ck_assert(!helperproc_is_one(&loop, getpid()));
    helperproc_hang_up(helper);
    while (ends < 1)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert(!helperproc_is_one(&loop, pid));
}
END_TEST

START_TEST(a_descriptor_travels) {
    int ends_of_pipe[2];
    char byte = 0;
    ck_assert_int_eq(pipe2(ends_of_pipe, O_CLOEXEC), 0);
    struct helperproc *helper = start("echo");
    helperproc_send(helper, "fd", 2, ends_of_pipe[1]);
    while (packets < 1)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_ge(got_fd, 0);
    ck_assert_int_eq(write(got_fd, "x", 1), 1);
    ck_assert_int_eq(read(ends_of_pipe[0], &byte, 1), 1);
    close(got_fd);
    close(ends_of_pipe[0]);
    helperproc_hang_up(helper);
}
END_TEST

START_TEST(nothing_else_leaks_into_it) {
    /* What the test's own framework left open is not the node's doing. */
    for (int fd = 3; fd < 256; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    start("count");
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_str_eq(last, "0");
}
END_TEST

START_TEST(one_that_does_not_listen_can_be_killed) {
    struct helperproc *helper = start("deaf");
    helperproc_kill(helper);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_str_eq(how, "killed by signal 9");
}
END_TEST

START_TEST(one_that_takes_nothing_is_killed) {
    static char large[32768];
    struct helperproc *helper = start("deaf");
    for (unsigned i = 0; i < HELPERPROC_QUEUE + 100; i++)
        helperproc_send(helper, large, sizeof large, -1);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_str_eq(how, "killed by signal 9");
}
END_TEST

/* Descriptors that it does not take are not sent to it without end. */
START_TEST(one_that_does_not_keep_up_is_told_from_others) {
    struct helperproc *helper = start("deaf");
    int sent = 0;
    ck_assert(helperproc_keeps_up(helper));
    while (sent < 100 && helperproc_keeps_up(helper)) {
        helperproc_send(helper, "fd", 2, open("/dev/null", O_RDONLY | O_CLOEXEC));
        sent++;
    }
    ck_assert_int_gt(sent, 8);
    ck_assert_int_lt(sent, 100);
    helperproc_kill(helper);
}
END_TEST

START_TEST(one_that_answers_keeps_up) {
    struct helperproc *helper = start("echo");
    for (size_t i = 1; i <= 100; i++) {
        ck_assert(helperproc_keeps_up(helper));
        helperproc_send(helper, "x", 1, -1);
        while (packets < i)
            uv_run(&loop, UV_RUN_ONCE);
    }
    helperproc_hang_up(helper);
}
END_TEST

/* It would wait for what is lost. What it said before is heard. */
START_TEST(one_that_cannot_be_told_ends) {
    static char large[LIMIT_PACKET + 1];
    struct helperproc *helper = start("echo");
    helperproc_send(helper, "before", 6, -1);
    helperproc_send(helper, large, sizeof large, -1);
    helperproc_send(helper, "after", 5, -1);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(packets, 1);
    ck_assert_str_eq(last, "before");
    ck_assert_str_eq(how, "exit status 7");
}
END_TEST

START_TEST(last_words_are_heard_before_the_end) {
    start("last-words");
    while (ends == 0) {
        size_t before = packets;
        uv_run(&loop, UV_RUN_ONCE);
        ck_assert(ends == 0 || packets >= before);
    }
    ck_assert_uint_eq(packets, 100);
    ck_assert_str_eq(how, "killed by signal 9");
}
END_TEST

static int run_tests(void) {
    TCase *tests = tcase_create("helperproc");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, packets_go_both_ways_in_order);
    tcase_add_test(tests, helpers_are_told_from_others);
    tcase_add_test(tests, a_descriptor_travels);
    tcase_add_test(tests, nothing_else_leaks_into_it);
    tcase_add_test(tests, one_that_does_not_listen_can_be_killed);
    tcase_add_test(tests, one_that_takes_nothing_is_killed);
    tcase_add_test(tests, one_that_does_not_keep_up_is_told_from_others);
    tcase_add_test(tests, one_that_answers_keeps_up);
    tcase_add_test(tests, one_that_cannot_be_told_ends);
    tcase_add_test(tests, last_words_are_heard_before_the_end);
    Suite *suite = suite_create("node-helperproc");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return run_tests();
    if (strcmp(argv[1], "echo") == 0)
        return play_echo();
    if (strcmp(argv[1], "self") == 0)
        return play_self();
    if (strcmp(argv[1], "count") == 0)
        return play_count();
    if (strcmp(argv[1], "deaf") == 0)
        play_deaf();
    return play_last_words();
}
