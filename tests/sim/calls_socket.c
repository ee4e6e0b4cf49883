/* Calls on sockets. */
#include "tests/sim/calls.h"
#include "tests/sim/memory.h"
#include "tests/sim/socket_parts.h"
#include "tests/sim/trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MS 1000000u /* in ns */
#define PACKETS 212992u

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);

static struct handle *get(int fd) {
    struct handle *handle = handle_get(fd);

    if (handle != NULL && handle->kind != HANDLE_SOCKET) {
        errno = ENOTSOCK;
        return NULL;
    }
    return handle;
}

int __wrap_socket(int domain, int type, int protocol) {
    struct process *process = process_now();
    struct socket *socket = NULL;

    (void)protocol;
    task_call("socket");
    socket_open(&socket, process->machine, domain, type);
    return calls_fail(handle_install(process, socket->handle, 0));
}

int __wrap_socketpair(int domain, int type, int protocol, int fds[2]) {
    struct process *process = process_now();
    struct socket *ends[2];

    (void)protocol;
    task_call("socketpair");
    for (int i = 0; i < 2; i++) {
        socket_open(&ends[i], process->machine, domain, type);
        fds[i] = handle_install(process, ends[i]->handle, 0);
    }
    socket_join(ends[0], ends[1], PACKETS);
    return 0;
}

int __wrap_eventfd(unsigned count, int flags) {
    struct handle *handle = handle_new(HANDLE_EVENT, flags);

    task_call("eventfd");
    handle->counter = count;
    return calls_fail(handle_install(process_now(), handle, 0));
}

/* The port that an address names; in *address the IPv4 address. */
static uint16_t read_address(const struct sockaddr *from, uint32_t *address) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (from->sa_family == AF_INET) {
        memcpy(&v4, from, sizeof v4);
        *address = ntohl(v4.sin_addr.s_addr);
        return ntohs(v4.sin_port);
    }
    memcpy(&v6, from, sizeof v6);
    memcpy(address, v6.sin6_addr.s6_addr + 12, sizeof *address);
    *address = ntohl(*address);
    return ntohs(v6.sin6_port);
}

static void write_address(struct sockaddr *to, socklen_t *length, uint32_t address, uint16_t port) {
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};

    if (to == NULL)
        return;
    memcpy(to, &v4, *length < sizeof v4 ? *length : sizeof v4);
    *length = sizeof v4;
}

static int bind_name(struct socket *socket, const struct sockaddr *to) {
    struct disk *disk = socket->machine->disk;
    const struct sockaddr_un *at = (const struct sockaddr_un *)(const void *)to;
    const char *slash = strrchr(at->sun_path, '/');
    char parent[sizeof at->sun_path];
    struct inode *directory = disk_root(disk);

    snprintf(parent, sizeof parent, "%.*s", (int)(slash - at->sun_path), at->sun_path);
    for (char *save = NULL, *part = strtok_r(parent, "/", &save); part != NULL && directory != NULL;
         part = strtok_r(NULL, "/", &save))
        directory = disk_find(directory, part);
    if (directory == NULL)
        return -ENOENT;
    return disk_create(&socket->name, directory, slash + 1, S_IFSOCK | 0600, NULL) == 0
               ? 0
               : -EADDRINUSE;
}

int __wrap_bind(int fd, const struct sockaddr *to, socklen_t length) {
    struct handle *handle = get(fd);
    uint32_t address = 0;

    (void)length;
    task_call("bind");
    if (handle == NULL)
        return -1;
    if (to->sa_family == AF_UNIX)
        return calls_fail(bind_name(handle->socket, to));
    handle->socket->port = read_address(to, &address);
    if (socket_port_is_taken(handle->socket->machine, handle->socket->port))
        return calls_fail(-EADDRINUSE);
    return 0;
}

int __wrap_listen(int fd, int backlog) {
    struct handle *handle = get(fd);

    (void)backlog;
    task_call("listen");
    if (handle == NULL)
        return -1;
    handle->socket->state = SOCKET_LISTENING;
    return 0;
}

