/*
 * The rules of a pairing window, and two runs against each other over a socket pair.
 */
#include "base/io.h"
#include "node/daemon/pairing_rules.h"
#include "node/daemon/pairing_run.h"
#include "suites.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Rules. */

static struct pairing_rules rules;

static struct address host(const char *text) {
    struct address address;
    ck_assert(address_parse(&address, text, 4000, ""));
    return address;
}

static struct address numbered(int number) {
    char text[32];
    snprintf(text, sizeof text, "10.0.0.%d", number);
    return host(text);
}

static void open_rules(void) {
    rules = (struct pairing_rules){0};
    pairing_rules_open(&rules, 1000);
}

/* Where nobody has to go for it. */
static int enter(struct pairing_rules *at, const struct address *from, uint64_t now_ms) {
    int evict = 0;
    int slot = pairing_rules_enter(at, from, now_ms, &evict);
    ck_assert_int_eq(evict, -1);
    return slot;
}

START_TEST(test_nothing_is_open_by_itself) {
    struct pairing_rules closed = {0};
    struct address from = numbered(1);
    ck_assert(!pairing_rules_is_open(&closed, 0));
    ck_assert_int_lt(enter(&closed, &from, 0), 0);
    ck_assert(!pairing_rules_right(&closed, 0));
}
END_TEST

START_TEST(test_it_is_open_for_two_minutes) {
    struct address from = numbered(1);
    ck_assert(pairing_rules_is_open(&rules, 1000 + 119999));
    ck_assert(!pairing_rules_is_open(&rules, 1000 + 120000));
    ck_assert_int_lt(enter(&rules, &from, 1000 + 120000), 0);
    ck_assert(!pairing_rules_right(&rules, 1000 + 120000));
}
END_TEST

START_TEST(test_three_wrong_ones_close_it) {
    struct address from = numbered(1);
    ck_assert_uint_eq(pairing_rules_wrong(&rules), 2);
    ck_assert_uint_eq(pairing_rules_wrong(&rules), 1);
    ck_assert(pairing_rules_is_open(&rules, 1000));
    ck_assert_uint_eq(pairing_rules_wrong(&rules), 0);
    ck_assert(!pairing_rules_is_open(&rules, 1000));
    ck_assert_int_lt(enter(&rules, &from, 1000), 0);
    ck_assert(!pairing_rules_right(&rules, 1000));
    ck_assert_uint_eq(pairing_rules_wrong(&rules), 0);
}
END_TEST

START_TEST(test_a_new_code_has_all_its_tries) {
    pairing_rules_wrong(&rules);
    pairing_rules_wrong(&rules);
    pairing_rules_close(&rules);
    pairing_rules_open(&rules, 5000);
    ck_assert_uint_eq(pairing_rules_wrong(&rules), 2);
}
END_TEST

START_TEST(test_runs_that_stop_cost_nothing) {
    struct address from = numbered(1);
    for (int i = 0; i < 100; i++) {
        int slot = enter(&rules, &from, 1000);
        ck_assert_int_ge(slot, 0);
        pairing_rules_leave(&rules, slot);
    }
    ck_assert_uint_eq(pairing_rules_wrong(&rules), 2);
}
END_TEST

START_TEST(test_two_runs_for_an_address) {
    struct address from = numbered(1);
    struct address elsewhere = numbered(2);
    int slot = enter(&rules, &from, 1000);
    ck_assert_int_ge(slot, 0);
    address_set_port(&from, 4001);
    ck_assert_int_ge(enter(&rules, &from, 1000), 0);
    address_set_port(&from, 4002);
    ck_assert_int_lt(enter(&rules, &from, 1000), 0);
    ck_assert_int_ge(enter(&rules, &elsewhere, 1000), 0);
    pairing_rules_leave(&rules, slot);
    ck_assert_int_eq(enter(&rules, &from, 1000), slot);
}
END_TEST

START_TEST(test_eight_runs_in_all) {
    for (int i = 1; i <= 8; i++) {
        struct address from = numbered(i);
        ck_assert_int_ge(enter(&rules, &from, 1000), 0);
    }
    struct address ninth = numbered(9);
    ck_assert_int_lt(enter(&rules, &ninth, 1000), 0);
    pairing_rules_leave(&rules, 3);
    ck_assert_int_eq(enter(&rules, &ninth, 1000), 3);
}
END_TEST

/* A crowd that says nothing keeps nobody out for longer than one of them needs. */
START_TEST(test_who_takes_long_makes_room) {
    int evict = -1;
    for (int i = 1; i <= 8; i++) {
        struct address from = numbered(i);
        ck_assert_int_ge(enter(&rules, &from, 1000 + (uint64_t)i), 0);
    }
    struct address ninth = numbered(9);
    struct address tenth = numbered(10);
    ck_assert_int_lt(enter(&rules, &ninth, 1101), 0);
    ck_assert_int_eq(pairing_rules_enter(&rules, &ninth, 1102, &evict), 0);
    ck_assert_int_eq(evict, 0);
    ck_assert_int_lt(enter(&rules, &tenth, 1102), 0); /* the next is not old enough */
    ck_assert_int_eq(pairing_rules_enter(&rules, &tenth, 1200, &evict), 1);
    ck_assert_int_eq(evict, 1);
}
END_TEST

