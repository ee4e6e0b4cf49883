/*
 * A command's connection to the node: finds the control socket, starts a transient node where none
 * runs and one is wanted, and exchanges messages of proto/control.proto.
 */
#ifndef NODE_CLI_CLIENT_H
#define NODE_CLI_CLIENT_H

#include "base/fail.h"
#include "node/common/locations.h"
#include "proto/local.h"

#include <signal.h>
#include <stdbool.h>

struct client;

enum client_start {
    CLIENT_NEVER_START, /* use a node that runs, or report CLIENT_NO_NODE */
    CLIENT_MAY_START,   /* start a transient one where none runs */
};

enum client_outcome {
    CLIENT_NO_NODE = 1, /* none runs and none was to be started */
    CLIENT_CLOSED = 2,  /* the node closed the connection */
    CLIENT_SIGNAL = 3,  /* a signal of the mask came while waiting */
    CLIENT_INPUT = 4,   /* the other descriptor that was waited for can be read, or has ended */
    CLIENT_TICK = 5,    /* the time is over */
};

/* Connects and exchanges Hello and Welcome. `where` is borrowed for the client's life. 0 with *out
 * for client_close(); CLIENT_NO_NODE; or -errno with `fail` filled. May take some seconds. */
int client_open(struct client **out, const struct locations *where, enum client_start start,
                struct fail *fail);

/* What the node said of itself; valid until client_close(). */
struct client_welcome {
    bool transient;
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1]; /* not escaped */
    char program[32];
    uint32_t port; /* 0 where it does not listen */
};
const struct client_welcome *client_welcome(const struct client *client);

/* Sends one request. 0, CLIENT_CLOSED, or -errno with `fail` filled. */
int client_request(struct client *client, const Fxnode__Control__Request *request,
                   struct fail *fail);

/* Sends `count` absolute paths in as many Paths as it takes. As client_request(). */
int client_paths(struct client *client, char *const *paths, size_t count, struct fail *fail);

/* What ends waiting for an event, beside an event. Plain value; zero: nothing. */
struct client_wait {
    const sigset_t *unblocked; /* signal mask while waiting, or NULL */
    bool has_input;
    int input; /* a descriptor that may become readable; an event that is there comes first */
    uint64_t until_ms; /* io_now_ms(), or 0 */
};

/* Waits for the next event, valid until the next call; its lines for people can be shown as they
 * are, names cannot. `wait` may be NULL. 0, CLIENT_CLOSED, CLIENT_SIGNAL, CLIENT_INPUT,
 * CLIENT_TICK, or -errno with `fail` filled. */
int client_next(struct client *client, const Fxnode__Control__Event **event,
                const struct client_wait *wait, struct fail *fail);

void client_close(struct client *client);

#endif
