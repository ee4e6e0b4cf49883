#include "node/daemon/listening.h"

#include "base/io.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#define BACKLOG 128

int listening_open(const struct address *address) {
    int one = 1;
    int zero = 0;
    int family = address->at.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6) {
        /* "::" serves IPv4 too, so that one port is the node's for both. */
        bool any = IN6_IS_ADDR_UNSPECIFIED(&address->at.v6.sin6_addr);
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &zero : &one, sizeof one);
    }
    if (bind(fd, &address->at.any, address_length(address)) != 0 || listen(fd, BACKLOG) != 0) {
        int rc = -errno;
        io_close(&fd);
        return rc;
    }
    return fd;
}

int listening_open_any(uint16_t port) {
    struct address address;
    address_parse(&address, "::", port, "");
    int fd = listening_open(&address);
    if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
        address_parse(&address, "0.0.0.0", port, "");
        fd = listening_open(&address);
    }
    return fd;
}

uint16_t listening_port(int fd) {
    struct sockaddr_storage at;
    socklen_t length = sizeof at;
    struct address address;
    if (getsockname(fd, (struct sockaddr *)&at, &length) != 0 ||
        !address_from_sockaddr(&address, (struct sockaddr *)&at))
        return 0;
    return address_port(&address);
}
