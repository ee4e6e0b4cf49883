/* How both sides come to hold the same at a receiver: what is confirmed, disputed or failed. */
#include "proto/receiver_parts.h"

#include <errno.h>

/* How often everything may be checked. Each Again makes a sender confirm once more what comes
 * behind it; one that says the same over and over would have its hashes read for ever, and chunks
 * that are holes cost it next to nothing. */
#define CHECKS_MAX (EXCHANGE_AGAIN_MESSAGES + 1u)

bool receiver_agree_is_reached(const struct receiver *receiver) {
    return rangeset_contains(&receiver->confirmed, 0, receiver->offer.summary.entries);
}

int receiver_agree_confirm(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    uint32_t entries = receiver->offer.summary.entries;
    const Fxnode__Wire__Confirm *confirm = control->confirm;
    if (confirm->first_entry >= entries || confirm->count > entries - confirm->first_entry)
        return talk_violation(&receiver->talk, "Confirm of entries that were not offered");
    if (receiver->confirmed.length >= EXCHANGE_RANGES_MAX)
        return talk_violation(&receiver->talk, "Confirm in too many pieces");
    /* What is agreed needs no more reading of hashes, however often it is said. */
    if (rangeset_contains(&receiver->confirmed, confirm->first_entry, confirm->count))
        return 0;
    receiver->checking = true;
    return talk_act(&receiver->talk, RECEIVER_CHECK, 0);
}

/* The content of entries has to be agreed upon again. */
static int dispute(struct receiver *receiver, uint64_t entry, uint64_t count) {
    int rc = rangeset_remove(&receiver->confirmed, entry, count);
    receiver->sent = false;
    return rc < 0 ? rc : rangeset_add(&receiver->disputed, entry, count);
}

/* What is skipped was not sent, is in no digest, and so is not what differs. */
static int forget(struct receiver *receiver, const struct receiver_check *check,
                  uint64_t *forgotten) {
    uint64_t end = check->first_unit + check->units;
    struct range sent = {.first = check->first_unit};
    int rc = 0;
    *forgotten = 0;
    while (rc == 0 &&
           rangeset_next_gap(&receiver->skipped_units, sent.first + sent.count, end, &sent)) {
        uint64_t more = 0;
        rc = intake_forget(&receiver->intake, sent.first, sent.count, &more);
        *forgotten += more;
    }
    return rc;
}

/* Whether a digest may differ for once: the content of what is held from before, above all from
 * another transfer, is that of sources as they were then. */
static bool is_excused(struct receiver *receiver, const struct receiver_check *check) {
    return rangeset_intersects(&receiver->inherited, check->first_unit, check->units) &&
           rangeset_remove(&receiver->inherited, check->first_unit, check->units) == 0;
}

static int on_mismatch(struct receiver *receiver, const struct receiver_check *check) {
    const Fxnode__Wire__Confirm *confirm = receiver->message->confirm;
    uint64_t forgotten = 0;
    if (!is_excused(receiver, check) && ++receiver->rounds > EXCHANGE_AGAIN_MAX)
        return talk_stop(&receiver->talk, EXCHANGE_FAILED, FXNODE__WIRE__STOP__REASON__ERROR,
                         "the content keeps differing from what was confirmed");
    int rc = forget(receiver, check, &forgotten);
    /* It is no longer what was held: whoever still re-reads that may meet both. */
    if (rc == 0)
        rc = rangeset_remove(&receiver->inherited, check->first_unit, check->units);
    if (rc == 0)
        rc = rangeset_remove(&receiver->bad_held, check->first_unit, check->units);
    if (rc == 0)
        rc = rangeset_remove(&receiver->bad_entries, confirm->first_entry, confirm->count);
    if (rc == 0 && forgotten == 0)
        return talk_violation(&receiver->talk, "Confirm of nothing with another digest");
    if (rc == 0)
        rc = dispute(receiver, confirm->first_entry, confirm->count);
    return rc < 0 ? rc : receiver_parts_proceed(receiver);
}

/* Whether this is more than any sender has to confirm. */
static bool is_too_much(struct receiver *receiver, const struct receiver_check *check) {
    const struct manifest_summary *summary = &receiver->offer.summary;
    receiver->checked += check->units + receiver->message->confirm->count;
    return receiver->checked / CHECKS_MAX > summary->units + summary->entries;
}

