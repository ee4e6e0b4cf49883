#include "base/chan.h"
#include "base/io.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static struct chan_packet packet;

static void set_up(void) {
    ck_assert_int_eq(chan_pair(ends), 0);
    memset(&packet, 0xee, sizeof packet);
}

static void tear_down(void) {
    io_close(&ends[0]);
    io_close(&ends[1]);
}

static int count_open(void) {
    int open = 0;
    for (int fd = 0; fd < 256; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

START_TEST(test_the_pair_is_close_on_exec) {
    ck_assert_int_ne(fcntl(ends[0], F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(ends[1], F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

START_TEST(test_messages_keep_their_borders) {
    ck_assert_int_eq(chan_send(ends[0], "one", 3, NULL, 0, 0), 0);
    ck_assert_int_eq(chan_send(ends[0], "second", 6, NULL, 0, 0), 0);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_uint_eq(packet.length, 3);
    ck_assert_mem_eq(packet.data, "one", 3);
    ck_assert_uint_eq(packet.fd_count, 0);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_uint_eq(packet.length, 6);
    ck_assert_mem_eq(packet.data, "second", 6);
}
END_TEST

START_TEST(test_the_largest_message) {
    static uint8_t big[LIMIT_PACKET + 1];
    memset(big, 0x5a, sizeof big);
    ck_assert_int_eq(chan_send(ends[0], big, LIMIT_PACKET, NULL, 0, 0), 0);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_uint_eq(packet.length, LIMIT_PACKET);
    ck_assert_mem_eq(packet.data, big, LIMIT_PACKET);
    ck_assert_int_eq(chan_send(ends[0], big, LIMIT_PACKET + 1, NULL, 0, 0), -EMSGSIZE);
}
END_TEST

/* What a stranger with the same kind of socket may send. */
START_TEST(test_truncated_packets) {
    static uint8_t big[LIMIT_PACKET + 1];
    ck_assert_int_eq(send(ends[0], big, sizeof big, 0), (ssize_t)sizeof big);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), -EBADMSG);
    ck_assert_int_eq(chan_send(ends[0], "still", 5, NULL, 0, 0), 0);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_uint_eq(packet.length, 5);
}
END_TEST

START_TEST(test_descriptors_travel) {
    int pipes[2];
    char byte = 0;
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(chan_send(ends[0], "fd", 2, pipes, 2, 0), 0);
    io_close(&pipes[0]);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_uint_eq(packet.fd_count, 2);
    ck_assert_int_ne(fcntl(packet.fds[0], F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_eq(write(pipes[1], "x", 1), 1);
    ck_assert_int_eq(read(packet.fds[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    io_close(&pipes[1]);
    chan_drop_fds(&packet);
}
END_TEST

START_TEST(test_drop_leaves_what_was_taken) {
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(chan_send(ends[0], "fd", 2, pipes, 2, 0), 0);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    int taken = packet.fds[0];
    int dropped = packet.fds[1];
    packet.fds[0] = -1;
    chan_drop_fds(&packet);
    ck_assert_int_ge(fcntl(taken, F_GETFD), 0);
    ck_assert_int_lt(fcntl(dropped, F_GETFD), 0);
    io_close(&taken);
    io_close(&pipes[0]);
    io_close(&pipes[1]);
}
END_TEST

static void send_descriptors(int socket, size_t length, size_t count) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * 16)];
    } control;
    int fds[16];
    char byte = 'x';
    struct iovec piece = {&byte, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control};
    memset(&control, 0, sizeof control);
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (size_t i = 0; i < count; i++)
        fds[i] = STDERR_FILENO;
    memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
    ck_assert_int_eq(sendmsg(socket, &message, 0), (ssize_t)length);
}

START_TEST(test_too_many_descriptors_do_not_leak) {
    int before = count_open();
    send_descriptors(ends[0], 1, LIMIT_PACKET_FDS + 1 + (size_t)_i);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), -EBADMSG);
    ck_assert_int_eq(count_open(), before);
}
END_TEST

START_TEST(test_as_many_descriptors_as_allowed) {
    int before = count_open();
    send_descriptors(ends[0], 1, LIMIT_PACKET_FDS);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_uint_eq(packet.fd_count, LIMIT_PACKET_FDS);
    chan_drop_fds(&packet);
    ck_assert_int_eq(count_open(), before);
}
END_TEST

START_TEST(test_an_empty_packet_ends_the_channel) {
    int before = count_open();
    ck_assert_int_eq(send(ends[0], "", 0, 0), 0);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 0);
    send_descriptors(ends[0], 0, 2);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), -EBADMSG);
    ck_assert_int_eq(count_open(), before);
}
END_TEST

START_TEST(test_nothing_there_and_end_of_file) {
    ck_assert_int_eq(chan_receive(ends[1], &packet, MSG_DONTWAIT), -EAGAIN);
    ck_assert_int_eq(chan_send(ends[0], "last", 4, NULL, 0, 0), 0);
    io_close(&ends[0]);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 0);
    ck_assert_int_eq(chan_receive(ends[1], &packet, MSG_DONTWAIT), 0);
}
END_TEST

/* The system tells first that our last words were not read. */
START_TEST(test_last_words_of_an_end_that_did_not_listen) {
    ck_assert_int_eq(chan_send(ends[0], "one", 3, NULL, 0, 0), 0);
    ck_assert_int_eq(chan_send(ends[0], "last", 4, NULL, 0, 0), 0);
    ck_assert_int_eq(chan_send(ends[1], "unread", 6, NULL, 0, 0), 0);
    io_close(&ends[0]);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_uint_eq(packet.length, 3);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 1);
    ck_assert_mem_eq(packet.data, "last", 4);
    ck_assert_int_eq(chan_receive(ends[1], &packet, 0), 0);
}
END_TEST

START_TEST(test_full) {
    int code = 0;
    for (int i = 0; i < 100000 && code == 0; i++)
        code = chan_send(ends[0], "fill", 4, NULL, 0, MSG_DONTWAIT);
    ck_assert_int_eq(code, -EAGAIN);
}
END_TEST

/* Without MSG_NOSIGNAL the default action of SIGPIPE would end this process. */
START_TEST(test_broken) {
    ck_assert_ptr_ne(signal(SIGPIPE, SIG_DFL), SIG_ERR);
    io_close(&ends[1]);
    ck_assert_int_eq(chan_send(ends[0], "gone", 4, NULL, 0, MSG_DONTWAIT), -EPIPE);
}
END_TEST

Suite *suite_chan(void) {
    Suite *suite = suite_create("chan");
    TCase *tc = tcase_create("chan");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_the_pair_is_close_on_exec);
    tcase_add_test(tc, test_messages_keep_their_borders);
    tcase_add_test(tc, test_the_largest_message);
    tcase_add_test(tc, test_truncated_packets);
    tcase_add_test(tc, test_descriptors_travel);
    tcase_add_test(tc, test_drop_leaves_what_was_taken);
    tcase_add_loop_test(tc, test_too_many_descriptors_do_not_leak, 0, 10);
    tcase_add_test(tc, test_as_many_descriptors_as_allowed);
    tcase_add_test(tc, test_nothing_there_and_end_of_file);
    tcase_add_test(tc, test_an_empty_packet_ends_the_channel);
    tcase_add_test(tc, test_last_words_of_an_end_that_did_not_listen);
    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_broken);
    suite_add_tcase(suite, tc);
    return suite;
}
