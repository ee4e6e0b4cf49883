/* Sessions as the node sees them: this program, playing one that its first argument names. */
#include "node/daemon/worker.h"

#include "base/chan.h"
#include "node/common/part.h"
#include "proto/msg.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct node node;
static uv_loop_t loop;
static struct worker *worker;
static unsigned completions;
static unsigned ends;
static unsigned idle;
static worker_outcome ending;

/* Sessions. */

static void say_ended(worker_outcome outcome) {
    Fxnode__Helper__Ended body = FXNODE__HELPER__ENDED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;
    uint8_t packet[64];
    body.outcome = outcome;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_ENDED;
    message.ended = &body;
    chan_send(PART_CHANNEL, packet, (size_t)msg_encode(&message.base, packet, sizeof packet), NULL,
              0, 0);
}

/* Stays until it is killed. */
_Noreturn static void play_complete(void) {
    say_ended(WORKER_ENDED(COMPLETE));
    for (;;)
        pause();
}

/* The node's side. */

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    (void)arg;
    (void)message;
    ck_abort_msg("nothing was said but how it ended");
}

static void on_complete(void *arg) {
    (void)arg;
    completions++;
    worker_kill(worker);
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    (void)arg;
    (void)text;
    ends++;
    ending = outcome;
}

static void on_idle(struct node *which) {
    ck_assert_ptr_eq(which, &node);
    idle++;
}

static void set_up(void) {
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    node = (struct node){.loop = &loop};
    ck_assert_int_eq(msg_arena_new(&node.arena, LIMIT_ARENA), 0);
    ck_assert_int_eq(workers_new(&node.workers, &node, on_idle), 0);
    completions = ends = idle = 0;
}

static void tear_down(void) {
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    workers_free(node.workers);
    msg_arena_free(node.arena);
    part_close(&node.session);
}

static void start(const char *role) {
    struct worker_events events = {.message = on_message, .complete = on_complete, .gone = on_gone};
    struct fail fail;
    node.session = (struct part){role, open("/proc/self/exe", O_PATH | O_CLOEXEC)};
    ck_assert_int_eq(worker_start(&worker, &node, &events, &fail), 0);
}

/* Which is heard before the process has ended: this one would never. */
START_TEST(a_session_says_that_it_is_complete) {
    start("complete");
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(completions, 1);
    ck_assert_uint_eq(ends, 1);
    ck_assert_int_eq((int)ending, (int)WORKER_ENDED(COMPLETE));
    ck_assert_uint_eq(idle, 1);
}
END_TEST

START_TEST(one_that_failed_is_not_complete) {
    start("failed");
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(completions, 0);
    ck_assert_int_eq((int)ending, (int)WORKER_ENDED(FAILED));
}
END_TEST

static int run_tests(void) {
    TCase *tests = tcase_create("worker");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_session_says_that_it_is_complete);
    tcase_add_test(tests, one_that_failed_is_not_complete);
    Suite *suite = suite_create("node-worker");
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
    if (strcmp(argv[1], "complete") == 0)
        play_complete();
    say_ended(WORKER_ENDED(FAILED));
    return 0;
}
