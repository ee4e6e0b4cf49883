/* Sockets from within: for socket.c and calls_socket.c only. */
#ifndef TESTS_SIM_SOCKET_PARTS_H
#define TESTS_SIM_SOCKET_PARTS_H

#include "tests/sim/machine.h"
#include "tests/sim/socket.h"

#include <stdbool.h>

#define SOCKET_HANDLES 4
#define SOCKET_BACKLOG 64

struct message {
    struct message *next;
    uint64_t due; /* when it arrives */
    size_t length;
    size_t taken;
    struct handle *handles[SOCKET_HANDLES];
    size_t count;
    uint8_t data[];
};

/* One direction. */
struct pipe {
    struct message *first;
    struct message **last;
    size_t bytes;
    size_t room;
    uint64_t newest;    /* when the last one arrives: nothing overtakes within a connection */
    uint64_t end_due;   /* end of file */
    uint64_t reset_due; /* the connection is broken */
    bool deserted;      /* nobody will read it */
};

enum socket_state {
    SOCKET_FRESH,
    SOCKET_LISTENING,
    SOCKET_CONNECTING,
    SOCKET_CONNECTED,
    SOCKET_FAILED
};

struct socket {
    struct socket *next;
    struct machine *machine;
    struct handle *handle;
    int domain;
    int type;
    enum socket_state state;
    int error;
    struct socket *peer;
    struct pipe in;
    uint64_t delay; /* of its connection */
    uint64_t heard; /* when something was read last */
    uint16_t port;
    struct machine *target; /* CONNECTING */
    uint16_t target_port;
    uint64_t patience;                      /* CONNECTING: until then */
    struct inode *name;                     /* bound to */
    struct socket *waiting[SOCKET_BACKLOG]; /* LISTENING */
    size_t waiting_count;
    uint64_t send_timeout;
    uint64_t receive_timeout;
    bool shut_read;
    bool shut_write;
    bool closed;
};

/* In the process, with a descriptor. */
int socket_open(struct socket **out, struct machine *machine, int domain, int type);

/* Both are connected to each other. */
void socket_join(struct socket *one, struct socket *other, size_t room);

/* Begins a connection to another machine. */
void socket_call(struct socket *socket, struct machine *target, uint16_t port);
struct machine *socket_machine(uint32_t address);
struct socket *socket_listener(const struct inode *name);
bool socket_port_is_taken(const struct machine *machine, uint16_t port);

void socket_shut(struct socket *socket, bool read, bool write);

/* The next packet, with what comes with it: for the caller to release. NULL: *error, 0 for the end.
 */
struct message *socket_take_packet(struct handle *handle, int flags, int *error);

#endif
