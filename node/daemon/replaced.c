#include "node/daemon/replaced.h"

#include "base/id.h"
#include "node/daemon/incoming.h"

#include <stdio.h>
#include <string.h>

static bool is_replaced(const struct receiving *receiving, const struct transfer *transfer) {
    return transfer->record.direction == STORE_INCOMING && !transfer_is_finished(transfer) &&
           transfer->record.state != STORE_PLACING &&
           id_equal(transfer->record.peer_key, receiving->key) &&
           lineage_has(&receiving->offer.lineage, transfer->record.transfer_id);
}

/* The first of them from `at` on, which may be NULL. */
static struct transfer *find_from(const struct receiving *receiving, struct transfer *at) {
    while (at != NULL && !is_replaced(receiving, at))
        at = at->next;
    return at;
}

static struct transfer *first(const struct receiving *receiving) {
    return find_from(receiving, transfers_first(receiving->node->transfers));
}

static bool any(const struct transfer *transfer) {
    (void)transfer;
    return true;
}

static bool is_offer(const struct transfer *transfer) {
    return transfer->record.state == STORE_OFFERED;
}

/* Nothing is kept of an offer that nobody accepted, as where its sender cancels it: strangers can
 * make one in place of the other all day, and what has ended is kept up to a number in all. */
static void end_one(struct transfer *transfer, const char *why) {
    if (!is_offer(transfer)) {
        incoming_end(transfer, why);
        return;
    }
    transfer_forget(transfer, why);
    if (transfer->receiving != NULL)
        worker_stop(transfer->receiving->worker, WORKER_STOP(CANCEL));
}

static void end_some(struct receiving *receiving, bool (*which)(const struct transfer *transfer),
                     const char *why) {
    struct transfer *next = NULL;
    for (struct transfer *at = first(receiving); at != NULL; at = next) {
        next = find_from(receiving, at->next);
        if (next != NULL)
            transfer_hold(next);
        if (which(at)) {
            /* What that one had replaced is not over with it: it is the newest one's now. */
            if (at->receiving != NULL)
                at->receiving->offer.lineage = (struct lineage){0};
            end_one(at, why);
        }
        if (next != NULL)
            transfer_release(next);
    }
}

void replaced_end_offers(struct receiving *receiving) {
    end_some(receiving, is_offer, "replaced by another offer");
}

void replaced_end(struct receiving *receiving, const char *why) {
    end_some(receiving, any, why);
}

void replaced_end_by(struct receiving *receiving, uint64_t number) {
    char why[64];
    snprintf(why, sizeof why, "replaced by transfer %llu", (unsigned long long)number);
    replaced_end(receiving, why);
}

void replaced_show(const struct receiving *receiving, uint64_t number) {
    char reason[96];
    snprintf(reason, sizeof reason, "transfer %llu comes in its place, once that is accepted",
             (unsigned long long)number);
    struct transfer *at = first(receiving);
    for (; at != NULL; at = find_from(receiving, at->next))
        if (at->receiving == NULL && at->record.state == STORE_RUNNING)
            transfer_show(at, TRANSFER_SHOWN(WAITING), reason);
}

bool replaced_wait(struct receiving *receiving) {
    struct transfer *at = first(receiving);
    while (at != NULL && at->receiving == NULL)
        at = find_from(receiving, at->next);
    if (at == NULL)
        return false;
    receiving_succeed(receiving, at->receiving);
    transfer_show(at, TRANSFER_SHOWN(WAITING), "another transfer comes in its place");
    return true;
}

/* A session has one directory open. What is not there is sent again. */
static bool has_staging_here(const struct receiving *receiving, const struct transfer *transfer) {
    return (transfer->record.state == STORE_RUNNING || transfer->record.state == STORE_PAUSED) &&
           strcmp(transfer->record.destination, receiving->destination) == 0;
}

size_t replaced_list(const struct receiving *receiving, uint64_t numbers[LIMIT_LINEAGE]) {
    const struct lineage *lineage = &receiving->offer.lineage;
    size_t count = 0;
    for (size_t i = 0; i < lineage->count; i++) {
        const struct transfer *at = transfers_find_id(receiving->node->transfers, STORE_INCOMING,
                                                      receiving->key, lineage->ids[i]);
        if (at != NULL && is_replaced(receiving, at) && has_staging_here(receiving, at))
            numbers[count++] = at->record.number;
    }
    return count;
}

struct transfer *replaced_find(const struct receiving *receiving, uint64_t number) {
    struct transfer *at = transfers_find(receiving->node->transfers, number);
    return at != NULL && is_replaced(receiving, at) && at->receiving == NULL ? at : NULL;
}
