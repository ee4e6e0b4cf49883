/*
 * Listener and dialer against each other, and against strangers, over loopback.
 */
#include "base/io.h"
#include "node/daemon/dialer.h"
#include "node/daemon/listener.h"
#include "suites.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uv_loop_t loop;
static struct identity server, caller;
static struct listener *listener;
static struct address at; /* the listener's */

static int arrivals;
static struct link arrived;
static struct dialer_result dialled;
static int dial_results;

static void make_identity(struct identity *identity) {
    identity->secret = sodium_malloc(LIMIT_KEY);
    ck_assert_ptr_nonnull(identity->secret);
    ck_assert_int_eq(crypto_box_keypair(identity->public_key, identity->secret), 0);
}

static void on_arrived(void *context, struct link *link) {
    (void)context;
    arrived = *link;
    arrivals++;
}

static bool is_known(void *context, const uint8_t *key) {
    (void)context;
    (void)key;
    return false;
}

static void on_dialled(void *context, struct dialer_result *result) {
    (void)context;
    dialled = *result;
    dial_results++;
}

static void setup(void) {
    struct config config;
    struct fail fail;
    config_defaults(&config);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    make_identity(&server);
    make_identity(&caller);
    struct listener_setup wanted = {.loop = &loop,
                                    .identity = &server,
                                    .config = &config,
                                    .arrived = on_arrived,
                                    .is_known = is_known};
    ck_assert_int_eq(listener_open(&listener, &wanted, &fail), 0);
    ck_assert(address_parse(&at, "127.0.0.1", listener_port(listener), ""));
    arrivals = dial_results = 0;
    arrived.fd = dialled.link.fd = -1;
}

static void teardown(void) {
    listener_close(listener);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0); /* nothing is left behind on the loop */
    io_close(&arrived.fd);
    io_close(&dialled.link.fd);
    identity_clear(&server);
    identity_clear(&caller);
}

static struct dialer_call call_of(const struct address *candidates, size_t count,
                                  const uint8_t *expected) {
    return (struct dialer_call){.loop = &loop,
                                .identity = &caller,
                                .name = "caller",
                                .purpose = HANDSHAKE_CONTROL,
                                .expected = expected,
                                .candidates = candidates,
                                .count = count,
                                .done = on_dialled};
}

static void dial(const struct dialer_call *call) {
    struct dialer *dialer;
    ck_assert_int_eq(dialer_start(&dialer, call), 0);
    ck_assert_int_eq(dial_results, 0);
    while (dial_results == 0 || (dialled.outcome == DIALER_CONNECTED && arrivals == 0))
        uv_run(&loop, UV_RUN_ONCE);
}

START_TEST(test_both_agree) {
    struct dialer_call call = call_of(&at, 1, server.public_key);
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_CONNECTED);
    ck_assert_mem_eq(arrived.result.peer, caller.public_key, LIMIT_KEY);
    ck_assert_mem_eq(dialled.link.result.peer, server.public_key, LIMIT_KEY);
    ck_assert_mem_eq(arrived.result.session, dialled.link.result.session, LIMIT_SESSION_ID);
    ck_assert_mem_eq(arrived.result.send_key, dialled.link.result.receive_key, LIMIT_KEY);
    ck_assert_uint_eq(arrived.result.name_length, 6);
    ck_assert_mem_eq(arrived.result.name, "caller", 6);
    /* The descriptors work, are blocking, and nothing of the stream behind was swallowed. */
    char byte = 0;
    ck_assert_int_eq(io_write_full(dialled.link.fd, "x", 1), 0);
    ck_assert_int_eq(read(arrived.fd, &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
}
END_TEST

START_TEST(test_a_wrong_key_is_told) {
    uint8_t other[LIMIT_KEY];
    memcpy(other, server.public_key, LIMIT_KEY);
    other[0] ^= 1;
    struct dialer_call call = call_of(&at, 1, other);
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_WRONG_KEY);
    ck_assert_mem_eq(dialled.met, server.public_key, LIMIT_KEY);
    ck_assert_int_eq(arrivals, 0);
}
END_TEST

static bool refuse(void *context, const uint8_t *key, const struct address *address) {
    (void)context;
    ck_assert_mem_eq(key, server.public_key, LIMIT_KEY);
    ck_assert(address_equal(address, &at));
    return false;
}

START_TEST(test_the_caller_may_decide) {
    struct dialer_call call = call_of(&at, 1, NULL);
    call.decide = refuse;
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_WRONG_KEY);
    ck_assert_int_eq(arrivals, 0);
}
END_TEST

START_TEST(test_itself_is_told) {
    struct dialer_call call = call_of(&at, 1, NULL);
    call.identity = &server;
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_SELF);
}
END_TEST

/* A loopback socket that is bound but does not listen: its port is nobody else's. */
static struct address silent(int *fd) {
    struct address address;
    socklen_t length = sizeof address.at.v4;
    ck_assert(address_parse(&address, "127.0.0.1", 0, ""));
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(*fd, &address.at.any, length), 0);
    ck_assert_int_eq(getsockname(*fd, &address.at.any, &length), 0);
    return address;
}

START_TEST(test_a_dead_candidate_is_passed_over) {
    int fd;
    struct address candidates[] = {silent(&fd), at};
    struct dialer_call call = call_of(candidates, 2, server.public_key);
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_CONNECTED);
    ck_assert(address_equal(&dialled.link.address, &at));
    close(fd);
}
END_TEST