static int connect_name(struct socket *socket, const struct sockaddr *to) {
    const struct sockaddr_un *at = (const struct sockaddr_un *)(const void *)to;
    struct inode *name = NULL;
    struct socket *door = NULL;
    struct socket *other = NULL;
    int fd = __wrap_open(at->sun_path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    name = calls_inode(fd);
    __wrap_close(fd);
    door = socket_listener(name); /* from here on nobody else has a turn */
    if (door == NULL || door->waiting_count == SOCKET_BACKLOG)
        return -ECONNREFUSED;
    socket_open(&other, socket->machine, socket->domain, socket->type);
    socket_join(socket, other, PACKETS);
    handle_use(other->handle);
    door->waiting[door->waiting_count++] = other;
    task_wake(TASK_ANYTHING);
    return 0;
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t length) {
    struct handle *handle = get(fd);
    struct machine *target = NULL;
    uint32_t address = 0;
    uint16_t port = 0;

    (void)length;
    task_call("connect");
    if (handle == NULL)
        return -1;
    if (to->sa_family == AF_UNIX)
        return calls_fail(connect_name(handle->socket, to));
    port = read_address(to, &address);
    target = socket_machine(address);
    if (target == NULL)
        return calls_fail(-ENETUNREACH);
    socket_call(handle->socket, target, port);
    return calls_fail(-EINPROGRESS);
}

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags) {
    struct handle *handle = get(fd);
    struct socket *door = handle == NULL ? NULL : handle->socket;
    struct socket *socket = NULL;
    int r = 0;

    task_call("accept");
    if (door == NULL)
        return -1;
    if (door->waiting_count == 0)
        return calls_fail(-EAGAIN);
    socket = door->waiting[0];
    memmove(door->waiting, door->waiting + 1, --door->waiting_count * sizeof(struct socket *));
    if ((flags & SOCK_NONBLOCK) != 0)
        socket->handle->flags |= O_NONBLOCK;
    write_address(from, length, socket->peer->machine->address, 40000);
    r = handle_install(process_now(), socket->handle, 0);
    handle_release(socket->handle);
    return calls_fail(r);
}

int __wrap_getsockname(int fd, struct sockaddr *to, socklen_t *length) {
    struct handle *handle = get(fd);

    if (handle == NULL)
        return -1;
    write_address(to, length, handle->socket->machine->address, handle->socket->port);
    return 0;
}

int __wrap_shutdown(int fd, int how) {
    struct handle *handle = get(fd);

    task_call("shutdown");
    if (handle == NULL)
        return -1;
    if (handle->socket->state != SOCKET_CONNECTED)
        return calls_fail(-ENOTCONN);
    socket_shut(handle->socket, how != SHUT_WR, how != SHUT_RD);
    return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
    struct handle *handle = get(fd);
    struct timeval time;
    uint64_t ns = 0;

    if (handle == NULL)
        return -1;
    if (level != SOL_SOCKET || length != sizeof time ||
        (name != SO_RCVTIMEO && name != SO_SNDTIMEO))
        return 0;
    memcpy(&time, value, sizeof time);
    ns = (uint64_t)time.tv_sec * 1000 * MS + (uint64_t)time.tv_usec * 1000;
    if (name == SO_RCVTIMEO)
        handle->socket->receive_timeout = ns;
    else
        handle->socket->send_timeout = ns;
    return 0;
}

static int give(void *value, socklen_t *length, const void *from, size_t size) {
    if (*length > size)
        *length = (socklen_t)size;
    memcpy(value, from, *length);
    return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
    struct handle *handle = get(fd);
    struct ucred cred = {.pid = 1};
    struct tcp_info info = {.tcpi_snd_mss = 1448, .tcpi_snd_cwnd = 10};
    int error = 0;

    if (handle == NULL)
        return -1;
    if (level == SOL_SOCKET && name == SO_PEERCRED)
        return give(value, length, &cred, sizeof cred);
    if (level == SOL_SOCKET && name == SO_ERROR) {
        error = handle->socket->error;
        return give(value, length, &error, sizeof error);
    }
    if (level != IPPROTO_TCP || name != TCP_INFO)
        return calls_fail(-ENOPROTOOPT);
    info.tcpi_rtt = (uint32_t)(2 * handle->socket->delay / 1000);
    info.tcpi_last_data_recv = (uint32_t)((task_clock() - handle->socket->heard) / MS);
    return give(value, length, &info, sizeof info);
}