START_TEST(test_of_one_address_only_its_own_makes_room) {
    int evict = -1;
    struct address from = numbered(1);
    struct address elsewhere = numbered(2);
    ck_assert_int_eq(enter(&rules, &elsewhere, 1000), 0);
    ck_assert_int_eq(enter(&rules, &from, 1001), 1);
    ck_assert_int_eq(enter(&rules, &from, 1050), 2);
    ck_assert_int_lt(enter(&rules, &from, 1101), 0);
    ck_assert_int_eq(pairing_rules_enter(&rules, &from, 1102, &evict), 1);
    ck_assert_int_eq(evict, 1);
}
END_TEST

START_TEST(test_the_first_right_one_is_the_only_one) {
    struct address from = numbered(1);
    ck_assert(pairing_rules_right(&rules, 1000));
    ck_assert(!pairing_rules_right(&rules, 1000));
    ck_assert_int_lt(enter(&rules, &from, 1000), 0);
}
END_TEST

/* Runs. A shows that it knows, B judges. */

struct side {
    struct pairing_run *run;
    uint8_t key[LIMIT_KEY];
    int judged; /* 1: right, -1: wrong */
    int over;   /* outcome */
    bool keeps; /* does not confirm by itself */
    char name[LIMIT_NAME + 1];
};

static uv_loop_t loop;
static struct side a, b;
static int fds[2];

static void on_judged(void *context, bool right) {
    struct side *side = context;
    ck_assert_int_eq(side->judged, 0);
    ck_assert_int_eq(side->over, 0);
    side->judged = right ? 1 : -1;
    if (right && !side->keeps)
        pairing_run_confirm(side->run);
}

static void on_over(void *context, enum pairing_run_outcome outcome, const char *name) {
    struct side *side = context;
    ck_assert_int_eq(side->over, 0);
    side->run = NULL;
    side->over = (int)outcome;
    memcpy(side->name, name, strlen(name) + 1);
}

static void set_up_runs(void) {
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    a = b = (struct side){0};
    randombytes_buf(a.key, sizeof a.key);
    randombytes_buf(b.key, sizeof b.key);
}

static void tear_down_runs(void) {
    pairing_run_cancel(a.run);
    pairing_run_cancel(b.run);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0); /* nothing is left behind on the loop */
    io_close(&fds[0]);
    io_close(&fds[1]);
}

/* One end of a connection as a handshake leaves it. */
static void start(struct side *side, bool initiator, const char *code) {
    const struct side *other = initiator ? &b : &a;
    struct link link = {.fd = fds[!initiator], .result.purpose = HANDSHAKE_PAIR};
    struct pairing_run_setup setup = {
        .loop = &loop,
        .initiator = initiator,
        .own_key = side->key,
        .code = code,
        .name = initiator ? "caller" : "shown",
        .events = {on_judged, on_over, side},
    };
    fds[!initiator] = -1;
    memcpy(link.result.peer, other->key, LIMIT_KEY);
    memset(link.result.hash, 7, sizeof link.result.hash);
    memset(link.result.send_key, initiator ? 1 : 2, LIMIT_KEY);
    memset(link.result.receive_key, initiator ? 2 : 1, LIMIT_KEY);
    ck_assert_int_eq(pairing_run_start(&side->run, &setup, &link), 0);
    ck_assert_int_eq(link.fd, -1);
    ck_assert(sodium_is_zero(link.result.send_key, LIMIT_KEY));
}

static void run_until(const int *what) {
    while (*what == 0)
        uv_run(&loop, UV_RUN_ONCE);
}

START_TEST(test_the_same_code_proves_both) {
    start(&b, false, "01234567");
    start(&a, true, "01234567");
    run_until(&a.over);
    ck_assert_int_eq(a.over, PAIRING_RUN_PROVEN);
    ck_assert_str_eq(a.name, "shown");
    ck_assert_int_eq(b.judged, 1);
    ck_assert_int_eq(b.over, PAIRING_RUN_PROVEN);
}
END_TEST

START_TEST(test_nothing_is_told_before_it_is_confirmed) {
    b.keeps = true;
    start(&b, false, "01234567");
    start(&a, true, "01234567");
    run_until(&b.judged);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_int_eq(a.over, 0);
    pairing_run_confirm(b.run);
    ck_assert_int_eq(b.over, PAIRING_RUN_PROVEN);
    run_until(&a.over);
    ck_assert_int_eq(a.over, PAIRING_RUN_PROVEN);
}
END_TEST

