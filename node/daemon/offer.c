#include "node/daemon/incoming.h"
#include "node/daemon/receiving.h"

#include "base/escape.h"
#include "base/log.h"
#include "node/daemon/console.h"
#include "node/daemon/database.h"
#include "node/daemon/held.h"
#include "node/daemon/neighbours.h"
#include "node/daemon/peers.h"
#include "node/daemon/replaced.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many sessions of a peer are given the directory of a transfer that began in another one than
 * today's: others of its transfers come in between, and it may come no more. */
#define ELSEWHERE_SESSIONS 4

#define ANSWER(answer) FXNODE__HELPER__ADMIT__ANSWER__##answer

/* The offer as it came. */

static int copy_names(struct store_names *out, const Fxnode__Helper__Offered *offered) {
    struct store_name names[LIMIT_OFFER_NAMES];
    size_t count = offered->n_names < LIMIT_OFFER_NAMES ? offered->n_names : LIMIT_OFFER_NAMES;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct store_name){(const char *)offered->names[i].data, offered->names[i].len};
    return store_names_copy(out, names, count);
}

/* A paired peer is called by its alias, whatever it calls itself. */
static const char *name_of(const struct receiving *receiving) {
    const struct peers *peers = receiving->node->peers;
    return peers_paired(peers, receiving->key) != NULL ? peers_name(peers, receiving->key)
                                                       : receiving->name;
}

static uint64_t existing_of(const Fxnode__Helper__Offered *offered) {
    size_t count = offered->n_names;
    return count >= 64 ? offered->existing : offered->existing & ((UINT64_C(1) << count) - 1);
}

void offer_made(struct receiving *receiving, const Fxnode__Helper__Offered *offered) {
    struct store_transfer *offer = &receiving->offer;
    receiving->offered = true;
    offer->direction = STORE_INCOMING;
    memcpy(offer->peer_key, receiving->key, LIMIT_KEY);
    snprintf(offer->peer_name, sizeof offer->peer_name, "%s", name_of(receiving));
    memcpy(offer->transfer_id, offered->transfer_id.data, LIMIT_TRANSFER_ID);
    memcpy(offer->manifest_hash, offered->manifest_hash.data, LIMIT_HASH);
    offer->manifest_length = offered->manifest_length;
    offer->entries = offered->entries;
    offer->bytes = offered->bytes;
    offer->units = offered->units;
    offer->name_count = offered->name_count;
    offer->existing = existing_of(offered);
    for (size_t i = 0; i < offered->n_lineage; i++)
        lineage_add(&offer->lineage, offered->lineage[i].data);
    if (copy_names(&offer->names, offered) != 0) {
        worker_kill(receiving->worker);
        return;
    }
    offer_look_up(receiving);
}

void offer_answer(struct receiving *receiving, Fxnode__Helper__Admit__Answer answer,
                  const char *reason) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Admit body = FXNODE__HELPER__ADMIT__INIT;
    if (receiving->worker == NULL)
        return;
    if (answer == ANSWER(REFUSE))
        replaced_end(receiving, "replaced by another offer, which was refused");
    body.answer = answer;
    body.reason = (char *)reason;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_ADMIT;
    message.admit = &body;
    worker_send(receiving->worker, &message);
}

static void answer_accept(struct receiving *receiving) {
    const struct store_transfer *record = &receiving->transfer->record;
    const struct transfer *from = transfers_find(receiving->node->transfers, receiving->inherits);
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Admit body = FXNODE__HELPER__ADMIT__INIT;
    Fxnode__Helper__Replaced replaced = FXNODE__HELPER__REPLACED__INIT;
    body.answer = ANSWER(ACCEPT);
    body.number = record->number;
    body.placing = record->state == STORE_PLACING;
    body.failed = record->failed;
    body.exact = record->exact;
    body.exists = transfer_exists(receiving->transfer);
    if (receiving->inherits != 0) {
        replaced.number = from->record.number;
        replaced.manifest_hash =
            (ProtobufCBinaryData){LIMIT_HASH, (uint8_t *)from->record.manifest_hash};
        replaced.manifest_length = from->record.manifest_length;
        replaced.entries = from->record.entries;
        replaced.bytes = from->record.bytes;
        replaced.units = from->record.units;
        body.replaced = &replaced;
    }
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_ADMIT;
    message.admit = &body;
    worker_send(receiving->worker, &message);
}

