/* An offer that was not made before: whether it is taken, asked about or refused. */
#include "node/daemon/receiving.h"

#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/console.h"
#include "node/daemon/database.h"
#include "node/daemon/incoming.h"
#include "node/daemon/peers.h"
#include "node/daemon/policy.h"
#include "node/daemon/replaced.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER(answer) FXNODE__HELPER__ADMIT__ANSWER__##answer

/* Adds an offer of `key` that waits for a yes, made from `from`, where that is known. */
static void count_waiting(struct policy_offer *counts, const struct receiving *receiving,
                          const uint8_t *key, const struct address *from) {
    if (id_equal(key, receiving->key))
        counts->waiting_of_peer++;
    if (peers_paired(receiving->node->peers, key) != NULL)
        return;
    counts->waiting++;
    if (from != NULL && address_same_host(from, &receiving->address))
        counts->waiting_from_address++;
}

static void count_recorded(struct policy_offer *counts, const struct receiving *receiving) {
    const struct transfer *at = transfers_first(receiving->node->transfers);
    for (; at != NULL; at = at->next) {
        if (at->record.direction != STORE_INCOMING || transfer_is_finished(at))
            continue;
        counts->unfinished++;
        /* Whoever made an offer and went away has still made it. */
        if (at->record.state == STORE_OFFERED)
            count_waiting(counts, receiving, at->record.peer_key, at->has_from ? &at->from : NULL);
    }
}

/* Those which come at once are all judged before the first of them is recorded. */
static void count_creating(struct policy_offer *counts, const struct receiving *receiving) {
    const struct receiving *at = receiving->node->incoming->first;
    for (; at != NULL; at = at->next) {
        if (!at->creating)
            continue;
        counts->unfinished++;
        if (at->may_wait)
            count_waiting(counts, receiving, at->key, &at->address);
    }
}

static struct policy_offer describe(const struct receiving *receiving) {
    struct policy_offer offer = {
        .paired = peers_paired(receiving->node->peers, receiving->key),
        .entries = receiving->offer.entries,
        .bytes = receiving->offer.bytes,
        .manifest_length = receiving->offer.manifest_length,
        .exists = receiving_exists(receiving->node, receiving->key),
        .conflicts = offer_may_exist(&receiving->offer),
    };
    count_recorded(&offer, receiving);
    count_creating(&offer, receiving);
    return offer;
}

static enum policy_answer judge(const struct receiving *receiving,
                                const struct policy_offer *offer) {
    static const enum policy_accept accept[] = {
        [CONFIG_ACCEPT_ASK] = POLICY_ACCEPT_ASK,
        [CONFIG_ACCEPT_PAIRED] = POLICY_ACCEPT_PAIRED,
        [CONFIG_ACCEPT_ALL] = POLICY_ACCEPT_ALL,
    };
    return policy_judge(accept[receiving->node->config.accept], offer);
}

struct creation {
    struct receiving *receiving;
    enum store_state state; /* RUNNING becomes OFFERED where the day is over its limit */
    bool full;              /* but no more offers may wait then */
    bool may_wait;
    struct store_peer_settings settings; /* of a paired peer; without limits for any other */
    enum store_exists exists;
    int64_t now;
    char destination[PATH_MAX];
    struct store_transfer record;
    int result;
    struct fail fail;
};

/* On the database's thread: one offer after the other, so that no two of them take the same rest of
 * a day. */
static int check_day(struct store *store, struct creation *job) {
    const struct store_transfer *offer = &job->receiving->offer;
    uint64_t size = policy_size(offer->bytes, offer->manifest_length);
    uint64_t taken = 0;
    if (job->state != STORE_RUNNING || job->settings.day_limit == 0)
        return 0;
    int result =
        store_transfer_taken(store, job->receiving->key, job->now - POLICY_DAY, &taken, &job->fail);
    if (result == 0 && !policy_within_day(&job->settings, taken, size)) {
        job->state = STORE_OFFERED;
        job->full = !job->may_wait;
    }
    return result;
}

static void record_offer(struct store *store, struct creation *job) {
    /* The offer does not change while the receiving is held. */
    const struct store_transfer *offer = &job->receiving->offer;
    struct store_transfer_new with = {
        .direction = STORE_INCOMING,
        .state = job->state,
        .peer_key = offer->peer_key,
        .peer_name = offer->peer_name,
        .transfer_id = offer->transfer_id,
        .manifest_hash = offer->manifest_hash,
        .manifest_length = offer->manifest_length,
        .entries = offer->entries,
        .bytes = offer->bytes,
        .units = offer->units,
        .names = offer->names.items,
        .names_length = offer->names.length,
        .name_count = offer->name_count,
        .destination = job->destination,
        .exists = job->exists,
        .existing = offer->existing,
        .now = job->now,
    };
    uint64_t number = 0;
    job->result = store_transfer_create(store, &with, &number, &job->fail);
    if (job->result == 0)
        job->result = store_transfer_get(store, number, &job->record, &job->fail);
}

/* One commit: what cannot be read again is not recorded either. */
static void record_whole(struct store *store, struct creation *job) {
    job->result = store_begin(store, &job->fail);
    if (job->result < 0)
        return;
    record_offer(store, job);
    job->result = store_end(store, job->result, &job->fail);
}

