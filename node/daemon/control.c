#include "node/daemon/control.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/client.h"
#include "node/daemon/helperproc.h"
#include "node/daemon/outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_CLIENTS 64
#define CONTROL_PAUSE_MS 1000u         /* without accepting, where nothing can be accepted */
#define CONTROL_FIRST_CLIENT_MS 15000u /* a transient node waits no longer for its command */

struct control {
    struct node *node;
    struct control_events events;
    int fd;
    uv_poll_t poll;
    uv_timer_t pause;
    uv_timer_t alone; /* a transient node without its first client */
    int open_handles;
    struct client *first;
    size_t count;
    bool closing;
    char path[108];
};

/* Clients. */

void control_unlink(struct control *control, struct client *client) {
    struct client **at = &control->first;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    control->count--;
}

void control_desert(struct control *control) {
    if (control->count == 0 && control->node->transient && !control->closing)
        control->events.deserted(control->node);
}

/* The socket. */

/* The node's own helpers face the network, and have no business here. */
static bool is_allowed(const struct control *control, int fd) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0) &&
           !helperproc_is_one(control->node->loop, peer.pid);
}

static void add_client(struct control *control, int fd) {
    struct client *client = client_new(control, control->node, fd);
    if (client == NULL)
        return;
    client->next = control->first;
    control->first = client;
    control->count++;
    uv_timer_stop(&control->alone);
}

static void on_incoming(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer) {
    struct control *control = timer->data;
    uv_poll_start(&control->poll, UV_READABLE, on_incoming);
}

/* Without descriptors accept() would fail, and the socket stay readable, for ever. */
static void pause_listening(struct control *control, int error) {
    log_error("cannot take commands for a second: %s", strerror(error));
    uv_poll_stop(&control->poll);
    uv_timer_start(&control->pause, on_pause_over, CONTROL_PAUSE_MS, 0);
}

static void on_incoming(uv_poll_t *poll, int status, int events) {
    struct control *control = poll->data;
    (void)status;
    (void)events;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            pause_listening(control, errno);
        return;
    }
    if (is_allowed(control, fd) && control->count < CONTROL_CLIENTS)
        add_client(control, fd);
    else
        close(fd);
}

static int make_directory(const char *path, struct fail *fail) {
    char copy[108];
    char shown[ESCAPE_ROOM(108)];
    snprintf(copy, sizeof copy, "%s", path);
    const char *directory = dirname(copy);
    if (mkdir(directory, 0700) == 0 || errno == EEXIST)
        return 0;
    return fail_set(fail, -errno, "cannot make the directory of the control socket %s",
                    escape_text(shown, sizeof shown, path));
}

/* Whether a node listens at `at`; a socket that nobody answers is removed. */
static bool is_taken(int fd, const struct sockaddr_un *at) {
    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0)
        return true;
    if (errno == ECONNREFUSED)
        unlink(at->sun_path);
    return false;
}

static int bind_socket(int fd, const struct sockaddr_un *at) {
    mode_t before = umask(0177);
    int error = bind(fd, (const struct sockaddr *)at, sizeof *at) == 0 ? 0 : -errno;
    umask(before);
    if (error == 0 && listen(fd, CONTROL_CLIENTS) != 0)
        error = -errno;
    return error;
}

static int open_socket(struct control *control, struct fail *fail) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char shown[ESCAPE_ROOM(108)];
    int flags = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int probe = socket(AF_UNIX, flags, 0);
    int error = 0;

    escape_text(shown, sizeof shown, control->path);
    memcpy(at.sun_path, control->path, sizeof control->path);
    control->fd = socket(AF_UNIX, flags, 0);
    if (probe < 0 || control->fd < 0)
        error = fail_set(fail, -errno, "cannot make a socket");
    else if (is_taken(probe, &at))
        error = fail_set(fail, 0,
                         "another node listens on the control socket %s: choose another "
                         "with --socket",
                         shown);
    else if ((error = bind_socket(control->fd, &at)) != 0)
        fail_set(fail, error, "cannot listen on the control socket %s", shown);
    io_close(&probe);
    return error;
}

static void on_alone(uv_timer_t *timer) {
    control_desert(timer->data);
}

static void control_closed(uv_handle_t *handle) {
    struct control *control = handle->data;
    if (--control->open_handles == 0)
        free(control);
}

