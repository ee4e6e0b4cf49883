#include "node/daemon/receiving.h"

#include "node/common/landing.h"
#include "node/daemon/peers.h"
#include "node/daemon/policy.h"

#include <stdlib.h>

struct receiving *receiving_new(struct incoming *incoming) {
    struct receiving *receiving = calloc(1, sizeof *receiving);
    if (receiving == NULL)
        return NULL;
    receiving->node = incoming->node;
    receiving->next = incoming->first;
    incoming->first = receiving;
    return receiving;
}

static void destroy(struct receiving *receiving) {
    struct receiving **at = &receiving->node->incoming->first;
    while (*at != receiving)
        at = &(*at)->next;
    *at = receiving->next;
    if (receiving->transfer != NULL)
        transfer_release(receiving->transfer);
    store_transfer_clear(&receiving->offer);
    commit_drop_items(receiving);
    kept_drop(&receiving->kept);
    free(receiving);
}

void receiving_drop_if_over(struct receiving *receiving) {
    if (receiving->worker == NULL && receiving->jobs == 0)
        destroy(receiving);
}

void receiving_hold(struct receiving *receiving) {
    receiving->jobs++;
}

void receiving_release(struct receiving *receiving) {
    receiving->jobs--;
    receiving_drop_if_over(receiving);
}

void receiving_take(struct receiving *receiving, struct transfer *transfer) {
    if (receiving->transfer != transfer) {
        transfer_hold(transfer);
        receiving->transfer = transfer;
    }
    transfer->receiving = receiving;
    transfer->has_from = !receiving->placing;
    transfer->from = receiving->address;
}

void receiving_succeed(struct receiving *receiving, struct receiving *owner) {
    if (owner->successor != NULL && owner->successor != receiving &&
        owner->successor->worker != NULL)
        worker_kill(owner->successor->worker);
    owner->successor = receiving;
    if (!owner->placing)
        worker_kill(owner->worker);
}

bool receiving_attach(struct receiving *receiving, struct transfer *transfer) {
    struct receiving *owner = transfer->receiving;
    if (owner == NULL || owner == receiving) {
        receiving_take(receiving, transfer);
        return true;
    }
    receiving_succeed(receiving, owner);
    return false;
}

bool receiving_landing(const struct receiving *receiving, char out[PATH_MAX]) {
    const struct store_peer_settings *paired = peers_paired(receiving->node->peers, receiving->key);
    return landing_make(out, receiving->node->files, paired != NULL ? paired->directory : "");
}

enum store_exists receiving_exists(const struct node *node, const uint8_t *key) {
    static const enum store_exists exists[] = {
        [CONFIG_EXISTS_RENAME] = STORE_EXISTS_RENAME,
        [CONFIG_EXISTS_SKIP] = STORE_EXISTS_SKIP,
        [CONFIG_EXISTS_OVERWRITE] = STORE_EXISTS_OVERWRITE,
        [CONFIG_EXISTS_ASK] = STORE_EXISTS_ASK,
        [CONFIG_EXISTS_REFUSE] = STORE_EXISTS_REFUSE,
    };
    return policy_exists(exists[node->config.exists], peers_paired(node->peers, key));
}