/* What exists of it, for people. */

#define SHOWN 3 /* of the names */

void offer_existing(char out[OFFER_EXISTING_ROOM], const struct store_transfer *record) {
    size_t length = 0;
    unsigned count = 0;
    for (size_t i = 0; i < record->names.length && i < LIMIT_OFFER_NAMES; i++) {
        const struct store_name *name = &record->names.items[i];
        char shown[ESCAPE_ROOM(32)];
        if ((record->existing >> i & 1) == 0 || count++ >= SHOWN)
            continue;
        escape_bytes(shown, sizeof shown, name->bytes, name->length);
        length += (size_t)snprintf(out + length, OFFER_EXISTING_ROOM - length, "%s\"%s\"",
                                   length > 0 ? ", " : "", shown);
    }
    if (count > SHOWN)
        snprintf(out + length, OFFER_EXISTING_ROOM - length, " and %u more are", count - SHOWN);
    else
        snprintf(out + length, OFFER_EXISTING_ROOM - length, count == 1 ? " is" : " are");
}

bool offer_may_exist(const struct store_transfer *record) {
    return record->existing != 0 || record->name_count > record->names.length;
}

/* Yes: what is durable already goes before it. */

/* Where nothing is to be had of those in whose place it comes, they are over now. */
static void inherit(struct receiving *receiving, const struct held *held) {
    if (receiving->transfer->record.state != STORE_PLACING && held->replaced != 0 &&
        replaced_find(receiving, held->replaced) != NULL) {
        receiving->inherits = held->replaced;
        worker_send_extents(receiving->worker, &held->replaced_extents, true);
    } else {
        replaced_end_by(receiving, receiving->transfer->record.number);
    }
}

static void loaded(void *context, const struct held *held) {
    struct receiving *receiving = context;
    struct worker *worker = receiving->worker;
    if (worker != NULL && held == NULL) {
        worker_kill(worker);
    } else if (worker != NULL && receiving->transfer->receiving == receiving) {
        held_send(worker, held);
        neighbours_send(worker, receiving->transfer);
        inherit(receiving, held);
        receiving->accepted = true;
        answer_accept(receiving);
        if (receiving->transfer->record.state == STORE_RUNNING)
            transfer_show(receiving->transfer, TRANSFER_SHOWN(RUNNING), "");
    }
    receiving_release(receiving);
}

/* Whether its session was not given the right that the transfer needs; the next one will be. */
static bool lacks_right(const struct receiving *receiving) {
    return receiving->transfer->record.exists == STORE_EXISTS_OVERWRITE && !receiving->replaces;
}

void offer_accept(struct receiving *receiving) {
    struct held_of of = {.number = receiving->transfer->record.number};
    if (lacks_right(receiving)) {
        offer_come_again(receiving);
        return;
    }
    if (replaced_wait(receiving))
        return;
    of.replaced_count = replaced_list(receiving, of.replaced);
    receiving_hold(receiving);
    if (held_load(receiving->node, &of, loaded, receiving) == 0)
        return;
    worker_kill(receiving->worker);
    receiving->jobs--; /* its worker is still to be reaped */
}

void offer_come_again(struct receiving *receiving) {
    if (receiving->worker != NULL)
        worker_stop(receiving->worker, WORKER_STOP(REPLACED));
}

/* An offer that was made before. */

static bool are_same_names(const struct store_names *a, const struct store_names *b) {
    bool same = a->length == b->length;
    for (size_t i = 0; same && i < a->length; i++)
        same = a->items[i].length == b->items[i].length &&
               memcmp(a->items[i].bytes, b->items[i].bytes, a->items[i].length) == 0;
    return same;
}

/* All that was shown: the hash stands for the rest, but names that it does not go with would only
 * be found out by a session that was told them. */
static bool is_same_offer(const struct store_transfer *a, const struct store_transfer *b) {
    return memcmp(a->manifest_hash, b->manifest_hash, LIMIT_HASH) == 0 &&
           a->manifest_length == b->manifest_length && a->entries == b->entries &&
           a->bytes == b->bytes && a->units == b->units && a->name_count == b->name_count &&
           are_same_names(&a->names, &b->names);
}

