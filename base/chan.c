#include "base/chan.h"

#include "base/io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FD_ROOM CMSG_SPACE(LIMIT_PACKET_FDS * sizeof(int))

int chan_pair(int fds[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0 ? 0 : -errno;
}

int chan_send(int chan, const void *data, size_t length, const int *fds, size_t fd_count,
              int flags) {
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    _Alignas(struct cmsghdr) char control[FD_ROOM] = {0};
    ssize_t put;

    if (length == 0 || length > LIMIT_PACKET || fd_count > LIMIT_PACKET_FDS)
        return -EMSGSIZE;
    if (fd_count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    /* A confined helper may only send(): it has no business passing descriptors. */
    do {
        put = fd_count == 0 ? send(chan, data, length, flags | MSG_NOSIGNAL)
                            : sendmsg(chan, &message, flags | MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    return put < 0 ? -errno : 0;
}

/* Collects the descriptors of a message; false where more came than the packet holds. */
static int take_fds(struct msghdr *message, struct chan_packet *packet) {
    int rc = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            if (packet->fd_count < LIMIT_PACKET_FDS) {
                packet->fds[packet->fd_count++] = fd;
            } else {
                io_close(&fd);
                rc = -EBADMSG;
            }
        }
    }
    return rc;
}

int chan_receive(int chan, struct chan_packet *packet, int flags) {
    struct iovec part = {.iov_base = packet->data, .iov_len = sizeof packet->data};
    _Alignas(struct cmsghdr) char control[FD_ROOM];
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got;

    packet->length = 0;
    packet->fd_count = 0;
    /* ECONNRESET comes once, ahead of what is still there, where the other end was closed with
     * packets unread: they are lost, its last words are not. */
    do {
        got = recvmsg(chan, &message, flags | MSG_CMSG_CLOEXEC);
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0)
        return -errno;
    int rc = take_fds(&message, packet);
    if (rc == 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        rc = -EBADMSG;
    if (rc == 0 && got == 0 && packet->fd_count > 0)
        rc = -EBADMSG;
    if (rc < 0) {
        chan_drop_fds(packet);
        return rc;
    }
    packet->length = (size_t)got;
    return got == 0 ? 0 : 1;
}

void chan_drop_fds(struct chan_packet *packet) {
    for (size_t i = 0; i < packet->fd_count; i++)
        io_close(&packet->fds[i]);
    packet->fd_count = 0;
}
