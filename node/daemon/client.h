/*
 * One command connected to the control socket: what control.c (the socket), client.c (its
 * connection and queue), request.c (what it asks; request_peers.c, request_import.c and
 * request_pair.c of peers and pairing; request_verify.c), follow.c (sends) and event.c (what it is
 * told) share. Loop's thread.
 */
#ifndef NODE_DAEMON_CLIENT_H
#define NODE_DAEMON_CLIENT_H

#include "node/daemon/control.h"
#include "node/daemon/node.h"
#include "node/daemon/pairing_call.h"
#include "node/daemon/peers.h"
#include "node/daemon/resolve.h"
#include "node/daemon/sending.h"
#include "node/daemon/transfer.h"
#include "proto/control.pb-c.h"
#include "store/store_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define CLIENT_QUEUE_BYTES (4u << 20) /* waiting for a client that does not read */
#define CLIENT_PATHS 65536u
#define CLIENT_PROGRESS_MS 200u /* between two reports of progress */

/* Exit statuses of a Result. */
enum client_status {
    CLIENT_DONE = 0,
    CLIENT_FAILED = 1,
    CLIENT_USAGE = 2,
    CLIENT_UNREACHABLE = 3,
    CLIENT_TRUST = 6,
};

struct client_packet;

struct client {
    struct client *next;
    struct control *control;
    struct node *node;
    uv_poll_t poll;
    uv_timer_t timer; /* --wait of a send; how long peers are looked for */
    int fd;           /* -1 once it is gone */
    int open_handles;
    unsigned jobs; /* of the database that refer to it */
    struct client_packet *first;
    struct client_packet **last;
    size_t waiting; /* bytes */

    bool greeted;
    bool asked;    /* its one request was made */
    bool finished; /* Result was queued: closed when the queue is empty */

    struct store_name *paths; /* of a send, each with its own memory */
    size_t path_count;
    bool detach;
    bool has_wait;
    uint64_t wait_ms;
    struct sending *sending;
    uint64_t follows; /* number of a transfer, 0: none */
    uint32_t skipped; /* what its send has left out */
    uint32_t partial; /* entries that it sends without some of their attributes */
    uint64_t progress_ms;

    bool lists_peers; /* waits for discovery to settle */
    bool watches_peers;

    bool shows_code; /* the node's pairing window is this client's */
    struct pairing_call *pairing;

    struct verifying *verifying; /* what is looked at again for it */
};

/* client.c */

/* A client on a connection that is taken over. NULL where there is no memory. */
struct client *client_new(struct control *control, struct node *node, int fd);

/* Queues an event. */
void client_send(struct client *client, const Fxnode__Control__Event *event);

/* The last event: the connection is closed when it has left. */
void client_result(struct client *client, int status, const char *text);

/* Sends what waits. False where the client is gone, or was told its result. */
bool client_flush(struct client *client);

/* Ends it now. */
void client_drop(struct client *client);

/* Keeps the struct while a job of the database refers to it. */
void client_hold(struct client *client);
void client_release(struct client *client);

/* control.c */

/* It is gone: out of the list; and then, where it was the last one of a transient node, that ends.
 */
void control_unlink(struct control *control, struct client *client);
void control_desert(struct control *control);

/* Whether anybody follows this transfer. */
bool control_has_follower(const struct control *control, uint64_t number);
void control_retire(struct control *control, struct client *client);

/* request.c: acts on a checked request. False: it may not ask that now. */
bool request_handle(struct client *client, const Fxnode__Control__Request *request);

/* Forgets what it was doing: it is gone. */
void request_abandon(struct client *client);

/* request_peers.c */

/* Lists the peers, now or when there was time to look around. */
void request_peers_list(struct client *client, const Fxnode__Control__Peers *request);

/* Tells the list to one that waited until discovery has looked around. */
void request_peers_tell(struct client *client);

void request_peers_unpair(struct client *client, const char *peer);
void request_peers_configure(struct client *client, const Fxnode__Control__Configure *request);

/* Tells a peer that has just changed, and ends with a result. */
void request_peers_changed(struct client *client, const uint8_t *key, const char *text);

/* Tells everybody who watches that a peer is not what it was. */
void request_peers_tell_others(const struct node *node, const uint8_t *key);

/* request_import.c */

void request_import(struct client *client, const Fxnode__Control__Import *request);

/* request_pair.c */

/* Shows a code, or begins to pair with a peer that shows one. */
void request_pair(struct client *client, const char *peer);

/* A code that was asked for. False where none was. */
bool request_pair_code(struct client *client, const char *code);

/* It is gone: its window is closed, its call ended. */
void request_pair_abandon(struct client *client);

/* request_verify.c */

/* Looks at a delivered transfer again. */
void request_verify(struct client *client, uint64_t number);

/* It is gone: nobody wants to know any more. */
void request_verify_abandon(struct client *client);

/* follow.c */

/* Begins a send with the paths that were given before. */
void follow_send(struct client *client, const Fxnode__Control__Send *send);

/* The transfer that it follows has changed: ends with a result where that was the end. */
void follow_changed(struct client *client, const struct transfer *transfer);

/* Ctrl-C: pauses what it follows. False where it follows nothing. */
bool follow_pause(struct client *client);

/* It is gone: what it sent goes on, unless it had not begun. */
void follow_abandon(struct client *client);

/* event.c: tells one client. `done` may be TRANSFER_DONE_UNKNOWN. */
void event_transfer(struct client *client, const struct store_transfer *record,
                    transfer_shown shown, const char *reason, uint64_t done);
void event_live_transfer(struct client *client, const struct transfer *transfer);
void event_shown(struct client *client, transfer_shown shown, const struct resolve_target *target);
void event_note(struct client *client, const struct note *note);
void event_peer(struct client *client, const struct peers_line *line, bool gone);
void event_settled(struct client *client);

#endif
