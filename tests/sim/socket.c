#include "tests/sim/socket_parts.h"

#include "tests/sim/memory.h"
#include "tests/sim/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define MS 1000000u /* in ns */
#define CONNECT_MS 130000u
#define RESEND_MS 3000u

static struct {
    struct machine *const *machines;
    size_t count;
    struct socket *sockets;
    uint64_t slowest;
    uint64_t partition; /* nothing gets through before */
} network;

void socket_network(struct machine *const *machines, size_t count, uint64_t slowest) {
    network.machines = machines;
    network.count = count;
    network.sockets = NULL;
    network.slowest = slowest;
    network.partition = 0;
}

void socket_pace(uint64_t slowest) {
    network.slowest = slowest;
}

struct machine *socket_machine(uint32_t address) {
    for (size_t i = 0; i < network.count; i++)
        if (network.machines[i]->address == address)
            return network.machines[i];
    return NULL;
}

int socket_open(struct socket **out, struct machine *machine, int domain, int type) {
    struct socket *socket = memory_lasting(sizeof *socket);

    socket->machine = machine;
    socket->domain = domain;
    socket->type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    socket->in.last = &socket->in.first;
    socket->in.end_due = socket->in.reset_due = TASK_NEVER;
    socket->handle =
        handle_new(HANDLE_SOCKET, (type & SOCK_NONBLOCK) != 0 ? O_RDWR | O_NONBLOCK : O_RDWR);
    socket->handle->socket = socket;
    socket->next = network.sockets;
    network.sockets = socket;
    *out = socket;
    return 0;
}

static void look(void *arg) {
    struct pipe *pipe = arg;

    task_wake(pipe);
    task_wake(TASK_ANYTHING);
}

/* Everybody who waits for this direction looks now, and again when it is time. */
static void look_at(struct pipe *pipe, uint64_t due) {
    if (due > task_clock())
        task_at(due, look, pipe);
    else
        look(pipe);
}

/* When something that leaves now arrives. */
static uint64_t arrival(const struct socket *from, const struct pipe *pipe) {
    uint64_t due = task_clock();

    if (from->domain != AF_UNIX) {
        due += from->delay + task_draw(from->delay / 4 + 1);
        if (due < network.partition)
            due = network.partition + task_draw(RESEND_MS) * MS;
    }
    return due > pipe->newest ? due : pipe->newest;
}

void socket_join(struct socket *one, struct socket *other, size_t room) {
    uint64_t delay = 1 + task_draw(network.slowest);

    one->peer = other;
    other->peer = one;
    one->delay = other->delay = delay;
    one->in.room = other->in.room = room;
    one->state = other->state = SOCKET_CONNECTED;
}

/* ---- connecting ---- */

struct socket *socket_listener(const struct inode *name) {
    for (struct socket *at = network.sockets; at != NULL; at = at->next)
        if (at->state == SOCKET_LISTENING && !at->closed && at->name == name)
            return at;
    return NULL;
}

static struct socket *find_port(const struct machine *machine, uint16_t port) {
    for (struct socket *at = network.sockets; at != NULL; at = at->next)
        if (at->state == SOCKET_LISTENING && !at->closed && at->name == NULL &&
            at->machine == machine && at->port == port)
            return at;
    return NULL;
}

bool socket_port_is_taken(const struct machine *machine, uint16_t port) {
    return find_port(machine, port) != NULL;
}

static void fail(struct socket *socket, int error) {
    socket->state = SOCKET_FAILED;
    socket->error = error;
    task_wake(TASK_ANYTHING);
    task_wake(socket);
}

static void answer(void *arg) {
    struct socket *socket = arg;
    struct socket *door = NULL;
    struct socket *other = NULL;

    if (socket->closed || socket->state != SOCKET_CONNECTING)
        return;
    if (!socket->target->up || task_clock() < network.partition) {
        if (task_clock() > socket->patience)
            fail(socket, ETIMEDOUT);
        else
            task_at(task_clock() + (1 + task_draw(RESEND_MS)) * MS, answer, socket);
        return;
    }
    door = find_port(socket->target, socket->target_port);
    if (door == NULL || door->waiting_count == SOCKET_BACKLOG) {
        fail(socket, ECONNREFUSED);
        return;
    }
    socket_open(&other, socket->target, socket->domain, socket->type);
    socket_join(socket, other, 16384u << task_draw(5));
    door->waiting[door->waiting_count++] = other;
    handle_use(other->handle);
    task_wake(TASK_ANYTHING);
    task_wake(socket);
}

