#include "node/daemon/takeover.h"

#include "base/chan.h"
#include "base/escape.h"
#include "base/io.h"
#include "proto/local.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define TAKEOVER_WAIT_S 15 /* for an answer, and for the other's end */
#define TAKEOVER_ARENA 65536
#define TAKEOVER_TRIES 20
#define TAKEOVER_PAUSE_NS 100000000

static int connect_to(const char *path) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = TAKEOVER_WAIT_S};
    if (strlen(path) >= sizeof at.sun_path)
        return -ENAMETOOLONG;
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        int error = -errno;
        io_close(&fd);
        return error;
    }
    return fd;
}

static int send_request(int fd, const Fxnode__Control__Request *request) {
    uint8_t packet[256];
    int length = msg_encode(&request->base, packet, sizeof packet);
    return length < 0 ? length : chan_send(fd, packet, (size_t)length, NULL, 0, 0);
}

static int say_hello(int fd) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Hello hello = FXNODE__CONTROL__HELLO__INIT;
    hello.version = 1;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_HELLO;
    request.hello = &hello;
    return send_request(fd, &request);
}

static int say_retire(int fd) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Retire retire = FXNODE__CONTROL__RETIRE__INIT;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_RETIRE;
    request.retire = &retire;
    return send_request(fd, &request);
}

/* Reads until the other node has ended: end of file. */
static bool await_end(int fd, struct chan_packet *packet) {
    int got;
    while ((got = chan_receive(fd, packet, 0)) == 1)
        chan_drop_fds(packet);
    return got == 0 || got == -ECONNRESET;
}

static void wait_a_moment(void) {
    nanosleep(&(struct timespec){.tv_nsec = TAKEOVER_PAUSE_NS}, NULL);
}

/* Whether the node at the other end is gone: it was transient and has retired, or it was ending
 * before it said anything. */
static bool has_ended(int fd, struct chan_packet *packet, struct msg_arena *arena) {
    const Fxnode__Control__Event *event = NULL;
    struct fail why;
    int got = say_hello(fd) == 0 ? chan_receive(fd, packet, 0) : 0;
    if (got == 0 || got == -ECONNRESET) {
        wait_a_moment();
        return true;
    }
    if (got != 1)
        return false;
    chan_drop_fds(packet);
    return local_decode_event(arena, packet->data, packet->length, &event, &why) == 0 &&
           event->body_case == FXNODE__CONTROL__EVENT__BODY_WELCOME && event->welcome->transient &&
           say_retire(fd) == 0 && await_end(fd, packet);
}

/* Closes `fd`. */
static bool retire(int fd) {
    struct chan_packet *packet = malloc(sizeof *packet);
    struct msg_arena *arena = NULL;
    bool ended = packet != NULL && msg_arena_new(&arena, TAKEOVER_ARENA) == 0 &&
                 has_ended(fd, packet, arena);
    io_close(&fd);
    msg_arena_free(arena);
    free(packet);
    return ended;
}

/* Whether another try is worth it: the holder of the lock has ended, or nobody answers. Then a node
 * is just starting, or one was killed while it started a helper, which shares the lock until it is
 * executed. */
static bool may_be_free(const char *path) {
    char socket_path[PATH_MAX];
    int fd = -ENOENT;

    if (statedir_socket(path, socket_path, sizeof socket_path))
        fd = connect_to(socket_path);
    if (fd >= 0)
        return retire(fd);
    wait_a_moment();
    return true;
}

int takeover_lock(struct statedir *dir, const char *path, struct fail *fail) {
    char shown[512];
    int result = statedir_lock(dir, path, fail);

    for (int i = 0; i < TAKEOVER_TRIES && result == STATEDIR_LOCKED && may_be_free(path); i++)
        result = statedir_lock(dir, path, fail);
    if (result != STATEDIR_LOCKED)
        return result;
    escape_text(shown, sizeof shown, path);
    return fail_set(
        fail, 0, "another node runs on the state directory %s: choose another with --state", shown);
}