START_TEST(test_what_is_not_confirmed_is_not_proven) {
    b.keeps = true;
    start(&b, false, "01234567");
    start(&a, true, "01234567");
    run_until(&b.judged);
    pairing_run_cancel(b.run);
    b.run = NULL;
    run_until(&a.over);
    ck_assert_int_eq(a.over, PAIRING_RUN_LOST);
    ck_assert_int_eq(b.over, 0);
}
END_TEST

START_TEST(test_another_code_is_wrong_for_both) {
    start(&b, false, "01234567");
    start(&a, true, "01234568");
    run_until(&a.over);
    ck_assert_int_eq(a.over, PAIRING_RUN_WRONG);
    ck_assert_str_eq(a.name, "");
    ck_assert_int_eq(b.judged, -1);
    ck_assert_int_eq(b.over, PAIRING_RUN_WRONG);
}
END_TEST

START_TEST(test_a_window_that_is_closed) {
    start(&a, true, "01234567");
    io_close(&fds[1]);
    run_until(&a.over);
    ck_assert_int_eq(a.over, PAIRING_RUN_CLOSED);
}
END_TEST

START_TEST(test_a_stranger_that_leaves_is_not_judged) {
    start(&b, false, "01234567");
    start(&a, true, "01234567");
    uv_run(&loop, UV_RUN_NOWAIT); /* A has spoken */
    pairing_run_cancel(a.run);
    a.run = NULL;
    run_until(&b.over);
    ck_assert_int_eq(b.over, PAIRING_RUN_LOST);
    ck_assert_int_eq(b.judged, 0);
}
END_TEST

START_TEST(test_noise_is_no_pairing) {
    uint8_t noise[78];
    start(&b, false, "01234567");
    randombytes_buf(noise, sizeof noise);
    ck_assert_int_eq(io_write_full(fds[0], noise, sizeof noise), 0);
    run_until(&b.over);
    ck_assert_int_eq(b.over, PAIRING_RUN_REFUSED);
    ck_assert_int_eq(b.judged, 0);
}
END_TEST

START_TEST(test_a_message_may_come_in_pieces) {
    static const uint8_t size = 78;
    uint8_t bytes[78];
    int between[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, between), 0);
    start(&b, false, "01234567");
    int to_b = fds[0];
    fds[0] = between[0];
    start(&a, true, "01234567");
    while (recv(between[1], bytes, size, MSG_PEEK | MSG_DONTWAIT) != size)
        uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_int_eq(recv(between[1], bytes, size, 0), size);
    for (uint8_t i = 0; i < size; i++) {
        ck_assert_int_lt(recv(to_b, bytes, 1, MSG_PEEK | MSG_DONTWAIT), 0);
        ck_assert_int_eq(io_write_full(to_b, &bytes[i], 1), 0);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    ck_assert_int_eq(b.over, 0);
    while (recv(to_b, bytes, 1, MSG_PEEK | MSG_DONTWAIT) != 1) /* B has answered */
        uv_run(&loop, UV_RUN_NOWAIT);
    close(to_b);
    close(between[1]);
}
END_TEST

Suite *suite_pairing(void) {
    Suite *suite = suite_create("pairing");
    TCase *rule = tcase_create("rules");
    TCase *runs = tcase_create("runs");
    tcase_add_checked_fixture(rule, open_rules, NULL);
    tcase_add_test(rule, test_nothing_is_open_by_itself);
    tcase_add_test(rule, test_it_is_open_for_two_minutes);
    tcase_add_test(rule, test_three_wrong_ones_close_it);
    tcase_add_test(rule, test_a_new_code_has_all_its_tries);
    tcase_add_test(rule, test_runs_that_stop_cost_nothing);
    tcase_add_test(rule, test_two_runs_for_an_address);
    tcase_add_test(rule, test_eight_runs_in_all);
    tcase_add_test(rule, test_who_takes_long_makes_room);
    tcase_add_test(rule, test_of_one_address_only_its_own_makes_room);
    tcase_add_test(rule, test_the_first_right_one_is_the_only_one);
    suite_add_tcase(suite, rule);
    tcase_add_checked_fixture(runs, set_up_runs, tear_down_runs);
    tcase_add_test(runs, test_the_same_code_proves_both);
    tcase_add_test(runs, test_nothing_is_told_before_it_is_confirmed);
    tcase_add_test(runs, test_what_is_not_confirmed_is_not_proven);
    tcase_add_test(runs, test_another_code_is_wrong_for_both);
    tcase_add_test(runs, test_a_window_that_is_closed);
    tcase_add_test(runs, test_a_stranger_that_leaves_is_not_judged);
    tcase_add_test(runs, test_noise_is_no_pairing);
    tcase_add_test(runs, test_a_message_may_come_in_pieces);
    suite_add_tcase(suite, runs);
    return suite;
}