void socket_call(struct socket *socket, struct machine *target, uint16_t port) {
    socket->state = SOCKET_CONNECTING;
    socket->target = target;
    socket->target_port = port;
    socket->patience = task_clock() + (uint64_t)CONNECT_MS * MS;
    task_at(task_clock() + 1 + task_draw(2 * network.slowest), answer, socket);
}

/* ---- the end ---- */

static void drop_message(struct pipe *pipe) {
    struct message *message = pipe->first;

    pipe->first = message->next;
    if (pipe->first == NULL)
        pipe->last = &pipe->first;
    pipe->bytes -= message->length;
    for (size_t i = 0; i < message->count; i++)
        handle_release(message->handles[i]);
    memory_release(message);
}

static void drop_all(struct pipe *pipe) {
    while (pipe->first != NULL)
        drop_message(pipe);
}

static void reset(struct socket *socket, uint64_t due) {
    if (due < socket->in.reset_due)
        socket->in.reset_due = due;
    look_at(&socket->in, due);
}

static void hang_up(struct socket *socket) {
    struct pipe *out = &socket->peer->in;

    if (socket->shut_write || out->end_due != TASK_NEVER)
        return;
    out->newest = out->end_due = arrival(socket, out);
    look_at(out, out->end_due);
}

void socket_shut(struct socket *socket, bool read, bool write) {
    if (write && socket->peer != NULL && socket->machine->up)
        hang_up(socket);
    socket->shut_read = socket->shut_read || read;
    socket->shut_write = socket->shut_write || write;
    look(&socket->in);
    if (socket->peer != NULL)
        look(&socket->peer->in);
}

/* A machine without power says nothing. */
void socket_close(struct socket *socket) {
    bool unread = socket->in.first != NULL;

    socket->closed = true;
    socket->in.deserted = true;
    for (size_t i = 0; i < socket->waiting_count; i++)
        handle_release(socket->waiting[i]->handle);
    socket->waiting_count = 0;
    drop_all(&socket->in);
    if (socket->state != SOCKET_CONNECTED || !socket->machine->up)
        return;
    if (unread && socket->domain != AF_UNIX)
        reset(socket->peer, arrival(socket, &socket->peer->in));
    else
        hang_up(socket);
    look(&socket->in);
}

static bool is_between_machines(const struct socket *socket) {
    return socket->state == SOCKET_CONNECTED && socket->domain != AF_UNIX && !socket->closed;
}

void socket_cut(bool all) {
    struct socket *chosen = NULL;
    uint64_t count = 0;

    for (struct socket *at = network.sockets; at != NULL; at = at->next) {
        if (!is_between_machines(at))
            continue;
        if (all)
            reset(at, task_clock());
        else if (task_draw(++count) == 0)
            chosen = at;
    }
    if (chosen == NULL)
        return;
    trace("a connection is cut");
    reset(chosen, task_clock());
    reset(chosen->peer, task_clock());
}

void socket_partition(uint64_t until) {
    network.partition = until;
}

/* ---- data ---- */

static bool must_not_wait(const struct handle *handle, int flags) {
    return (flags & MSG_DONTWAIT) != 0 || (handle->flags & O_NONBLOCK) != 0;
}

/* 0 where something can be sent. */
static int check_send(struct socket *socket) {
    if (socket->state != SOCKET_CONNECTED)
        return -ENOTCONN;
    if (socket->shut_write || socket->in.reset_due <= task_clock())
        return -EPIPE;
    if (socket->peer->in.deserted && socket->domain == AF_UNIX)
        return -EPIPE;
    return 0;
}

static bool has_room(const struct socket *socket, size_t length) {
    const struct pipe *out = &socket->peer->in;

    if (socket->type == SOCK_STREAM)
        return out->bytes < out->room;
    return out->bytes == 0 || out->bytes + length <= out->room;
}

static void put(struct socket *socket, const void *data, size_t length,
                struct handle *const *handles, size_t count) {
    struct pipe *out = &socket->peer->in;
    struct message *message = memory_grow(NULL, sizeof *message + length);

    *message = (struct message){.due = arrival(socket, out), .length = length, .count = count};
    memcpy(message->data, data, length);
    for (size_t i = 0; i < count; i++) {
        message->handles[i] = handles[i];
        handle_use(handles[i]);
    }
    *out->last = message;
    out->last = &message->next;
    out->bytes += length;
    out->newest = message->due;
    look_at(out, message->due);
}

void socket_feed(struct socket *socket, const void *data, size_t length) {
    put(socket->peer, data, length, NULL, 0);
}

/* Nobody is there any more: where the machine has power it says so. */
static void bounce(struct socket *socket) {
    if (socket->peer->machine->up)
        reset(socket, arrival(socket, &socket->peer->in) + socket->delay);
}

