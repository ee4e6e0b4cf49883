/*
 * The pairing window of a node with a database of its own: who may try, what a wrong and a right
 * code do to all others, and that a peer is told only what is durable.
 */
#include "base/io.h"
#include "node/daemon/database.h"
#include "node/daemon/pairing_rules.h"
#include "node/daemon/pairing_run.h"
#include "node/daemon/pairing_window.h"
#include "node/daemon/peers.h"
#include "node/daemon/transfer.h"
#include "suites.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALLERS (PAIRING_RULES_RUNS + 1)

/* Whoever has, or guesses, the code. */
struct caller {
    struct pairing_run *run;
    uint8_t key[LIMIT_KEY];
    int over; /* outcome */
    int fd;   /* of one that stays silent */
};

static uv_loop_t loop;
static struct node node;
static char directory[64];
static struct pairing_window_events events;
static struct caller callers[CALLERS];
static char code[PAIRING_CODE];
static uint32_t tried[8]; /* what was said to be left, in order */
static size_t tried_count;
static int closed; /* outcome of the window */
static uint8_t paired[LIMIT_KEY];
static uv_sem_t disk; /* the database waits for it where a test says so */

static void on_tried(void *context, uint32_t left) {
    ck_assert_ptr_eq(context, &node);
    tried[tried_count++] = left;
}

static void on_closed(void *context, enum pairing_window_outcome outcome, const uint8_t *key) {
    ck_assert_ptr_eq(context, &node);
    ck_assert_int_eq(closed, 0);
    closed = (int)outcome;
    if (key != NULL)
        memcpy(paired, key, LIMIT_KEY);
}

static void set_up(void) {
    char path[96];
    struct fail fail;
    snprintf(directory, sizeof directory, "/tmp/fxnode-window-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/db", directory);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(uv_sem_init(&disk, 0), 0);
    node = (struct node){.loop = &loop};
    config_defaults(&node.config);
    snprintf(node.config.name, sizeof node.config.name, "shown");
    randombytes_buf(node.identity.public_key, LIMIT_KEY);
    ck_assert_int_eq(database_open(&node.database, &loop, path, &fail), 0);
    ck_assert_int_eq(peers_load(&node.peers, &node, database_store(node.database), &fail), 0);
    ck_assert_int_eq(transfers_load(&node.transfers, &node, database_store(node.database), &fail),
                     0);
    ck_assert_int_eq(pairing_window_new(&node.window, &node), 0);
    events = (struct pairing_window_events){on_tried, on_closed, &node};
    tried_count = 0;
    closed = 0;
    memset(paired, 0, sizeof paired);
    for (size_t i = 0; i < CALLERS; i++)
        callers[i] = (struct caller){.fd = -1};
}

static void tear_down(void) {
    char command[96];
    for (size_t i = 0; i < CALLERS; i++) {
        pairing_run_cancel(callers[i].run);
        io_close(&callers[i].fd);
    }
    database_close(node.database);
    pairing_window_free(node.window);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0); /* nothing is left behind on the loop */
    transfers_free(node.transfers);
    peers_free(node.peers);
    uv_sem_destroy(&disk);
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void open_window(void) {
    ck_assert_int_eq(pairing_window_open(node.window, &events), 0);
    memcpy(code, pairing_window_code(node.window), PAIRING_CODE);
}

/* A code that is not the window's. */
static const char *wrong_code(void) {
    static char wrong[PAIRING_CODE];
    memcpy(wrong, code, PAIRING_CODE);
    wrong[0] = wrong[0] == '9' ? '0' : (char)(wrong[0] + 1);
    return wrong;
}

static void on_caller_over(void *context, enum pairing_run_outcome outcome, const char *name) {
    struct caller *caller = context;
    (void)name;
    caller->run = NULL;
    caller->over = (int)outcome;
}

/* One end of a connection as a handshake leaves it. */
static struct link end_of(int fd, bool initiator, const uint8_t *peer) {
    struct link link = {.fd = fd, .result.purpose = HANDSHAKE_PAIR};
    memcpy(link.result.peer, peer, LIMIT_KEY);
    memset(link.result.hash, 7, sizeof link.result.hash);
    memset(link.result.send_key, initiator ? 1 : 2, LIMIT_KEY);
    memset(link.result.receive_key, initiator ? 2 : 1, LIMIT_KEY);
    return link;
}