/* As it was told then, for the sender may not have heard it. */
static void answer_delivered(struct receiving *receiving, const struct store_transfer *record) {
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Admit body = FXNODE__HELPER__ADMIT__INIT;
    ProtobufCBinaryData names[LIMIT_OFFER_NAMES];
    const struct store_names *final = &record->final_names;
    body.answer = ANSWER(DELIVERED);
    body.failed = record->failed;
    body.exact = record->exact;
    for (size_t i = 0; i < final->length && i < LIMIT_OFFER_NAMES; i++)
        names[body.n_names++] =
            (ProtobufCBinaryData){final->items[i].length, (uint8_t *) final->items[i].bytes};
    body.names = names;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_ADMIT;
    message.admit = &body;
    worker_send(receiving->worker, &message);
    replaced_end_by(receiving, record->number);
}

/* A finished one is answered from what the database knows. */
static void answer_finished(struct receiving *receiving, const struct store_transfer *record) {
    receiving->offer.number = record->number;
    switch (record->state) {
    case STORE_DELIVERED:
        answer_delivered(receiving, record);
        break;
    case STORE_REFUSED:
        offer_answer(receiving, ANSWER(REFUSE), "");
        break;
    default:
        offer_answer(receiving, ANSWER(REFUSE), "the receiver has given this transfer up");
        break;
    }
}

/* Whether its session has opened the directory in which the transfer began; else the next ones of
 * this peer will. */
static bool is_at_home(const struct receiving *receiving, struct transfer *transfer) {
    bool home = strcmp(transfer->record.destination, receiving->destination) == 0;
    transfer->elsewhere = home ? 0 : ELSEWHERE_SESSIONS;
    return home;
}

static void answer_unfinished(struct receiving *receiving, struct transfer *transfer) {
    if (transfer->record.state == STORE_PAUSED) {
        offer_answer(receiving, ANSWER(BUSY), "paused by the receiver");
    } else if (!is_at_home(receiving, transfer)) {
        offer_come_again(receiving);
    } else if (!receiving_attach(receiving, transfer)) {
        return; /* the session before is on its way out */
    } else if (transfer->record.state == STORE_OFFERED) {
        offer_answer(receiving, ANSWER(ASKED), "");
        transfer_show(transfer, TRANSFER_SHOWN(OFFERED), incoming_limit(transfer));
        console_offer(transfer);
    } else {
        offer_accept(receiving);
    }
}

struct look_up {
    struct receiving *receiving;
    struct store_transfer record;
    int result;
    struct fail fail;
};

static void run_find(struct store *store, void *arg) {
    struct look_up *job = arg;
    const struct store_transfer *offer = &job->receiving->offer;
    job->result = store_transfer_find(store, STORE_INCOMING, offer->peer_key, offer->transfer_id,
                                      &job->record, &job->fail);
}

static void answer(struct receiving *receiving, const struct look_up *job) {
    struct transfer *transfer = transfers_find_id(receiving->node->transfers, STORE_INCOMING,
                                                  receiving->key, receiving->offer.transfer_id);
    if (job->result < 0) {
        log_error("cannot look an offer up: %s", job->fail.text);
        offer_answer(receiving, ANSWER(BUSY), "");
    } else if (job->result == STORE_NONE) {
        offer_new(receiving);
    } else if (!is_same_offer(&job->record, &receiving->offer)) {
        offer_answer(receiving, ANSWER(CONFLICT), "");
    } else if (transfer != NULL && !transfer_is_finished(transfer)) {
        answer_unfinished(receiving, transfer);
    } else {
        answer_finished(receiving, &job->record);
    }
}

static void looked_up(void *arg) {
    struct look_up *job = arg;
    struct receiving *receiving = job->receiving;
    if (receiving->worker != NULL)
        answer(receiving, job);
    store_transfer_clear(&job->record);
    free(job);
    receiving_release(receiving);
}

void offer_look_up(struct receiving *receiving) {
    struct look_up *job = calloc(1, sizeof *job);
    if (job == NULL) {
        offer_answer(receiving, ANSWER(BUSY), "");
        return;
    }
    job->receiving = receiving;
    receiving_hold(receiving);
    if (database_submit(receiving->node->database, run_find, looked_up, job) != 0) {
        job->result = fail_set(&job->fail, -ENOMEM, "no memory");
        looked_up(job);
    }
}
