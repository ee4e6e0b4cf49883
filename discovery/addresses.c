#include "discovery/addresses.h"

#include "base/io.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DUMP_ROOM (32u * 1024u) /* the kernel fills at most this much of one datagram */
#define UNUSABLE (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)

bool addresses_equal(const struct address *a, const struct address *b) {
    return a->interface == b->interface && a->length == b->length &&
           memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void add(struct addresses *addresses, const struct address *address) {
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses_equal(&addresses->list[i], address))
            return;
    if (addresses->count < ADDRESSES_MAX)
        addresses->list[addresses->count++] = *address;
}

/* Bytes of a fixed-size attribute, or NULL where it is another size. */
static const void *payload(const struct rtattr *attribute, size_t size) {
    return RTA_PAYLOAD(attribute) == size ? RTA_DATA(attribute) : NULL;
}

/* The bit that says "temporary" of an IPv6 address says "secondary" of an IPv4 one, which is fine.
 */
static bool is_usable(const struct ifaddrmsg *info, uint32_t flags) {
    if (info->ifa_scope >= RT_SCOPE_HOST || (flags & UNUSABLE))
        return false;
    return info->ifa_family == AF_INET ||
           (info->ifa_family == AF_INET6 && !(flags & IFA_F_TEMPORARY));
}

/* One address message: `message` is whole. */
static void parse_address(struct addresses *addresses, const struct nlmsghdr *message) {
    const struct ifaddrmsg *info = NLMSG_DATA(message);
    struct address address = {0};
    const void *bytes = NULL;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *info))
        return;
    uint32_t flags = info->ifa_flags;
    address.interface = info->ifa_index;
    address.length = info->ifa_family == AF_INET ? 4 : 16;
    size_t left = message->nlmsg_len - NLMSG_LENGTH(sizeof *info);
    for (const struct rtattr *at = IFA_RTA(info); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        if (at->rta_type == IFA_FLAGS && payload(at, sizeof flags))
            memcpy(&flags, RTA_DATA(at), sizeof flags);
        /* IFA_LOCAL is this machine's end; without it (IPv6) IFA_ADDRESS is. */
        else if (at->rta_type == IFA_LOCAL || (at->rta_type == IFA_ADDRESS && !bytes))
            bytes = payload(at, address.length);
    }
    if (!bytes || !is_usable(info, flags))
        return;
    memcpy(address.bytes, bytes, address.length);
    add(addresses, &address);
}

static int parse_error(const struct nlmsghdr *message) {
    const struct nlmsgerr *error = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *error) || error->error >= 0)
        return -EINVAL;
    return error->error;
}

int addresses_parse(struct addresses *addresses, const void *data, size_t length) {
    const struct nlmsghdr *message = data;
    /* NLMSG_OK() compares with an int; lengths here are unsigned. */
    while (length >= sizeof *message) {
        if (message->nlmsg_len < sizeof *message || message->nlmsg_len > length)
            return -EINVAL;
        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type == NLMSG_ERROR)
            return parse_error(message);
        if (message->nlmsg_type == RTM_NEWADDR)
            parse_address(addresses, message);
        size_t step = NLMSG_ALIGN(message->nlmsg_len);
        step = step < length ? step : length;
        message = (const struct nlmsghdr *)((const char *)message + step);
        length -= step;
    }
    return length == 0 ? 1 : -EINVAL;
}

static int open_netlink(uint32_t groups, int flags) {
    struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&local, sizeof local) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int request_dump(int fd) {
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg body;
    } request = {.header = {.nlmsg_len = sizeof request,
                            .nlmsg_type = RTM_GETADDR,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 .body = {.ifa_family = AF_UNSPEC}};
    return io_write_full(fd, &request, sizeof request);
}

static int read_dump(int fd, struct addresses *addresses) {
    static _Alignas(struct nlmsghdr) char data[DUMP_ROOM];
    int result = 1;
    while (result > 0) {
        ssize_t length = recv(fd, data, sizeof data, MSG_TRUNC);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return -errno;
        if (length == 0 || (size_t)length > sizeof data)
            return -EMSGSIZE;
        result = addresses_parse(addresses, data, (size_t)length);
    }
    return result;
}

int addresses_scan(struct addresses *addresses) {
    addresses->count = 0;
    int fd = open_netlink(0, 0);
    if (fd < 0)
        return fd;
    int result = request_dump(fd);
    if (result == 0)
        result = read_dump(fd, addresses);
    io_close(&fd);
    return result;
}

int addresses_watch(void) {
    return open_netlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK);
}

void addresses_drain(int fd) {
    char data[4096];
    /* What changed is found by a scan; ENOBUFS only says that there was more. */
    while (recv(fd, data, sizeof data, 0) > 0 || errno == EINTR || errno == ENOBUFS)
        ;
}
