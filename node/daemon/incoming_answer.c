/* What a person says about an incoming transfer. */
#include "node/daemon/incoming.h"

#include "node/daemon/clean.h"
#include "node/daemon/peers.h"
#include "node/daemon/receiving.h"
#include "node/daemon/worker.h"

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

int incoming_reject(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state != STORE_OFFERED)
        return wrong_state(fail, transfer, "rejected");
    transfer_set_state(transfer, STORE_REFUSED, "refused here");
    if (transfer->receiving != NULL)
        offer_answer(transfer->receiving, FXNODE__HELPER__ADMIT__ANSWER__REFUSE, "");
    return 0;
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