int receiver_checked(struct receiver *receiver, const struct receiver_check *check) {
    const struct intake *intake = &receiver->intake;
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (!receiver->checking)
        return -EINVAL;
    const Fxnode__Wire__Confirm *confirm = receiver->message->confirm;
    receiver->checking = false;
    if (!rangeset_contains(&intake->told, check->first_unit, check->units))
        return talk_violation(&receiver->talk, "Confirm of units that are not durable");
    if (is_too_much(receiver, check))
        return talk_violation(&receiver->talk, "Confirm of the same too often");
    /* Said before the sender knew that some of it has to be sent again: it will be said once more.
     */
    if (!rangeset_contains(&intake->settled, check->first_unit, check->units))
        return dispute(receiver, confirm->first_entry, confirm->count);
    if (!check->match)
        return on_mismatch(receiver, check);
    int rc = rangeset_add(&receiver->confirmed, confirm->first_entry, confirm->count);
    if (rc == 0)
        rc = rangeset_remove(&receiver->disputed, confirm->first_entry, confirm->count);
    return rc < 0 ? rc : receiver_parts_proceed(receiver);
}

int receiver_agree_failed(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    uint32_t entry = control->failed->entry;
    if (entry >= receiver->offer.summary.entries)
        return talk_violation(&receiver->talk, "Failed for an entry that was not offered");
    if (rangeset_contains(&receiver->failed, entry, 1))
        return talk_violation(&receiver->talk, "Failed twice for one entry");
    if (receiver->failed.length >= EXCHANGE_RANGES_MAX)
        return talk_violation(&receiver->talk, "Failed for too many entries");
    receiver->dropping = true;
    return talk_act(&receiver->talk, RECEIVER_DROP, 0);
}

int receiver_dropped(struct receiver *receiver, uint64_t first_unit, uint64_t units) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (!receiver->dropping)
        return -EINVAL;
    receiver->dropping = false;
    int rc = intake_drop(&receiver->intake, first_unit, units);
    if (rc == 0)
        rc = rangeset_add(&receiver->failed, receiver->message->failed->entry, 1);
    return rc < 0 ? rc : receiver_parts_proceed(receiver);
}

int receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                      uint64_t units) {
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_DATA || !receiver->held_open ||
        entry >= receiver->offer.summary.entries ||
        !rangeset_contains(&receiver->intake.told, first_unit, units))
        return -EINVAL;
    if (!rangeset_contains(&receiver->inherited, first_unit, units))
        return 0;
    int rc = rangeset_add(&receiver->bad_held, first_unit, units);
    return rc < 0 ? rc : rangeset_add(&receiver->bad_entries, entry, 1);
}

int receiver_held_verified(struct receiver *receiver) {
    const struct rangeset *bad = &receiver->bad_held;
    struct rangeset *entries = &receiver->bad_entries;
    uint64_t forgotten = 0;
    int rc = 0;
    if (receiver_parts_state(receiver) == AT_ENDED)
        return 0;
    if (receiver->state != AT_DATA || !receiver->held_open)
        return -EINVAL;
    receiver->held_open = false;
    for (size_t i = 0; rc == 0 && i < bad->length; i++)
        rc = intake_forget(&receiver->intake, bad->ranges[i].first, bad->ranges[i].count,
                           &forgotten);
    /* Those that failed since need no content, and nothing is asked for again. */
    if (rc == 0)
        rc = rangeset_remove_all(entries, &receiver->failed);
    for (size_t i = 0; rc == 0 && i < entries->length; i++)
        rc = dispute(receiver, entries->ranges[i].first, entries->ranges[i].count);
    return rc < 0 ? rc : receiver_parts_proceed(receiver);
}

int receiver_agree_sent(struct receiver *receiver, const Fxnode__Wire__Control *control) {
    uint32_t entries = receiver->offer.summary.entries;
    struct rangeset all;
    (void)control;
    if (receiver_agree_is_reached(receiver)) {
        receiver->sent = true;
        return receiver_parts_proceed(receiver);
    }
    /* Said before the sender knew that something has to be sent again: it will be said once more.
     */
    rangeset_init(&all);
    int rc = rangeset_add_all(&all, &receiver->confirmed);
    if (rc == 0)
        rc = rangeset_add_all(&all, &receiver->disputed);
    bool stale = rangeset_contains(&all, 0, entries);
    rangeset_clear(&all);
    if (rc == 0 && !stale)
        return talk_violation(&receiver->talk, "Sent before every entry was confirmed");
    return rc;
}

const struct rangeset *receiver_failed_entries(const struct receiver *receiver) {
    return &receiver->failed;
}
