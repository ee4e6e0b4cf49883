#include "tests/sim/client.h"

#include "base/chan.h"
#include "base/io.h"
#include "node/common/ask.h"
#include "proto/local.h"
#include "proto/msg.h"
#include "tests/sim/trace.h"
#include "tests/sim/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define SECOND 1000000000u

static int say_paths(int fd, const struct client_order *order) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Paths paths = FXNODE__CONTROL__PATHS__INIT;
    ProtobufCBinaryData data[8];

    for (size_t i = 0; i < order->count; i++)
        data[i] = (ProtobufCBinaryData){strlen(order->paths[i]), (uint8_t *)order->paths[i]};
    paths.n_paths = order->count;
    paths.paths = data;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_PATHS;
    request.paths = &paths;
    return ask_send(fd, &request);
}

/* The id says what is meant, so that nothing is sent twice where the answer got lost. */
static int say_send(int fd, const struct client_order *order) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Send body = FXNODE__CONTROL__SEND__INIT;

    body.peer = (char *)(uintptr_t)order->peer;
    body.id = (ProtobufCBinaryData){sizeof order->id, (uint8_t *)(uintptr_t)order->id};
    body.again = true;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_SEND;
    request.send = &body;
    return ask_send(fd, &request);
}

/* 1: it is over, with *status; 0: not yet. */
static int take_event(const Fxnode__Control__Event *event, int *status) {
    if (event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER && event->transfer->number != 0)
        watch_queued(event->transfer->number);
    if (event->body_case != FXNODE__CONTROL__EVENT__BODY_RESULT)
        return 0;
    *status = event->result->status;
    trace("status %d: %s", *status, event->result->text);
    if (*status != 0)
        watch_refused(*status, event->result->text);
    return 1;
}

/* Until the result or the node's end. */
static int listen_to(int fd) {
    struct chan_packet *packet = malloc(sizeof *packet);
    struct msg_arena *arena = NULL;
    const Fxnode__Control__Event *event = NULL;
    struct fail why = {0};
    int status = -1;
    int over = msg_arena_new(&arena, LIMIT_ARENA);

    while (over == 0 && chan_receive(fd, packet, 0) == 1) {
        if (local_decode_event(arena, packet->data, packet->length, &event, &why) != 0)
            break;
        over = take_event(event, &status);
    }
    msg_arena_free(arena);
    free(packet);
    return status;
}

static int try(const struct client_order *order) {
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/run/control"};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int status = -1;

    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0 && ask_hello(fd) == 0 &&
        say_paths(fd, order) == 0 && say_send(fd, order) == 0)
        status = listen_to(fd);
    io_close(&fd);
    return status;
}

static void *run(void *arg) {
    const struct client_order *order = arg;

    while (try(order) != 0)
        nanosleep(&(struct timespec){.tv_nsec = (long)(SECOND / 4)}, NULL);
    watch_delivered();
    return NULL;
}

struct process *client_start(struct machine *machine, const struct client_order *order) {
    return process_start(machine, NULL, "send", run, (void *)(uintptr_t)order);
}
