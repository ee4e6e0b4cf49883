/* Which congestion control a connection gets, by what is seen of it. */

#include "node/session/congestion.h"

#include "base/io.h"

#include <check.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    enum congestion_mode before;
    struct congestion_figures figures;
    enum congestion_mode after;
} cases[] = {
    /* At once, by the round trip of the handshake. */
    {CONGESTION_PACED, {.rtt_us = 40}, CONGESTION_PLAIN},
    {CONGESTION_PACED, {.rtt_us = 1100}, CONGESTION_PLAIN},
    {CONGESTION_PACED, {.rtt_us = 5000}, CONGESTION_PACED},
    {CONGESTION_PACED, {.rtt_us = 40000}, CONGESTION_PACED},
    {CONGESTION_PACED, {.rtt_us = 0}, CONGESTION_PACED},
    /* A clean one stays as it is; a few segments lost are not many. */
    {CONGESTION_PLAIN, {.rtt_us = 40, .segments = 1000000}, CONGESTION_PLAIN},
    {CONGESTION_PLAIN, {.rtt_us = 40, .segments = 20000, .lost = 10}, CONGESTION_PLAIN},
    {CONGESTION_PLAIN, {.rtt_us = 40, .segments = 1000, .lost = 1}, CONGESTION_PLAIN},
    {CONGESTION_PLAIN, {.rtt_us = 40, .segments = 30, .lost = 30}, CONGESTION_PLAIN},
    /* One that loses goes back for good. */
    {CONGESTION_PLAIN, {.rtt_us = 40, .segments = 20000, .lost = 20}, CONGESTION_LEFT},
    {CONGESTION_PLAIN, {.rtt_us = 1100, .segments = 1000, .lost = 10}, CONGESTION_LEFT},
    {CONGESTION_PACED, {.rtt_us = 40, .segments = 20000, .lost = 20}, CONGESTION_LEFT},
    {CONGESTION_PACED, {.rtt_us = 40000, .segments = 20000, .lost = 20}, CONGESTION_LEFT},
    /* And what is not ours stays so. */
    {CONGESTION_LEFT, {.rtt_us = 40, .segments = 1000000}, CONGESTION_LEFT},
};

START_TEST(near_and_clean_is_loss_based) {
    ck_assert_int_eq(congestion_judge(cases[_i].before, &cases[_i].figures), cases[_i].after);
}
END_TEST

/* The two ends of a connection over loopback. */
static void connect_pair(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(ends[0], (struct sockaddr *)&address, length), 0);
    ends[1] = accept(listener, NULL, NULL);
    ck_assert_int_ge(ends[1], 0);
    close(listener);
}

static const char *used(int fd) {
    static char name[17];
    socklen_t length = sizeof name - 1;

    memset(name, 0, sizeof name);
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length), 0);
    return name;
}

/* Whatever the default is here: one that does not pace is left alone, one that does gives way on
 * loopback where the system lets it. */
START_TEST(a_socket_gets_it) {
    struct congestion congestion;
    int ends[2];

    connect_pair(ends);
    if (setsockopt(ends[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0) {
        congestion_init(&congestion, ends[0], io_now_ms());
        ck_assert_int_eq(congestion.mode, CONGESTION_LEFT);
        ck_assert_str_eq(used(ends[0]), "reno");
    }
    if (setsockopt(ends[0], IPPROTO_TCP, TCP_CONGESTION, "bbr", 3) == 0) {
        congestion_init(&congestion, ends[0], io_now_ms());
        ck_assert(congestion.mode == CONGESTION_PLAIN || congestion.mode == CONGESTION_LEFT);
        ck_assert_int_eq(strcmp(used(ends[0]), "bbr") == 0, congestion.mode == CONGESTION_LEFT);
        ck_assert_str_eq(congestion.paced, "bbr");
    }
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(what_is_not_tcp_is_left_alone) {
    struct congestion congestion;
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    congestion_init(&congestion, ends[0], io_now_ms());
    ck_assert_int_eq(congestion.mode, CONGESTION_LEFT);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("congestion");
    TCase *tests = tcase_create("congestion");
    tcase_add_loop_test(tests, near_and_clean_is_loss_based, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tests, a_socket_gets_it);
    tcase_add_test(tests, what_is_not_tcp_is_left_alone);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
