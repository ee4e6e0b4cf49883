#include "node/cli/client.h"

#include "base/chan.h"
#include "base/escape.h"
#include "base/io.h"
#include "node/cli/starter.h"
#include "node/common/ask.h"
#include "node/common/statedir.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define PATHS_ROOM (LIMIT_PACKET - 64)
#define STARTS 3             /* of a node, where another had the state directory */
#define LOOKS 20             /* for a node that may be on its way up; 50 ms apart */
#define LOOKS_WHILE_HELD 100 /* while one has the state directory and does not answer */

struct client {
    int chan;
    struct msg_arena *arena;
    struct client_welcome welcome;
    struct chan_packet packet;
};

/* 0 or -errno. */
static int connect_to(const char *path) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd;
    if (strlen(path) >= sizeof at.sun_path)
        return -ENAMETOOLONG;
    strcpy(at.sun_path, path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        int rc = -errno;
        io_close(&fd);
        return rc;
    }
    return fd;
}

/* The node's socket: the one that was named, else what the holder of the state directory names. */
static int find_node(const struct locations *where) {
    char named[PATH_MAX];
    if (!where->socket_given && statedir_socket(where->state, named, sizeof named)) {
        int fd = connect_to(named);
        if (fd >= 0)
            return fd;
    }
    return connect_to(where->socket);
}

static bool is_absent(int rc) {
    return rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENOTDIR;
}

