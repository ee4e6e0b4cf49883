#include "node/daemon/revoke.h"

#include "base/id.h"
#include "node/daemon/incoming.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/peers.h"
#include "node/daemon/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct revocation {
    struct node *node;
    uint8_t key[LIMIT_KEY];
    void (*done)(void *context, int error);
    void *context;
};

/* What cannot be stopped now is paused already, or on its way to its place. */
static void stop_one(struct transfer *transfer) {
    struct fail fail;
    if (transfer->record.direction == STORE_OUTGOING)
        outgoing_pause(transfer, &fail);
    else if (transfer->record.state == STORE_OFFERED)
        incoming_reject(transfer, &fail);
    else
        incoming_pause(transfer, &fail);
}

static void stop_all(struct node *node, const uint8_t *key) {
    struct transfer *next = NULL;
    for (struct transfer *at = transfers_first(node->transfers); at != NULL; at = next) {
        next = at->next;
        if (id_equal(at->record.peer_key, key) && !transfer_is_finished(at))
            stop_one(at);
    }
}

/* An offer that was being recorded when it began has become a transfer by now. */
static void forgotten(void *context, int error) {
    struct revocation *revocation = context;
    if (!peers_is_known(revocation->node->peers, revocation->key))
        stop_all(revocation->node, revocation->key);
    revocation->done(revocation->context, error);
    free(revocation);
}

void revoke_peer(struct node *node, const uint8_t *key, void (*done)(void *context, int error),
                 void *context) {
    struct revocation *revocation = calloc(1, sizeof *revocation);
    if (revocation == NULL) {
        done(context, -ENOMEM);
        return;
    }
    revocation->node = node;
    memcpy(revocation->key, key, LIMIT_KEY);
    revocation->done = done;
    revocation->context = context;
    stop_all(node, revocation->key);
    peers_forget(node->peers, revocation->key, forgotten, revocation);
}
