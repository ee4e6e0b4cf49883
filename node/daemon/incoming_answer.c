/* What a person says about an incoming transfer. */
#include "node/daemon/incoming.h"

#include "node/daemon/clean.h"
#include "node/daemon/peers.h"
#include "node/daemon/receiving.h"
#include "node/daemon/worker.h"
#include "store/store_expire.h"

static int wrong_state(struct fail *fail, const struct transfer *transfer, const char *what) {
    return fail_set(fail, 0, "transfer %llu cannot be %s now",
                    (unsigned long long)transfer->record.number, what);
}

int incoming_accept(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state != STORE_OFFERED)
        return wrong_state(fail, transfer, "accepted");
    transfer_set_state(transfer, STORE_RUNNING, "");
    peers_remember(transfer->node->peers, transfer->record.peer_key, transfer->record.peer_name,
                   NULL, NULL);
    if (transfer->receiving != NULL)
        offer_accept(transfer->receiving);
    else
        transfer_show(transfer, TRANSFER_SHOWN(WAITING), "the sender is away");
    return 0;
}

static void refuse(struct transfer *transfer, const char *reason) {
    transfer_set_state(transfer, STORE_REFUSED, reason);
    if (transfer->receiving != NULL)
        offer_answer(transfer->receiving, FXNODE__HELPER__ADMIT__ANSWER__REFUSE, "");
}

int incoming_reject(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state != STORE_OFFERED)
        return wrong_state(fail, transfer, "rejected");
    refuse(transfer, "refused here");
    return 0;
}

void incoming_lapse(struct node *node, int64_t now) {
    struct transfer *transfer = transfers_first(node->transfers);
    for (; transfer != NULL; transfer = transfer->next)
        if (transfer->record.direction == STORE_INCOMING &&
            transfer->record.state == STORE_OFFERED &&
            transfer->record.created <= now - STORE_EXPIRE_OFFER_S)
            refuse(transfer, "nobody answered for 24 hours");
}

int incoming_pause(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state != STORE_RUNNING && transfer->record.state != STORE_QUEUED)
        return wrong_state(fail, transfer, "paused");
    transfer_set_state(transfer, STORE_PAUSED, "");
    if (transfer->receiving != NULL)
        worker_stop(transfer->receiving->worker, WORKER_STOP(PAUSE));
    return 0;
}

int incoming_resume(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state != STORE_PAUSED)
        return wrong_state(fail, transfer, "resumed");
    transfer_set_state(transfer, STORE_RUNNING, "");
    transfer_show(transfer, TRANSFER_SHOWN(WAITING), "waits for the sender");
    return 0;
}

int incoming_cancel(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state == STORE_PLACING)
        return wrong_state(fail, transfer, "cancelled");
    transfer_set_state(transfer, STORE_CANCELLED, "cancelled here");
    if (transfer->receiving != NULL)
        worker_stop(transfer->receiving->worker, WORKER_STOP(CANCEL));
    else
        clean_transfer(transfer->node, &transfer->record);
    return 0;
}
