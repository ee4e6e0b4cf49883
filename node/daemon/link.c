#include "node/daemon/link.h"

#include "base/io.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sodium.h>

void link_make(struct link *link, int fd, const struct address *address,
               const struct handshake *handshake) {
    int one = 1;
    /* Member by member: a compound literal would leave the keys on the stack. */
    link->fd = fd;
    link->address = *address;
    link->result = *handshake_result(handshake);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

void link_drop(struct link *link) {
    io_close(&link->fd);
    sodium_memzero(&link->result, sizeof link->result);
}
