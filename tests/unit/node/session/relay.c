#include "relay.h"

#include "base/io.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* Passes on what there is at one end; false where that is its end, or the other's. */
static bool pass(int from, int to, uint64_t *left) {
    static char data[1 << 16];
    ssize_t got = read(from, data, *left < sizeof data ? (size_t)*left : sizeof data);

    if (got <= 0 || io_write_full(to, data, (size_t)got) < 0) {
        shutdown(to, SHUT_WR);
        return false;
    }
    *left -= (uint64_t)got;
    return true;
}

/* Until both have said all, or enough has passed. */
static void run(const int ends[2], uint64_t left) {
    struct pollfd fds[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = ends[1], .events = POLLIN}};

    while (left > 0 && (fds[0].fd >= 0 || fds[1].fd >= 0)) {
        if (poll(fds, 2, -1) < 0)
            _exit(1);
        for (int i = 0; i < 2; i++)
            if (left > 0 && fds[i].revents != 0 && !pass(ends[i], ends[1 - i], &left))
                fds[i].fd = -1;
    }
}

static pid_t open_relay(int fds[2], uint64_t bytes, void (*happens)(void)) {
    int pairs[2][2];

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        const int ends[] = {pairs[0][1], pairs[1][1]};
        /* Channels above all: that a session has ended is seen by their end. */
        for (int fd = 3; fd < ends[1]; fd++)
            if (fd != ends[0])
                close(fd);
        signal(SIGPIPE, SIG_IGN);
        run(ends, bytes);
        if (happens != NULL) {
            happens();
            run(ends, UINT64_MAX);
        }
        _exit(0);
    }
    for (int i = 0; i < 2; i++) {
        close(pairs[i][1]);
        fds[i] = pairs[i][0];
    }
    return pid;
}

pid_t relay_open(int fds[2], uint64_t bytes) {
    return open_relay(fds, bytes, NULL);
}

pid_t relay_open_until(int fds[2], uint64_t bytes, void (*happens)(void)) {
    const int room = 32 * 1024; /* the kernel takes it twice, and a little more */
    pid_t pid = open_relay(fds, bytes, happens);

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    return pid;
}
