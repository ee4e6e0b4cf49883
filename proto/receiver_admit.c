/* How a transfer begins at a receiver: the offer, the node's answer, the manifest. */
#include "proto/receiver_parts.h"

#include <errno.h>
#include <string.h>

static void read_offer(struct receiver_offer *offer, const Fxnode__Wire__Offer *wire) {
    struct manifest_summary *summary = &offer->summary;
    memcpy(offer->transfer_id, wire->transfer_id.data, sizeof offer->transfer_id);
    memcpy(summary->hash, wire->manifest_hash.data, sizeof summary->hash);
    summary->length = wire->manifest_length;
    summary->entries = wire->entries;
    summary->bytes = wire->bytes;
    summary->units = wire->units;
    summary->name_count = wire->name_count;
    summary->names_shown = (uint32_t)wire->n_names;
    for (size_t i = 0; i < wire->n_names; i++) {
        summary->names[i].length = (uint8_t)wire->names[i].len;
        memcpy(summary->names[i].bytes, wire->names[i].data, wire->names[i].len);
    }
    offer->holes = wire->holes;
    offer->lanes = wire->lanes;
    offer->lineage = (struct lineage){0};
    for (size_t i = 0; i < wire->n_replaces; i++)
        lineage_add(&offer->lineage, wire->replaces[i].data);
}

int receiver_admit_offer(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    read_offer(&receiver->offer, control->offer);
    int rc = receiver_manifest_reset(receiver);
    receiver->lanes = receiver->offer.lanes < receiver->config.lanes ? receiver->offer.lanes
                                                                     : receiver->config.lanes;
    receiver->state = AT_ADMIT;
    return rc < 0 ? rc : talk_act(&receiver->talk, RECEIVER_OFFERED, 0);
}

int receiver_manifest_reset(struct receiver *receiver) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_OFFER && receiver->state != AT_ADMIT)
        return -EINVAL;
    manifest_checker_free(receiver->checker);
    receiver->checker = NULL;
    receiver->manifest_whole = false;
    return manifest_checker_new(&receiver->checker, &receiver->offer.summary);
}

/* Judges a batch; after the last one the whole. */
static int take_batch(struct receiver *receiver, const void *batch, size_t length,
                      struct fail *why) {
    int rc = manifest_checker_add(receiver->checker, batch, length, why);
    if (rc != 0 || !manifest_checker_is_full(receiver->checker))
        return rc;
    rc = manifest_checker_end(receiver->checker, why);
    receiver->manifest_whole = rc == 0;
    return rc;
}

int receiver_manifest_load(struct receiver *receiver, const void *batch, size_t length,
                           struct fail *why) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_ADMIT)
        return -EINVAL;
    return take_batch(receiver, batch, length, why);
}

const struct manifest_index *receiver_index(const struct receiver *receiver) {
    return receiver->manifest_whole ? manifest_checker_index(receiver->checker) : NULL;
}

static int send_verdict(struct receiver *receiver, const struct receiver_admission *admission) {
    Fxnode__Wire__Verdict verdict = FXNODE__WIRE__VERDICT__INIT;
    if (admission->answer == FXNODE__WIRE__VERDICT__ANSWER__DELIVERED)
        return talk_say_delivered_before(&receiver->talk, &admission->delivery);
    verdict.answer = admission->answer;
    if (admission->answer == FXNODE__WIRE__VERDICT__ANSWER__ACCEPT) {
        verdict.manifest_held = receiver->manifest_whole;
        verdict.lanes = receiver->lanes;
        verdict.outside_links = receiver->outside == RECEIVER_OUTSIDE_KEPT;
    }
    return talk_say_verdict(&receiver->talk, verdict, admission->reason);
}

int receiver_skip(struct receiver *receiver, const struct rangeset *entries,
                  const struct rangeset *units) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_SYNCING && (receiver->state != AT_ADMIT || !receiver->manifest_whole))
        return -EINVAL;
    int rc = rangeset_add_all(&receiver->skipped, entries);
    return rc < 0 ? rc : rangeset_add_all(&receiver->skipped_units, units);
}

