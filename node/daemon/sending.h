/*
 * A send on its way to becoming a transfer: who is meant, what is there to be sent and who answers
 * are found out at the same time; then it is recorded, or joined to the unfinished transfer of the
 * same paths to the same peer. Until then nothing is kept. Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_SENDING_H
#define NODE_DAEMON_SENDING_H

#include "node/daemon/node.h"
#include "node/daemon/resolve.h"
#include "node/daemon/transfer.h"
#include "store/store_names.h"

#include <stdbool.h>
#include <stdint.h>

struct sending;

/* Copied at sending_start(), but for the lists, which are taken over. */
struct sending_request {
    const char *peer;
    struct store_names paths;   /* absolute */
    struct store_names exclude; /* patterns without fault */
    bool one_file_system;
    bool moves;    /* what is sent is removed once it is delivered */
    uint64_t rate; /* bytes a second, 0 for no limit */
    bool has_id;
    uint8_t id[LIMIT_TRANSFER_ID]; /* of the transfer, where it becomes a new one */
};

struct sending_events {
    /* It is looking at the sources, or for the peer; `target` is NULL until that is known. */
    void (*shown)(void *context, transfer_shown shown, const struct resolve_target *target);
    void (*noted)(void *context, const struct note *note);
    /* It is recorded and has begun; or an unfinished one goes on. `skipped`: what was found but
     * cannot be sent; `partial`: entries that lack attributes; each with a note. The sending is
     * over. */
    void (*begun)(void *context, struct transfer *transfer, uint32_t skipped, uint32_t partial);
    /* Nothing came of it: exit status and why. The sending is over. */
    void (*failed)(void *context, int status, const char *text);
    void *context;
};

/* 0 with *out for sending_cancel(), valid until `begun` or `failed`, which never come from within.
 * Or -errno with `fail` filled. */
int sending_start(struct sending **out, struct node *node, struct sending_request *request,
                  const struct sending_events *events, struct fail *fail);

/* Gives it up; no event follows. */
void sending_cancel(struct sending *sending);

/* The same where the node ends, and not the wish for it: what is being recorded stays, and the
 * command asks the node that follows for it. */
void sending_leave(struct sending *sending);

#endif