/* Looks for a node for a while. `held` tells whether one had the state directory meanwhile. */
static int look_again(const struct locations *where, bool *held) {
    char named[PATH_MAX];
    int fd = -ENOENT;
    *held = false;
    for (int i = 0; i < LOOKS_WHILE_HELD; i++) {
        fd = find_node(where);
        if (fd >= 0)
            return fd;
        bool now = statedir_socket(where->state, named, sizeof named);
        if (!now && (*held || i >= LOOKS))
            return fd;
        *held = *held || now;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return fd;
}

/* The failure of a node to start is not believed at once: another command may have started one at
 * the same moment, or the one of the command before may be about to end. */
static int find_or_start(const struct locations *where, enum client_start start,
                         struct fail *fail) {
    int fd = find_node(where);
    if (!is_absent(fd) || start == CLIENT_NEVER_START)
        return fd;
    int rc = 0;
    bool held = true;
    for (int i = 0; i < STARTS && held; i++) {
        rc = starter_run(where, fail);
        if (rc == 0)
            return find_node(where);
        fd = look_again(where, &held);
        if (fd >= 0)
            return fd;
    }
    return rc;
}

/* What came of a request that was sent. */
static int sent(int rc, struct fail *fail) {
    if (rc == -EPIPE || rc == -ECONNRESET)
        return CLIENT_CLOSED;
    return rc < 0 ? fail_set(fail, rc, "cannot ask the node") : 0;
}

int client_request(struct client *client, const Fxnode__Control__Request *request,
                   struct fail *fail) {
    return sent(ask_send(client->chan, request), fail);
}

int client_paths(struct client *client, char *const *paths, size_t count, struct fail *fail) {
    ProtobufCBinaryData parts[64];
    size_t at = 0;
    int rc = 0;

    while (at < count && rc == 0) {
        Fxnode__Control__Paths body = FXNODE__CONTROL__PATHS__INIT;
        Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
        size_t used = 0;
        size_t n = 0;
        while (at < count && n < 64 && used + strlen(paths[at]) + 8 <= PATHS_ROOM) {
            parts[n].data = (uint8_t *)paths[at];
            parts[n].len = strlen(paths[at]);
            used += parts[n++].len + 8;
            at++;
        }
        body.paths = parts;
        body.n_paths = n;
        request.body_case = FXNODE__CONTROL__REQUEST__BODY_PATHS;
        request.paths = &body;
        rc = client_request(client, &request, fail);
    }
    return rc;
}

/* Time until `until_ms`; NULL where there is no end. */
static const struct timespec *time_left(uint64_t until_ms, struct timespec *room) {
    uint64_t now = io_now_ms();
    uint64_t left = until_ms > now ? until_ms - now : 0;
    room->tv_sec = (time_t)(left / 1000);
    room->tv_nsec = (long)(left % 1000) * 1000000;
    return until_ms != 0 ? room : NULL;
}

/* Waits until something can be received, or for what else ends waiting. */
static int wait_readable(int chan, const struct client_wait *wait) {
    struct pollfd fds[2] = {{.fd = chan, .events = POLLIN},
                            {.fd = wait->has_input ? wait->input : -1, .events = POLLIN}};
    for (;;) {
        struct timespec left;
        int ready = ppoll(fds, 2, time_left(wait->until_ms, &left), wait->unblocked);
        if (ready == 0)
            return CLIENT_TICK;
        if (ready > 0)
            return fds[0].revents == 0 ? CLIENT_INPUT : 0;
        if (errno != EINTR)
            return -errno;
        if (wait->unblocked != NULL)
            return CLIENT_SIGNAL;
    }
}

/* Lines for people come escaped. Some were made by a session, which reads strangers. */
static void mend(const Fxnode__Control__Event *event) {
    if (event->body_case == FXNODE__CONTROL__EVENT__BODY_NOTE)
        escape_mend(event->note->text);
    else if (event->body_case == FXNODE__CONTROL__EVENT__BODY_RESULT)
        escape_mend(event->result->text);
    else if (event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER)
        escape_mend(event->transfer->reason);
}

int client_next(struct client *client, const Fxnode__Control__Event **event,
                const struct client_wait *wait, struct fail *fail) {
    static const struct client_wait for_ever = {0};
    struct fail why = {.text = "no memory"};
    int rc = wait_readable(client->chan, wait != NULL ? wait : &for_ever);

    if (rc > 0)
        return rc;
    if (rc == 0)
        rc = chan_receive(client->chan, &client->packet, 0);
    if (rc == 0 || rc == -ECONNRESET)
        return CLIENT_CLOSED;
    if (rc < 0)
        return fail_set(fail, rc, "cannot hear the node");
    chan_drop_fds(&client->packet);
    rc = local_decode_event(client->arena, client->packet.data, client->packet.length, event, &why);
    if (rc != 0)
        return fail_set(fail, 0,
                        "the node said something that this program does not understand "
                        "(%s): restart the daemon after an update",
                        why.text);
    mend(*event);
    return 0;
}

static int greet(struct client *client, struct fail *fail) {
    const Fxnode__Control__Event *event = NULL;

    int rc = sent(ask_hello(client->chan), fail);
    if (rc == 0)
        rc = client_next(client, &event, NULL, fail);
    if (rc != 0 || event == NULL)
        return rc;
    if (event->body_case == FXNODE__CONTROL__EVENT__BODY_RESULT)
        return fail_set(fail, 0, "%s", event->result->text);
    if (event->body_case != FXNODE__CONTROL__EVENT__BODY_WELCOME ||
        event->welcome->version != ASK_VERSION || event->welcome->key.len != LIMIT_KEY)
        return fail_set(fail, 0, "the running node is of another version: restart it");
    client->welcome.transient = event->welcome->transient;
    memcpy(client->welcome.key, event->welcome->key.data, LIMIT_KEY);
    client->welcome.port = event->welcome->port;
    snprintf(client->welcome.name, sizeof client->welcome.name, "%s", event->welcome->name);
    snprintf(client->welcome.program, sizeof client->welcome.program, "%s",
             event->welcome->program);
    return 0;
}

static int describe(int rc, const struct locations *where, struct fail *fail) {
    char shown[256];
    return fail_set(fail, rc, "cannot reach the node at %s",
                    escape_text(shown, sizeof shown, where->socket));
}

int client_open(struct client **out, const struct locations *where, enum client_start start,
                struct fail *fail) {
    struct client *client = calloc(1, sizeof *client);
    int rc = 0;

    if (client == NULL || msg_arena_new(&client->arena, LIMIT_ARENA) < 0) {
        free(client);
        return fail_set(fail, -ENOMEM, "cannot reach the node");
    }
    fail->text[0] = '\0';
    client->chan = find_or_start(where, start, fail);
    if (client->chan < 0)
        rc = is_absent(client->chan) && start == CLIENT_NEVER_START ? CLIENT_NO_NODE
             : fail->text[0] != '\0'                                ? client->chan
                                     : describe(client->chan, where, fail);
    if (rc == 0)
        rc = greet(client, fail);
    if (rc != 0) {
        client_close(client);
        return rc;
    }
    *out = client;
    return 0;
}

const struct client_welcome *client_welcome(const struct client *client) {
    return &client->welcome;
}

void client_close(struct client *client) {
    if (client == NULL)
        return;
    io_close(&client->chan);
    msg_arena_free(client->arena);
    free(client);
}