int receiver_inherit(struct receiver *receiver, const struct rangeset *units) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    return receiver->state == AT_SYNCING ? intake_hold(&receiver->intake, units) : -EINVAL;
}

const struct rangeset *receiver_skipped_entries(const struct receiver *receiver) {
    return &receiver->skipped;
}

/* The manifest is on the disk: says what is held, and lets data in. What is skipped is not read
 * again, as what is held from before is. */
static int begin_data(struct receiver *receiver) {
    const struct rangeset *held = &receiver->intake.durable;
    receiver->held_open = held->length > 0;
    receiver->state = AT_DATA;
    int rc = rangeset_add_all(&receiver->inherited, held);
    if (rc == 0)
        rc = intake_hold(&receiver->intake, &receiver->skipped_units);
    return rc < 0 ? rc : talk_say_holding(&receiver->talk, held, &receiver->skipped);
}

/* Whether the whole manifest has links that this sender may not offer. */
static bool has_illegal_links(const struct receiver *receiver) {
    return receiver->outside == RECEIVER_OUTSIDE_REFUSED &&
           (manifest_index_has(receiver_index(receiver)) & MANIFEST_OUTSIDE) != 0;
}

static int refuse_links(struct receiver *receiver) {
    return talk_violation(&receiver->talk, "the manifest has links that lead outside");
}

static int accept(struct receiver *receiver, const struct receiver_admission *admission) {
    receiver->outside = admission->outside;
    intake_init(&receiver->intake, receiver->offer.summary.units, receiver->config.batch_bytes,
                receiver->config.batch_ms);
    if (!receiver->manifest_whole) {
        int rc = receiver_manifest_reset(receiver);
        receiver->state = AT_MANIFEST;
        return rc < 0 ? rc : send_verdict(receiver, admission);
    }
    if (has_illegal_links(receiver))
        return refuse_links(receiver);
    int rc = admission->held != NULL ? intake_hold(&receiver->intake, admission->held) : 0;
    if (rc == 0)
        rc = send_verdict(receiver, admission);
    return rc < 0 ? rc : begin_data(receiver);
}

int receiver_admit(struct receiver *receiver, uint64_t now_ms,
                   const struct receiver_admission *admission) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_ADMIT)
        return -EINVAL;
    exchange_clock_advance(&receiver->talk.clock, now_ms);
    if (admission->answer == FXNODE__WIRE__VERDICT__ANSWER__ACCEPT)
        return accept(receiver, admission);
    int rc = send_verdict(receiver, admission);
    switch (admission->answer) {
    case FXNODE__WIRE__VERDICT__ANSWER__ASKED:
        return rc;
    case FXNODE__WIRE__VERDICT__ANSWER__DELIVERED:
        receiver->state = AT_DELIVERED;
        return rc;
    case FXNODE__WIRE__VERDICT__ANSWER__NO_SPACE:
        return rc < 0 ? rc : talk_finish(&receiver->talk, EXCHANGE_NO_SPACE, "");
    default:
        return rc < 0 ? rc : talk_finish(&receiver->talk, EXCHANGE_STOPPED, "");
    }
}

int receiver_admit_manifest(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    struct fail why;
    ProtobufCBinaryData batch = control->manifest->batch;
    int rc = take_batch(receiver, batch.data, batch.len, &why);
    if (rc == MSG_INVALID)
        return talk_violation(&receiver->talk, "%s", why.text);
    if (rc == 0 && receiver->manifest_whole && has_illegal_links(receiver))
        return refuse_links(receiver);
    if (rc == 0)
        rc = talk_act(&receiver->talk, RECEIVER_STORE_MANIFEST, 0);
    if (rc < 0 || !receiver->manifest_whole)
        return rc;
    receiver->state = AT_SYNCING;
    /* What is said meanwhile is not read: making a large tree takes its time. */
    exchange_clock_set_deaf(&receiver->talk.clock, true);
    return talk_act(&receiver->talk, RECEIVER_SYNC_MANIFEST, 0);
}

int receiver_manifest_synced(struct receiver *receiver) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_SYNCING)
        return -EINVAL;
    exchange_clock_set_deaf(&receiver->talk.clock, false);
    return begin_data(receiver);
}
