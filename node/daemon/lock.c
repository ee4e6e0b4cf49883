#include "node/daemon/lock.h"

#include "base/chan.h"
#include "base/escape.h"
#include "base/io.h"
#include "node/common/ask.h"
#include "proto/local.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define LOCK_WAIT_S 15 /* for an answer, and for the other's end */
#define LOCK_ARENA 65536
#define LOCK_TRIES 50
#define LOCK_PAUSE_NS 100000000

static int connect_to(const char *path) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = LOCK_WAIT_S};
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

static int say_retire(int fd) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Retire retire = FXNODE__CONTROL__RETIRE__INIT;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_RETIRE;
    request.retire = &retire;
    return ask_send(fd, &request);
}

/* Reads until the other node has ended: end of file. */
static bool await_end(int fd, struct chan_packet *packet) {
    int got;
    while ((got = chan_receive(fd, packet, 0)) == 1)
        chan_drop_fds(packet);
    return got == 0 || got == -ECONNRESET;
}

static void wait_a_moment(void) {
    nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
}

/* Whether the node at the other end is gone: it was transient and has retired, or it was ending
 * before it said anything. */
static bool has_ended(int fd, struct chan_packet *packet, struct msg_arena *arena) {
    const Fxnode__Control__Event *event = NULL;
    struct fail why;
    int got = ask_hello(fd) == 0 ? chan_receive(fd, packet, 0) : 0;
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
    bool ended =
        packet != NULL && msg_arena_new(&arena, LOCK_ARENA) == 0 && has_ended(fd, packet, arena);
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

int lock_take(struct statedir *dir, const char *path, struct fail *fail) {
    char shown[512];
    int result = statedir_lock(dir, path, fail);

    for (int i = 0; i < LOCK_TRIES && result == STATEDIR_LOCKED && may_be_free(path); i++)
        result = statedir_lock(dir, path, fail);
    if (result != STATEDIR_LOCKED)
        return result;
    escape_text(shown, sizeof shown, path);
    return fail_set(
        fail, 0, "another node runs on the state directory %s: choose another with --state", shown);
}