int __wrap_ioctl(int fd, unsigned long request, ...) {
    struct handle *handle = get(fd);
    va_list arguments;
    int *value = NULL;

    if (handle == NULL || request != SIOCOUTQ || handle->socket->peer == NULL)
        return calls_fail(-ENOTTY);
    va_start(arguments, request);
    value = va_arg(arguments, int *);
    va_end(arguments);
    *value = (int)handle->socket->peer->in.bytes;
    return 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t length, int flags) {
    struct handle *handle = NULL;
    ssize_t r = 0;

    task_call("send");
    handle = get(fd);
    if (handle == NULL)
        return -1;
    r = socket_send(handle, data, length, flags, NULL, 0);
    trace("send %d %zu = %zd", fd, length, r);
    return calls_fail((int)r);
}

ssize_t __wrap_recv(int fd, void *data, size_t length, int flags) {
    struct handle *handle = NULL;
    ssize_t r = 0;

    task_call("recv");
    handle = get(fd);
    if (handle == NULL)
        return -1;
    r = socket_receive(handle, data, length, flags);
    trace("recv %d %zu = %zd", fd, length, r);
    return calls_fail((int)r);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
    struct handle *handle = NULL;
    struct handle *handles[SOCKET_HANDLES];
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    size_t count = header == NULL ? 0 : (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    ssize_t r = 0;

    task_call("sendmsg");
    handle = get(fd);
    if (handle == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int sent = 0;
        memcpy(&sent, CMSG_DATA(header) + i * sizeof sent, sizeof sent);
        handles[i] = handle_get(sent);
        if (handles[i] == NULL)
            return -1;
    }
    r = socket_send(handle, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, flags,
                    handles, count);
    trace("sendmsg %d %zu = %zd", fd, message->msg_iov[0].iov_len, r);
    return calls_fail((int)r);
}

static void give_handles(struct msghdr *out, const struct message *message) {
    struct cmsghdr *header = CMSG_FIRSTHDR(out);

    if (message->count == 0) {
        out->msg_controllen = 0;
        return;
    }
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(message->count * sizeof(int));
    for (size_t i = 0; i < message->count; i++) {
        int fd = handle_install(process_now(), message->handles[i], 0);
        memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
    }
    out->msg_controllen = CMSG_SPACE(message->count * sizeof(int));
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *out, int flags) {
    struct handle *handle = NULL;
    struct message *message = NULL;
    size_t length = 0;
    int error = 0;

    task_call("recvmsg");
    handle = get(fd);
    if (handle == NULL)
        return -1;
    message = socket_take_packet(handle, flags, &error);
    trace("recvmsg %d = %d", fd, message == NULL ? error : (int)message->length);
    out->msg_flags = 0;
    if (message == NULL) {
        out->msg_controllen = 0;
        return calls_fail(error);
    }
    length = message->length;
    memcpy(out->msg_iov[0].iov_base, message->data, length);
    give_handles(out, message);
    for (size_t i = 0; i < message->count; i++)
        handle_release(message->handles[i]);
    memory_release(message);
    return (ssize_t)length;
}

static int look(struct pollfd *fds, nfds_t count) {
    int ready = 0;

    for (nfds_t i = 0; i < count; i++) {
        struct handle *handle = fds[i].fd < 0 ? NULL : handle_get(fds[i].fd);
        short found = POLLNVAL;

        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        if (handle != NULL && handle->kind == HANDLE_SOCKET)
            found = socket_ready(handle->socket);
        else if (handle != NULL && handle->kind == HANDLE_EVENT)
            found = (short)(POLLOUT | (handle->counter > 0 ? POLLIN : 0));
        fds[i].revents = (short)(found & (fds[i].events | POLLERR | POLLHUP | POLLNVAL));
        ready += fds[i].revents != 0;
    }
    return ready;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    uint64_t deadline = 0;
    int ready = 0;

    task_call("poll");
    deadline = timeout_ms < 0 ? TASK_NEVER : task_clock() + (uint64_t)timeout_ms * MS;
    ready = look(fds, count);
    while (ready == 0 && task_clock() < deadline) {
        if (!task_wait(TASK_ANYTHING, deadline))
            break;
        ready = look(fds, count);
    }
    return ready;
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t room) {
    (void)room;
    return __wrap_poll(fds, count, timeout_ms);
}

/* A notification to systemd, which is not there. */
ssize_t __wrap_sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to,
                      socklen_t to_length) {
    (void)fd;
    (void)data;
    (void)length;
    (void)flags;
    (void)to;
    (void)to_length;
    return calls_fail(-ENOTCONN);
}
