/* What a person says about an incoming transfer. */
#include "node/daemon/incoming.h"

#include "base/escape.h"
#include "base/log.h"
#include "node/daemon/clean.h"
#include "node/daemon/outgoing.h"
#include "node/daemon/peers.h"
#include "node/daemon/policy.h"
#include "node/daemon/receiving.h"
#include "node/daemon/worker.h"
#include "store/store_expire.h"

static const char *condition(enum store_state state) {
    switch (state) {
    case STORE_OFFERED:
        return "nobody has accepted it yet";
    case STORE_RUNNING:
        return "it is accepted already, and not paused";
    case STORE_PAUSED:
        return "it is accepted already, and paused";
    case STORE_PLACING:
        return "all of it is here and just gets its place";
    default:
        return "it is finished";
    }
}

static int wrong_state(struct fail *fail, const struct transfer *transfer, const char *what) {
    return fail_set(fail, 0, "transfer %llu cannot be %s: %s",
                    (unsigned long long)transfer->record.number, what,
                    condition(transfer->record.state));
}

int incoming_accept(struct transfer *transfer, enum store_exists exists, struct fail *fail) {
    const struct store_transfer *record = &transfer->record;
    struct peers *peers = transfer->node->peers;
    if (record->state != STORE_OFFERED)
        return wrong_state(fail, transfer, "accepted");
    /* What was shown with the offer is what a yes is about, whatever the settings are by now. */
    transfer_accept(transfer, exists == STORE_EXISTS_DEFAULT ? record->exists : exists);
    /* The name of a paired peer is its alias here, and not what it calls itself. */
    bool paired = peers_paired(peers, record->peer_key) != NULL;
    peers_remember(peers, &(struct peers_met){.key = record->peer_key,
                                              .name = paired ? "" : record->peer_name});
    outgoing_seen(transfer->node, record->peer_key); /* what send-to = known kept back */
    if (transfer->receiving != NULL)
        offer_accept(transfer->receiving);
    else
        transfer_show(transfer, TRANSFER_SHOWN(WAITING), "the sender is away");
    return 0;
}

const char *incoming_limit(const struct transfer *transfer) {
    const struct store_transfer *record = &transfer->record;
    const struct store_peer_settings *settings =
        peers_paired(transfer->node->peers, record->peer_key);
    if (settings == NULL || settings->accept != STORE_PEER_TAKE)
        return "";
    if (settings->limit != 0 &&
        policy_size(record->bytes, record->manifest_length) > settings->limit)
        return "more than its limit";
    if (offer_may_exist(record) &&
        receiving_exists(transfer->node, record->peer_key) == STORE_EXISTS_ASK)
        return record->existing != 0 ? "some of its names exist" : "some of its names may exist";
    return settings->day_limit != 0 ? "more than its day-limit" : "";
}

bool incoming_may_always(const struct transfer *transfer) {
    const struct store_peer_settings *settings =
        peers_paired(transfer->node->peers, transfer->record.peer_key);
    return settings != NULL && settings->accept == STORE_PEER_ASK;
}

/* Why not, and what to do instead. */
static int never_always(struct fail *fail, const struct transfer *transfer) {
    const struct peers *peers = transfer->node->peers;
    const uint8_t *key = transfer->record.peer_key;
    const struct store_peer_settings *settings = peers_paired(peers, key);
    char peer[ESCAPE_ROOM(LIMIT_NAME)];
    escape_text(peer, sizeof peer,
                settings != NULL ? peers_name(peers, key) : transfer->record.peer_name);
    if (settings == NULL)
        return fail_set(fail, 0,
                        "%s is not paired, so only single offers can be accepted: pair with it "
                        "(fxnode pair), or leave out --always",
                        peer[0] != '\0' ? peer : "the peer");
    if (settings->accept == STORE_PEER_TAKE)
        return fail_set(fail, 0,
                        "what %s offers within its limits is accepted always: change these (fxnode "
                        "set), or leave out --always",
                        peer);
    return fail_set(fail, 0,
                    "offers of %s are refused: change that first (fxnode set), or leave out "
                    "--always",
                    peer);
}

static void setting_is_kept(void *context, int error) {
    (void)context;
    if (error != 0)
        log_error("the setting that offers are accepted was not recorded");
}

int incoming_accept_always(struct transfer *transfer, enum store_exists exists, struct fail *fail) {
    struct peers *peers = transfer->node->peers;
    const uint8_t *key = transfer->record.peer_key;
    struct store_peer_settings settings;
    if (transfer->record.state != STORE_OFFERED)
        return wrong_state(fail, transfer, "accepted");
    if (!incoming_may_always(transfer))
        return never_always(fail, transfer);
    settings = *peers_paired(peers, key);
    settings.accept = STORE_PEER_TAKE;
    peers_set(peers, key, &settings, setting_is_kept, NULL);
    return incoming_accept(transfer, exists, fail);
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

void incoming_lapse(struct node *node, int64_t now, int64_t leap) {
    struct transfer *transfer = transfers_first(node->transfers);
    for (; transfer != NULL; transfer = transfer->next) {
        int64_t *created = &transfer->record.created;
        if (transfer->record.direction != STORE_INCOMING || transfer->record.state != STORE_OFFERED)
            continue;
        *created = *created < now - leap ? *created + leap : now;
        if (*created <= now - STORE_EXPIRE_OFFER_S)
            refuse(transfer, "nobody answered for 24 hours");
    }
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

void incoming_end(struct transfer *transfer, const char *why) {
    transfer_set_state(transfer, STORE_CANCELLED, why);
    if (transfer->receiving != NULL)
        worker_stop(transfer->receiving->worker, WORKER_STOP(CANCEL));
    else
        clean_transfer(transfer->node, &transfer->record);
}

int incoming_cancel(struct transfer *transfer, struct fail *fail) {
    if (transfer->record.state == STORE_PLACING)
        return wrong_state(fail, transfer, "cancelled");
    incoming_end(transfer, "cancelled here");
    return 0;
}
