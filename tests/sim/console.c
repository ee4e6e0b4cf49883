#include "tests/sim/console.h"

#include "base/chan.h"
#include "base/io.h"
#include "node/common/ask.h"
#include "proto/local.h"
#include "proto/msg.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

struct console {
    int fd;
    struct msg_arena *arena;
    struct chan_packet packet;
};

int console_ask(struct console *console, const Fxnode__Control__Request *request) {
    return ask_send(console->fd, request);
}

struct console *console_open(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/run/control"};
    struct console *console = calloc(1, sizeof *console);

    if (console == NULL)
        return NULL;
    console->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(console->fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        ask_hello(console->fd) == 0 && msg_arena_new(&console->arena, LIMIT_ARENA) == 0)
        return console;
    console_close(console);
    return NULL;
}

void console_close(struct console *console) {
    if (console == NULL)
        return;
    io_close(&console->fd);
    msg_arena_free(console->arena);
    free(console);
}

const Fxnode__Control__Event *console_next(struct console *console) {
    const Fxnode__Control__Event *event = NULL;
    struct fail why = {0};

    if (chan_receive(console->fd, &console->packet, 0) != 1 ||
        local_decode_event(console->arena, console->packet.data, console->packet.length, &event,
                           &why) != 0)
        return NULL;
    return event;
}