/* A caller connects, each from an address of its own; without a code it stays silent. */
static struct caller *call(size_t number, const char *with) {
    struct caller *caller = &callers[number];
    char host[32];
    int fds[2];
    randombytes_buf(caller->key, LIMIT_KEY);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct link theirs = end_of(fds[0], true, node.identity.public_key);
    struct link ours = end_of(fds[1], false, caller->key);
    snprintf(host, sizeof host, "10.0.0.%zu", number + 1);
    ck_assert(address_parse(&ours.address, host, 4000, ""));
    memcpy(ours.result.name, "caller", 6);
    ours.result.name_length = 6;
    pairing_window_arrived(node.window, &ours);
    ck_assert_int_eq(ours.fd, -1);
    struct pairing_run_setup setup = {
        .loop = &loop,
        .initiator = true,
        .own_key = caller->key,
        .code = with,
        .name = "caller",
        .events = {.over = on_caller_over, .context = caller},
    };
    if (with == NULL)
        caller->fd = fds[0];
    else
        ck_assert_int_eq(pairing_run_start(&caller->run, &setup, &theirs), 0);
    return caller;
}

static void run_until(const int *what) {
    while (*what == 0)
        uv_run(&loop, UV_RUN_ONCE);
}

static bool is_cut_off(const struct caller *caller) {
    char byte;
    return recv(caller->fd, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(test_a_right_code_pairs) {
    open_window();
    struct caller *caller = call(0, code);
    run_until(&caller->over);
    ck_assert_int_eq(caller->over, PAIRING_RUN_PROVEN);
    ck_assert_int_eq(closed, PAIRING_WINDOW_PAIRED);
    ck_assert_mem_eq(paired, caller->key, LIMIT_KEY);
    ck_assert_ptr_nonnull(peers_paired(node.peers, caller->key));
    ck_assert_str_eq(peers_name(node.peers, caller->key), "caller");
    ck_assert_uint_eq(tried_count, 0);
    ck_assert_ptr_null(pairing_window_code(node.window));
}
END_TEST

START_TEST(test_without_a_window_nobody_is_heard) {
    struct caller *caller = call(0, "01234567");
    run_until(&caller->over);
    ck_assert_int_eq(caller->over, PAIRING_RUN_CLOSED);
}
END_TEST

START_TEST(test_codes_are_digits_and_differ) {
    char before[PAIRING_CODE];
    open_window();
    memcpy(before, code, PAIRING_CODE);
    ck_assert_uint_eq(pairing_window_seconds(node.window), 120);
    ck_assert_int_eq(pairing_window_open(node.window, &events), -EBUSY);
    pairing_window_close(node.window);
    open_window();
    ck_assert_mem_ne(before, code, PAIRING_CODE); /* once in a hundred million times */
    for (size_t i = 0; i < PAIRING_CODE; i++)
        ck_assert(code[i] >= '0' && code[i] <= '9');
}
END_TEST

START_TEST(test_wrong_codes_burn_it_for_all) {
    open_window();
    struct caller *silent = call(3, NULL);
    for (size_t i = 0; i < PAIRING_RULES_TRIES; i++) {
        ck_assert_int_eq(closed, 0);
        ck_assert(!is_cut_off(silent));
        struct caller *caller = call(i, wrong_code());
        run_until(&caller->over);
        ck_assert_int_eq(caller->over, PAIRING_RUN_WRONG);
    }
    ck_assert_int_eq(closed, PAIRING_WINDOW_BURNT);
    ck_assert(is_cut_off(silent));
    ck_assert_uint_eq(tried_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(tried[i], 2 - i);
    callers[0].over = 0;
    run_until(&call(0, code)->over);
    ck_assert_int_eq(callers[0].over, PAIRING_RUN_CLOSED);
    ck_assert_ptr_null(peers_paired(node.peers, callers[0].key));
}
END_TEST

START_TEST(test_who_stops_early_costs_nothing) {
    open_window();
    for (int i = 0; i < 20; i++) {
        struct caller *caller = call(0, NULL);
        io_close(&caller->fd);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    struct caller *caller = call(1, code);
    run_until(&caller->over);
    ck_assert_int_eq(caller->over, PAIRING_RUN_PROVEN);
    ck_assert_uint_eq(tried_count, 0);
}
END_TEST

static void on_time(uv_timer_t *timer) {
    uv_close((uv_handle_t *)timer, NULL);
}

/* The loop's clock goes on for longer than a run may be in the way. */
static void let_all_grow_old(void) {
    uv_timer_t timer;
    ck_assert_int_eq(uv_timer_init(&loop, &timer), 0);
    ck_assert_int_eq(uv_timer_start(&timer, on_time, PAIRING_RULES_STALE_MS + 1, 0), 0);
    while (!uv_is_closing((uv_handle_t *)&timer))
        uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_NOWAIT);
}

START_TEST(test_a_silent_crowd_keeps_nobody_out) {
    open_window();
    for (size_t i = 0; i < PAIRING_RULES_RUNS; i++)
        call(i, NULL);
    let_all_grow_old();
    struct caller *late = call(PAIRING_RULES_RUNS, code);
    run_until(&late->over);
    ck_assert_int_eq(late->over, PAIRING_RUN_PROVEN);
    ck_assert_uint_eq(tried_count, 0);
    for (size_t i = 0; i < PAIRING_RULES_RUNS; i++)
        ck_assert(is_cut_off(&callers[i]));
}
END_TEST

START_TEST(test_it_closes_with_its_client) {
    open_window();
    struct caller *silent = call(0, NULL);
    pairing_window_close(node.window);
    ck_assert_ptr_null(pairing_window_code(node.window));
    ck_assert(is_cut_off(silent));
    run_until(&call(1, code)->over);
    ck_assert_int_eq(callers[1].over, PAIRING_RUN_CLOSED);
    ck_assert_int_eq(closed, 0); /* nobody is told */
}
END_TEST

static void wait_for_disk(struct store *store, void *arg) {
    (void)store;
    (void)arg;
    uv_sem_wait(&disk);
}

/* The first caller has proven itself, and the disk is slow. */
static void prove_first(void) {
    ck_assert_int_eq(database_submit(node.database, wait_for_disk, NULL, NULL), 0);
    call(0, code);
    while (pairing_window_code(node.window) != NULL)
        uv_run(&loop, UV_RUN_ONCE);
    for (int i = 0; i < 3; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

START_TEST(test_nothing_is_told_before_it_is_durable) {
    open_window();
    prove_first();
    ck_assert_int_eq(callers[0].over, 0);
    ck_assert_int_eq(closed, 0);
    ck_assert_ptr_null(peers_paired(node.peers, callers[0].key));
    uv_sem_post(&disk);
    run_until(&callers[0].over);
    ck_assert_int_eq(callers[0].over, PAIRING_RUN_PROVEN);
    ck_assert_ptr_nonnull(peers_paired(node.peers, callers[0].key));
}
END_TEST

START_TEST(test_nobody_comes_after_the_first) {
    open_window();
    struct caller *silent = call(3, NULL);
    prove_first();
    ck_assert(is_cut_off(silent));
    run_until(&call(1, code)->over);
    ck_assert_int_eq(callers[1].over, PAIRING_RUN_CLOSED);
    ck_assert_int_eq(pairing_window_open(node.window, &events), -EBUSY);
    uv_sem_post(&disk);
    run_until(&callers[0].over);
    ck_assert_int_eq(closed, PAIRING_WINDOW_PAIRED);
    ck_assert_ptr_null(peers_paired(node.peers, callers[1].key));
    ck_assert_int_eq(pairing_window_open(node.window, &events), 0);
}
END_TEST

/* What is proven goes to its end, so that both sides know the same. */
START_TEST(test_what_is_proven_outlives_the_client) {
    open_window();
    prove_first();
    pairing_window_close(node.window);
    uv_sem_post(&disk);
    run_until(&callers[0].over);
    ck_assert_int_eq(callers[0].over, PAIRING_RUN_PROVEN);
    ck_assert_ptr_nonnull(peers_paired(node.peers, callers[0].key));
    ck_assert_int_eq(closed, 0);
}
END_TEST

START_TEST(test_a_caller_that_is_lost_meanwhile_is_paired_here) {
    open_window();
    prove_first();
    pairing_run_cancel(callers[0].run);
    callers[0].run = NULL;
    uv_sem_post(&disk);
    run_until(&closed);
    ck_assert_int_eq(closed, PAIRING_WINDOW_UNTOLD);
    ck_assert_mem_eq(paired, callers[0].key, LIMIT_KEY);
}
END_TEST

Suite *suite_window(void) {
    Suite *suite = suite_create("window");
    TCase *test = tcase_create("window");
    tcase_set_timeout(test, 20);
    tcase_add_checked_fixture(test, set_up, tear_down);
    tcase_add_test(test, test_a_right_code_pairs);
    tcase_add_test(test, test_without_a_window_nobody_is_heard);
    tcase_add_test(test, test_codes_are_digits_and_differ);
    tcase_add_test(test, test_wrong_codes_burn_it_for_all);
    tcase_add_test(test, test_who_stops_early_costs_nothing);
    tcase_add_test(test, test_a_silent_crowd_keeps_nobody_out);
    tcase_add_test(test, test_it_closes_with_its_client);
    tcase_add_test(test, test_nothing_is_told_before_it_is_durable);
    tcase_add_test(test, test_nobody_comes_after_the_first);
    tcase_add_test(test, test_what_is_proven_outlives_the_client);
    tcase_add_test(test, test_a_caller_that_is_lost_meanwhile_is_paired_here);
    suite_add_tcase(suite, test);
    return suite;
}