int control_open(struct control **out, struct node *node, const struct control_events *events,
                 struct fail *fail) {
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL)
        return fail_set(fail, -ENOMEM, "cannot open the control socket");
    control->node = node;
    control->events = *events;
    control->fd = -1;
    memcpy(control->path, node->locations.socket, sizeof control->path);

    int error = make_directory(control->path, fail);
    if (error == 0)
        error = open_socket(control, fail);
    if (error == 0 && (error = uv_poll_init(node->loop, &control->poll, control->fd)) != 0)
        fail_set(fail, error, "cannot watch the control socket");
    if (error != 0) {
        io_close(&control->fd);
        free(control);
        return error;
    }
    uv_timer_init(node->loop, &control->pause);
    uv_timer_init(node->loop, &control->alone);
    control->poll.data = control;
    control->pause.data = control;
    control->alone.data = control;
    control->open_handles = 3;
    uv_poll_start(&control->poll, UV_READABLE, on_incoming);
    if (node->transient)
        uv_timer_start(&control->alone, on_alone, CONTROL_FIRST_CLIENT_MS, 0);
    *out = control;
    return 0;
}

void control_close(struct control *control) {
    if (control == NULL || control->closing)
        return;
    control->closing = true;
    while (control->first != NULL) {
        client_flush(control->first);
        client_drop(control->first);
    }
    unlink(control->path);
    uv_close((uv_handle_t *)&control->poll, control_closed);
    uv_close((uv_handle_t *)&control->pause, control_closed);
    uv_close((uv_handle_t *)&control->alone, control_closed);
    io_close(&control->fd);
}

/* The copy lasts as long as the process, whose end tells the other daemon that the state is free.
 */
void control_retire(struct control *control, struct client *client) {
    if (fcntl(client->fd, F_DUPFD_CLOEXEC, 3) < 0)
        log_warn("the daemon that takes over may notice late: %s", strerror(errno));
    control->events.retire(control->node);
}

bool control_has_follower(const struct control *control, uint64_t number) {
    const struct client *client = control->first;
    while (client != NULL && client->follows != number)
        client = client->next;
    return client != NULL;
}

/* What happened. Clients are dropped by the loop only, so the list does not change meanwhile. */

void control_transfer_changed(struct control *control, const struct transfer *transfer) {
    for (struct client *at = control->first; at != NULL; at = at->next) {
        if (at->follows != transfer->record.number)
            continue;
        event_live_transfer(at, transfer);
        follow_changed(at, transfer);
    }
}

void control_transfer_progress(struct control *control, const struct transfer *transfer) {
    for (struct client *at = control->first; at != NULL; at = at->next) {
        uint64_t now = uv_now(control->node->loop);
        if (at->follows != transfer->record.number || now - at->progress_ms < CLIENT_PROGRESS_MS)
            continue;
        at->progress_ms = now;
        event_live_transfer(at, transfer);
    }
}

void control_transfer_noted(struct control *control, const struct transfer *transfer,
                            const struct note *note) {
    for (struct client *at = control->first; at != NULL; at = at->next)
        if (at->follows == transfer->record.number)
            event_note(at, note);
}

static void tell_watchers(struct control *control, const struct peers_line *line, bool gone) {
    for (struct client *at = control->first; at != NULL; at = at->next)
        if (at->watches_peers && !at->lists_peers)
            event_peer(at, line, gone);
}

void control_peer_updated(struct control *control, const uint8_t *key) {
    struct peers_line line;
    bool known = peers_line(control->node->peers, key, "", &line);
    if (!known)
        line = (struct peers_line){
            .has_key = true, .key = key, .name = "", .announced = "", .called = ""};
    tell_watchers(control, &line, !known);
}

void control_peer_changed(struct control *control, const struct discover_entry *entry, bool gone) {
    const uint8_t *key = entry->has_key ? entry->key : NULL;
    struct peers_line line;
    if (!peers_line(control->node->peers, key, entry->instance, &line))
        line = (struct peers_line){.has_key = entry->has_key,
                                   .key = entry->key,
                                   .name = entry->instance,
                                   .announced = "",
                                   .called = ""};
    tell_watchers(control, &line, gone && !line.online);
}

void control_peers_settled(struct control *control) {
    for (struct client *at = control->first; at != NULL; at = at->next)
        if (at->lists_peers)
            request_peers_tell(at);
}
