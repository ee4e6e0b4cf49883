#include "node/cli/starter.h"

#include "base/io.h"
#include "node/common/part.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READY "READY=1"

/* A datagram socket with an automatic abstract name, for the READY message. `name` receives it as
 * sd_notify takes it ("@..."). */
static int open_notify(char name[64]) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t length = sizeof at;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&at, sizeof at.sun_family) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) != 0) {
        int rc = -errno;
        io_close(&fd);
        return rc;
    }
    snprintf(name, 64, "@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
             at.sun_path + 1);
    return fd;
}

/* The child: a session of its own, so that Ctrl-C of the command does not reach it. */
_Noreturn static void become_node(const struct part *daemon, const struct locations *where,
                                  const char *notify, int errors) {
    char *const argv[] = {
        (char *)"fxnode",      (char *)"daemon",
        (char *)"--transient", (char *)"--state",
        (char *)where->state,  (char *)"--socket",
        (char *)where->socket, where->config_given ? (char *)"--config" : NULL,
        (char *)where->config, NULL,
    };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    sigset_t none;

    sigemptyset(&none); /* the command may have blocked what the node listens for */
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    setenv("NOTIFY_SOCKET", notify, 1);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(errors, 2) < 0)
        _exit(1);
    part_become(daemon, argv);
    _exit(1);
}

/* Reads until READY, or until the child has closed its standard error by ending; the last line it
 * said is in `fail` then. */
static int await(int notify, int errors, struct fail *fail) {
    char said[sizeof fail->text] = "";
    size_t length = 0;

    for (;;) {
        struct pollfd fds[] = {{.fd = notify, .events = POLLIN}, {.fd = errors, .events = POLLIN}};
        char datagram[64] = "";
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return fail_set(fail, -errno, "cannot wait for a node to start");
        if ((fds[0].revents & POLLIN) != 0 &&
            recv(notify, datagram, sizeof datagram - 1, MSG_DONTWAIT) > 0 &&
            strstr(datagram, READY) != NULL)
            return 0;
        if (fds[1].revents == 0)
            continue;
        ssize_t got = read(errors, said + length, sizeof said - 1 - length);
        if (got > 0) {
            length = (length + (size_t)got) % (sizeof said - 1);
            continue;
        }
        said[length] = '\0';
        said[strcspn(said, "\n")] = '\0';
        if (strncmp(said, "fxnode: ", 8) == 0)
            memmove(said, said + 8, strlen(said + 8) + 1);
        return fail_set(fail, 0, "%s", length > 0 ? said : "a node could not be started");
    }
}

int starter_run(const struct locations *where, struct fail *fail) {
    char name[64];
    int errors[2] = {-1, -1};
    struct part daemon = {.fd = -1};
    int notify = -1;
    int rc = part_open(&daemon, "daemon", fail);

    if (rc < 0)
        return rc;
    notify = open_notify(name);
    if (notify < 0 || pipe2(errors, O_CLOEXEC) != 0) {
        rc = fail_set(fail, notify < 0 ? notify : -errno, "cannot start a node");
        goto out;
    }
    pid_t child = fork();
    if (child == 0)
        become_node(&daemon, where, name, errors[1]);
    io_close(&errors[1]);
    rc = child < 0 ? fail_set(fail, -errno, "cannot start a node") : await(notify, errors[0], fail);
    io_close(&errors[0]);
out:
    io_close(&notify);
    part_close(&daemon);
    return rc;
}