START_TEST(test_nobody_there) {
    int fd;
    struct address dead = silent(&fd);
    struct dialer_call call = call_of(&dead, 1, NULL);
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_UNREACHABLE);
    ck_assert_int_eq(dialled.link.fd, -1);
    ck_assert_msg(strstr(dialled.text, "Connection refused") != NULL, "said: %s", dialled.text);
    close(fd);
}
END_TEST

/* A candidate that accepts and stays silent must not keep the next one from its turn. */
START_TEST(test_a_silent_candidate_is_overtaken) {
    int fd;
    struct address candidates[] = {silent(&fd), at};
    ck_assert_int_eq(listen(fd, 1), 0);
    struct dialer_call call = call_of(candidates, 2, server.public_key);
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_CONNECTED);
    close(fd);
}
END_TEST

/* Nor may two of them keep both handshakes to themselves until the end. */
START_TEST(test_silent_candidates_make_room) {
    int fds[2];
    struct address candidates[] = {silent(&fds[0]), silent(&fds[1]), at};
    ck_assert_int_eq(listen(fds[0], 1), 0);
    ck_assert_int_eq(listen(fds[1], 1), 0);
    struct dialer_call call = call_of(candidates, 3, server.public_key);
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_CONNECTED);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(test_cancel_leaves_nothing) {
    struct dialer_call call = call_of(&at, 1, NULL);
    struct dialer *dialer;
    ck_assert_int_eq(dialer_start(&dialer, &call), 0);
    uv_run(&loop, UV_RUN_ONCE);
    dialer_cancel(dialer);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_int_eq(dial_results, 0);
}
END_TEST

START_TEST(test_no_candidates) {
    struct dialer_call call = call_of(&at, 0, NULL);
    struct dialer *dialer;
    ck_assert_int_lt(dialer_start(&dialer, &call), 0);
}
END_TEST

static int connect_stranger(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, &at.at.any, address_length(&at)), 0);
    return fd;
}

/* Runs the loop until the stranger's connection is closed by the node; what it was sent is counted.
 */
static size_t run_until_closed(int fd) {
    char bytes[256];
    size_t got = 0;
    for (;;) {
        uv_run(&loop, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return got;
    }
}

START_TEST(test_garbage_is_cut_off) {
    int fd = connect_stranger();
    ck_assert_int_eq(io_write_full(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n0123456789abcdef0123", 48),
                     0);
    ck_assert_uint_eq(run_until_closed(fd), 0);
    ck_assert_int_eq(arrivals, 0);
    close(fd);
}
END_TEST

/* A stranger that speaks another version and has been answered. */
static int connect_from_the_future(uint8_t answer[9]) {
    static const uint8_t hello[11] = {'F', 'X', 'N', 'O', 'D', 'E', 0, 99, 1, 0, 0};
    int fd = connect_stranger();
    size_t got = 0;
    ck_assert_int_eq(io_write_full(fd, hello, sizeof hello), 0);
    while (got < 9) {
        uv_run(&loop, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, answer + got, 9 - got, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
    }
    return fd;
}

START_TEST(test_another_version_is_told) {
    uint8_t answer[9];
    int fd = connect_from_the_future(answer);
    ck_assert_mem_eq(answer, "FXNODE\0", 7);
    ck_assert_uint_eq(answer[7], HANDSHAKE_LOWEST);
    ck_assert_uint_eq(answer[8], HANDSHAKE_HIGHEST);
    close(fd);
}
END_TEST

/* Those that were answered and left are not waited for. */
START_TEST(test_another_version_leaves_at_once) {
    uint8_t answer[9];
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = connect_from_the_future(answer);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    uv_run(&loop, UV_RUN_NOWAIT);
    struct dialer_call call = call_of(&at, 1, server.public_key);
    dial(&call);
    ck_assert_int_eq(dialled.outcome, DIALER_CONNECTED);
}
END_TEST

/* Nor is everything read that they go on to send. */
START_TEST(test_another_version_is_not_heard_out) {
    static const uint8_t noise[4096];
    uint8_t answer[9];
    size_t sent = 0;
    int fd = connect_from_the_future(answer);
    for (;;) {
        ssize_t put = send(fd, noise, sizeof noise, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN)
            break;
        sent += put > 0 ? (size_t)put : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    ck_assert_uint_lt(sent, 1 << 20);
    close(fd);
}
END_TEST

START_TEST(test_the_fifth_stranger_of_an_address_is_closed) {
    int fds[5];
    for (int i = 0; i < 5; i++)
        fds[i] = connect_stranger();
    run_until_closed(fds[4]);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
}
END_TEST

Suite *suite_dialing(void) {
    Suite *suite = suite_create("dialing");
    TCase *test = tcase_create("dialing");
    tcase_set_timeout(test, 20);
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, test_both_agree);
    tcase_add_test(test, test_a_wrong_key_is_told);
    tcase_add_test(test, test_the_caller_may_decide);
    tcase_add_test(test, test_itself_is_told);
    tcase_add_test(test, test_a_dead_candidate_is_passed_over);
    tcase_add_test(test, test_nobody_there);
    tcase_add_test(test, test_a_silent_candidate_is_overtaken);
    tcase_add_test(test, test_silent_candidates_make_room);
    tcase_add_test(test, test_cancel_leaves_nothing);
    tcase_add_test(test, test_no_candidates);
    tcase_add_test(test, test_garbage_is_cut_off);
    tcase_add_test(test, test_another_version_is_told);
    tcase_add_test(test, test_another_version_leaves_at_once);
    tcase_add_test(test, test_another_version_is_not_heard_out);
    tcase_add_test(test, test_the_fifth_stranger_of_an_address_is_closed);
    suite_add_tcase(suite, test);
    return suite;
}