static int wait_for_room(struct handle *handle, size_t length, int flags) {
    struct socket *socket = handle->socket;
    uint64_t deadline =
        socket->send_timeout == 0 ? TASK_NEVER : task_clock() + socket->send_timeout;
    int r = check_send(socket);

    while (r == 0 && !has_room(socket, length)) {
        if (must_not_wait(handle, flags))
            return -EAGAIN;
        if (!task_wait(&socket->in, deadline))
            return -EAGAIN;
        r = check_send(socket);
    }
    return r;
}

ssize_t socket_send(struct handle *handle, const void *data, size_t length, int flags,
                    struct handle *const *handles, size_t count) {
    struct socket *socket = handle->socket;
    const char *from = data;
    size_t done = 0;

    do {
        struct pipe *out = NULL;
        size_t part = length - done;
        int r = wait_for_room(handle, part, flags);

        if (r < 0)
            return done > 0 ? (ssize_t)done : r;
        out = &socket->peer->in;
        if (socket->type == SOCK_STREAM && part > out->room - out->bytes)
            part = out->room - out->bytes;
        if (out->deserted)
            bounce(socket);
        else
            put(socket, from + done, part, handles, count);
        done += part;
    } while (done < length && !must_not_wait(handle, flags));
    return (ssize_t)done;
}

/* Whether there is something to read or to be told: a message, or NULL with *error. -EAGAIN: not
 * yet. */
static struct message *peek(struct socket *socket, int *error) {
    struct pipe *in = &socket->in;
    uint64_t now = task_clock();

    *error = 0;
    if (socket->state != SOCKET_CONNECTED) {
        *error = -ENOTCONN;
    } else if (in->reset_due <= now) {
        drop_all(in);
        *error = in->reset_due == 0 ? 0 : -ECONNRESET;
        in->reset_due = 0;
    } else if (in->first != NULL && in->first->due <= now) {
        return in->first;
    } else if (!socket->shut_read && (in->first != NULL || in->end_due > now)) {
        *error = -EAGAIN;
    }
    return NULL;
}

static struct message *await(struct handle *handle, int flags, int *error) {
    struct socket *socket = handle->socket;
    uint64_t deadline =
        socket->receive_timeout == 0 ? TASK_NEVER : task_clock() + socket->receive_timeout;
    struct message *message = peek(socket, error);

    while (message == NULL && *error == -EAGAIN && !must_not_wait(handle, flags)) {
        if (!task_wait(&socket->in, deadline))
            return NULL;
        message = peek(socket, error);
    }
    return message;
}

static void made_room(struct socket *socket) {
    socket->heard = task_clock();
    look(&socket->peer->in);
}

ssize_t socket_receive(struct handle *handle, void *data, size_t length, int flags) {
    struct socket *socket = handle->socket;
    char *to = data;
    size_t done = 0;

    while (done < length) {
        int error = 0;
        struct message *message = await(
            handle, done > 0 && (flags & MSG_WAITALL) == 0 ? flags | MSG_DONTWAIT : flags, &error);
        size_t part = 0;

        if (message == NULL)
            return done > 0 ? (ssize_t)done : error;
        part = message->length - message->taken;
        if (part > length - done)
            part = length - done;
        memcpy(to + done, message->data + message->taken, part);
        message->taken += part;
        done += part;
        if (message->taken == message->length) {
            drop_message(&socket->in);
            made_room(socket);
        }
        if (socket->type != SOCK_STREAM)
            break;
    }
    return (ssize_t)done;
}

struct message *socket_take_packet(struct handle *handle, int flags, int *error) {
    struct socket *socket = handle->socket;
    struct message *message = await(handle, flags, error);

    if (message == NULL)
        return NULL;
    socket->in.first = message->next;
    if (socket->in.first == NULL)
        socket->in.last = &socket->in.first;
    socket->in.bytes -= message->length;
    made_room(socket);
    return message;
}

short socket_ready(const struct socket *socket) {
    uint64_t now = task_clock();
    const struct pipe *in = &socket->in;
    int ready = 0;

    if (socket->state == SOCKET_LISTENING)
        return socket->waiting_count > 0 ? POLLIN : 0;
    if (socket->state == SOCKET_FAILED)
        return POLLIN | POLLOUT | POLLERR | POLLHUP;
    if (socket->state != SOCKET_CONNECTED)
        return 0;
    if (in->reset_due <= now)
        return POLLIN | POLLOUT | POLLERR | POLLHUP;
    if ((in->first != NULL && in->first->due <= now) || (in->first == NULL && in->end_due <= now) ||
        socket->shut_read)
        ready |= POLLIN;
    if (has_room(socket, 1))
        ready |= POLLOUT;
    return (short)ready;
}