static void run_create(struct store *store, void *arg) {
    struct creation *job = arg;
    job->result = check_day(store, job);
    if (job->result == 0 && !job->full)
        record_whole(store, job);
}

static void begin(struct receiving *receiving, struct transfer *transfer) {
    struct peers *peers = receiving->node->peers;
    if (transfer->record.state == STORE_RUNNING) {
        if (peers_paired(peers, receiving->key) != NULL)
            peers_remember(peers,
                           &(struct peers_met){.key = receiving->key, .name = receiving->name});
        offer_accept(receiving);
    } else {
        offer_answer(receiving, ANSWER(ASKED), "");
        transfer_show(transfer, TRANSFER_SHOWN(OFFERED), incoming_limit(transfer));
        console_offer(transfer);
        replaced_show(receiving, transfer->record.number);
    }
}

static void recorded(struct receiving *receiving, struct creation *job) {
    struct transfer *transfer =
        job->result == 0 ? transfers_add(receiving->node->transfers, &job->record) : NULL;
    if (transfer == NULL) {
        log_error("cannot record an offer: %s", job->result < 0 ? job->fail.text : "no memory");
        offer_answer(receiving, ANSWER(BUSY), "cannot record the offer");
    } else if (receiving->worker != NULL && receiving_attach(receiving, transfer)) {
        begin(receiving, transfer);
    }
}

static const char too_much[] = "too much is waiting here already";

static void created(void *arg) {
    struct creation *job = arg;
    struct receiving *receiving = job->receiving;
    receiving->creating = false;
    if (job->full)
        offer_answer(receiving, ANSWER(BUSY), too_much);
    else if (job->result == STORE_EXISTS)
        offer_look_up(receiving); /* another connection has made the same offer meanwhile */
    else
        recorded(receiving, job);
    store_transfer_clear(&job->record);
    free(job);
    receiving_release(receiving);
}

/* Whether an offer like it may wait for somebody's yes. */
static bool may_wait(const struct receiving *receiving, struct policy_offer offer) {
    struct store_peer_settings asked = {.accept = STORE_PEER_ASK};
    offer.paired = &asked;
    return judge(receiving, &offer) == POLICY_ASK;
}

static void create(struct receiving *receiving, enum store_state state,
                   const struct policy_offer *offer) {
    struct creation *job = calloc(1, sizeof *job);
    if (job == NULL) {
        offer_answer(receiving, ANSWER(BUSY), "");
        return;
    }
    snprintf(job->destination, sizeof job->destination, "%s", receiving->destination);
    job->receiving = receiving;
    job->state = state;
    job->now = io_wall_s();
    job->exists = policy_exists_accepted(offer->exists);
    if (offer->paired != NULL) {
        job->settings = *offer->paired;
        job->may_wait = may_wait(receiving, *offer);
    }
    receiving->creating = true;
    receiving->may_wait = state == STORE_OFFERED || job->settings.day_limit != 0;
    receiving_hold(receiving);
    if (database_submit(receiving->node->database, run_create, created, job) != 0) {
        job->result = fail_set(&job->fail, -ENOMEM, "no memory");
        created(job);
    }
}

/* A session that was given the directory of another transfer has not the right one open. */
static void create_at_home(struct receiving *receiving, enum store_state state,
                           const struct policy_offer *offer) {
    char landing[PATH_MAX];
    if (receiving_landing(receiving, landing) && strcmp(landing, receiving->destination) == 0)
        create(receiving, state, offer);
    else
        offer_come_again(receiving);
}

/* Names the first ones that exist. */
static void refuse_existing(struct receiving *receiving) {
    char names[OFFER_EXISTING_ROOM];
    char reason[OFFER_EXISTING_ROOM + 128];
    offer_existing(names, &receiving->offer);
    if (receiving->offer.existing != 0)
        snprintf(reason, sizeof reason,
                 "%s already there, and the receiver takes nothing that exists: send it under "
                 "another name, or have that changed there",
                 names);
    else
        snprintf(reason, sizeof reason,
                 "the receiver takes nothing that exists, and an offer tells it %u names: send "
                 "less at a time, or all in one directory",
                 LIMIT_OFFER_NAMES);
    offer_answer(receiving, ANSWER(REFUSE), reason);
}

/* What the person there reads: who is to do what. */
void offer_new(struct receiving *receiving) {
    replaced_end_offers(receiving);
    struct policy_offer offer = describe(receiving);
    switch (judge(receiving, &offer)) {
    case POLICY_YES:
        create_at_home(receiving, STORE_RUNNING, &offer);
        break;
    case POLICY_ASK:
        create_at_home(receiving, STORE_OFFERED, &offer);
        break;
    case POLICY_TOO_LARGE:
        offer_answer(receiving, ANSWER(REFUSE),
                     "the receiver takes so many files at once from paired peers only: send less "
                     "at a time, or pair with it (fxnode pair)");
        break;
    case POLICY_UNWELCOME:
        offer_answer(receiving, ANSWER(REFUSE),
                     offer.paired != NULL ? "the receiver takes no offers of this node"
                                          : "the receiver takes offers of paired peers only: pair "
                                            "with it (fxnode pair)");
        break;
    case POLICY_EXISTS:
        refuse_existing(receiving);
        break;
    case POLICY_BUSY:
        offer_answer(receiving, ANSWER(BUSY), too_much);
        break;
    }
}
