#include "base/io.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG (4u * 1024 * 1024)

static int ends[2];

static void set_up(void) {
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void tear_down(void) {
    io_close(&ends[0]);
    io_close(&ends[1]);
}

static uint8_t *make_bytes(void) {
    uint8_t *bytes = malloc(BIG);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 253);
    return bytes;
}

static void *write_big(void *bytes) {
    int code = io_write_full(ends[0], bytes, BIG);
    return code == 0 ? bytes : NULL;
}

START_TEST(test_more_than_the_socket_holds) {
    uint8_t *bytes = make_bytes();
    uint8_t *back = malloc(BIG);
    pthread_t writer;
    void *wrote = NULL;
    ck_assert_ptr_nonnull(back);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_big, bytes), 0);
    ck_assert_int_eq(recv(ends[1], back, BIG, MSG_WAITALL), BIG);
    ck_assert_int_eq(pthread_join(writer, &wrote), 0);
    ck_assert_ptr_eq(wrote, bytes);
    ck_assert_int_eq(memcmp(bytes, back, BIG), 0);
    free(bytes);
    free(back);
}
END_TEST

/* What is under way is kept between calls, at both ends. */
START_TEST(test_sending_and_receiving_on) {
    uint8_t *bytes = make_bytes();
    uint8_t *back = malloc(BIG);
    const uint8_t *from = bytes;
    size_t left = BIG;
    size_t got = 0;
    ck_assert_ptr_nonnull(back);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fcntl(ends[i], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(io_receive_on(ends[1], back, BIG, &got), IO_AGAIN);
    while (io_send_on(ends[0], &from, &left) == IO_AGAIN) {
        ck_assert_uint_gt(left, 0);
        ck_assert_int_eq(io_receive_on(ends[1], back, BIG, &got), IO_AGAIN);
        ck_assert_uint_eq(got, BIG - left);
    }
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(io_receive_on(ends[1], back, BIG, &got), 0);
    ck_assert_int_eq(memcmp(bytes, back, BIG), 0);
    free(bytes);
    free(back);
}
END_TEST

START_TEST(test_receiving_on_at_the_end) {
    uint8_t back[8];
    size_t got = 0;
    ck_assert_int_eq(io_write_full(ends[0], "abc", 3), 0);
    io_close(&ends[0]);
    ck_assert_int_eq(io_receive_on(ends[1], back, 8, &got), -ECONNRESET);
    ck_assert_uint_eq(got, 3);
    ck_assert_int_eq(io_receive_on(ends[1], back, 3, &got), 0);
}
END_TEST

/* Without MSG_NOSIGNAL the default action of SIGPIPE would end this process. */
START_TEST(test_no_signal_from_a_broken_socket) {
    ck_assert_ptr_ne(signal(SIGPIPE, SIG_DFL), SIG_ERR);
    io_close(&ends[1]);
    ck_assert_int_eq(io_write_full(ends[0], "x", 1), -EPIPE);
}
END_TEST

START_TEST(test_pipes_work_too) {
    int pipes[2];
    char back[3];
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(io_write_full(pipes[1], "pqr", 3), 0);
    ck_assert_int_eq(read(pipes[0], back, 3), 3);
    ck_assert_mem_eq(back, "pqr", 3);
    io_close(&pipes[0]);
    io_close(&pipes[1]);
}
END_TEST

START_TEST(test_positions) {
    int fd = memfd_create("io", MFD_CLOEXEC);
    char back[16];
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(io_pwrite_full(fd, "hello", 5, 10), 0);
    ck_assert_int_eq(io_pread_full(fd, back, 5, 10), 5);
    ck_assert_mem_eq(back, "hello", 5);
    ck_assert_int_eq(io_pread_full(fd, back, sizeof back, 12), 3);
    ck_assert_mem_eq(back, "llo", 3);
    ck_assert_int_eq(io_pread_full(fd, back, sizeof back, 15), 0);
    ck_assert_int_eq(io_pread_full(fd, back, 2, 0), 2);
    ck_assert_mem_eq(back, "\0\0", 2);
    io_close(&fd);
}
END_TEST

START_TEST(test_a_full_disk) {
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(io_pwrite_full(fd, "x", 1, 0), -ENOSPC);
    ck_assert_int_eq(io_write_full(fd, "x", 1), -ENOSPC);
    io_close(&fd);
}
END_TEST

START_TEST(test_wrong_descriptors) {
    uint8_t byte;
    const uint8_t *from = &byte;
    size_t left = 1;
    size_t got = 0;
    ck_assert_int_eq(io_send_on(-1, &from, &left), -EBADF);
    ck_assert_int_eq(io_receive_on(-1, &byte, 1, &got), -EBADF);
    ck_assert_int_eq(io_write_full(-1, "x", 1), -EBADF);
    ck_assert_int_eq(io_pread_full(-1, &byte, 1, 0), -EBADF);
    ck_assert_int_eq(io_pwrite_full(-1, "x", 1, 0), -EBADF);
}
END_TEST

START_TEST(test_close_keeps_errno) {
    int fd = -1;
    errno = ENOTTY;
    io_close(&fd);
    ck_assert_int_eq(errno, ENOTTY);
    fd = dup(STDERR_FILENO);
    ck_assert_int_ge(fd, 0);
    int was = fd;
    errno = ENOTTY;
    io_close(&fd);
    ck_assert_int_eq(errno, ENOTTY);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_lt(fcntl(was, F_GETFD), 0);
}
END_TEST

START_TEST(test_clocks) {
    uint64_t before = io_now_ms();
    ck_assert_uint_ge(io_now_ms(), before);
    ck_assert_int_gt(io_wall_s(), 1600000000);
}
END_TEST

Suite *suite_io(void) {
    Suite *suite = suite_create("io");
    TCase *tc = tcase_create("io");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_more_than_the_socket_holds);
    tcase_add_test(tc, test_sending_and_receiving_on);
    tcase_add_test(tc, test_receiving_on_at_the_end);
    tcase_add_test(tc, test_no_signal_from_a_broken_socket);
    tcase_add_test(tc, test_pipes_work_too);
    tcase_add_test(tc, test_positions);
    tcase_add_test(tc, test_a_full_disk);
    tcase_add_test(tc, test_wrong_descriptors);
    tcase_add_test(tc, test_close_keeps_errno);
    tcase_add_test(tc, test_clocks);
    suite_add_tcase(suite, tc);
    return suite;
}
