/*
 * The receiver's side of a transfer, from offer to finished, as a state machine: inputs are calls,
 * outputs are actions. It does no I/O and has no threads, clock or randomness. It judges every
 * message and every record before anything is written.
 *
 *   state       waits for                        then
 *   NEW         receiver_start                                             -> OFFER
 *   OFFER       Offer                            OFFERED                   -> ADMIT
 *   ADMIT       receiver_admit ASKED             Verdict
 *               receiver_admit ACCEPT            Verdict                   -> MANIFEST
 *               the same, manifest loaded        Verdict, Holding          -> DATA
 *               receiver_admit DELIVERED         Verdict                   -> DELIVERED
 *               receiver_admit, another          Verdict, END              -> ENDED
 *   MANIFEST    Manifest                         STORE_MANIFEST
 *               the last Manifest                SYNC_MANIFEST             -> SYNCING
 *   SYNCING     receiver_manifest_synced         Holding                   -> DATA
 *   DATA        records, Confirm, Failed         COMMIT, CHECK, DROP, Durable, Again
 *               Sent, all settled and verified   FINALIZE                  -> PLACING
 *   PLACING     receiver_placed                  Delivered                 -> DELIVERED
 *   DELIVERED   Finish                           FINISHED, END (COMPLETE)  -> ENDED
 *
 * Units of a transfer pass: in flight on a lane -> written -> being synced -> synced, being
 * committed -> durable. Only what is durable is ever reported. Being forgotten, after a digest that
 * differs: durable -> committed as forgotten -> Again -> accepted anew.
 *
 * Locking, clock, actions, and what inputs return are as in sender.h: one lock held by the caller,
 * take all actions after each input, negative is the caller's own mistake or lack of memory, and a
 * peer's mistake is RECEIVER_END with EXCHANGE_PROTOCOL.
 */
#ifndef PROTO_RECEIVER_H
#define PROTO_RECEIVER_H

#include "base/fail.h"
#include "base/limits.h"
#include "base/lineage.h"
#include "base/rangeset.h"
#include "proto/exchange.h"
#include "proto/manifest.h"
#include "proto/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct receiver;

struct receiver_config {
    uint32_t lanes;       /* connections allowed, the control connection included */
    uint64_t batch_bytes; /* most that is received and not yet durable */
    uint32_t batch_ms;    /* age of the oldest written byte at which a sync is due */
    uint32_t offer_ms;    /* time for the offer to come */
};

/* 0, -EINVAL for no or too many lanes, or -ENOMEM. */
int receiver_new(struct receiver **receiver, const struct receiver_config *config);
void receiver_free(struct receiver *receiver);

/* What the peer offers. Plain value. */
struct receiver_offer {
    uint8_t transfer_id[LIMIT_TRANSFER_ID];
    struct manifest_summary summary;
    uint64_t holes;         /* of the bytes, about how many need no room; not more than those */
    uint32_t lanes;         /* that the sender would like */
    struct lineage lineage; /* transfers that it replaces */
};

/* What to do next. Pointers are valid until the next call on this receiver. */
enum receiver_action_kind {
    RECEIVER_NONE = 0,
    RECEIVER_SEND = EXCHANGE_SEND, /* write `message` as a control frame on lane 0, in order */
    RECEIVER_END = EXCHANGE_END, /* the transfer has ended on this connection; last action, stays */
    RECEIVER_OFFERED,            /* ask the node about `offer`; receiver_admit answers */
    RECEIVER_STORE_MANIFEST, /* append u32be `length` and `message` (a batch that was judged good)
                                to the file */
    RECEIVER_SYNC_MANIFEST,  /* the manifest is whole and good: sync it; receiver_manifest_synced
                                answers */
    RECEIVER_COMMIT, /* have `add` and `forget` committed by the node; receiver_committed answers */
    RECEIVER_CHECK,  /* compare the digest over entries [entry, entry + count);
                        receiver_checked answers, before the next receiver_control */
    RECEIVER_DROP,   /* entry `entry` failed at the sender: remove what is staged of it;
                        receiver_dropped answers, before the next receiver_control */
    RECEIVER_FINALIZE,   /* all content is here and agreed: metadata, sync, place, record;
                            receiver_placed */
    RECEIVER_FINISHED,   /* the sender has recorded the delivery */
    RECEIVER_CLOSE_LANE, /* `lane` is closed by the caller, which then loses it */
};

struct receiver_action {
    enum receiver_action_kind kind;
    const uint8_t *message; /* SEND: an encoded Control; STORE_MANIFEST: a batch */
    size_t length;
    const struct receiver_offer *offer; /* valid as long as the receiver */
    const struct rangeset *add;         /* COMMIT: valid until receiver_committed */
    const struct rangeset *forget;
    uint32_t entry; /* CHECK, DROP */
    uint32_t lane;  /* CLOSE_LANE; not 0 */
    uint32_t count; /* CHECK */
    uint8_t digest[LIMIT_CHUNK_HASH];
    Fxnode__Wire__Failed__Reason reason; /* DROP */
    const char *text;                    /* DROP: foreign, not escaped */
    const struct exchange_end *end;      /* END */
};

/* Takes the next action; false (and RECEIVER_NONE) where there is none. */
bool receiver_next(struct receiver *receiver, struct receiver_action *action);

/* Lane 0 is open: begins. */
int receiver_start(struct receiver *receiver, uint64_t now_ms);

/* A control frame came in on lane 0: its content behind the type byte. */
int receiver_control(struct receiver *receiver, uint64_t now_ms, const void *data, size_t length);

/* Time passed. Call at receiver_deadline or earlier. */
int receiver_tick(struct receiver *receiver, uint64_t now_ms);

/* When the next receiver_tick is needed, or a sync will be due; EXCHANGE_NEVER where neither. */
uint64_t receiver_deadline(const struct receiver *receiver);

/*
 * Lane `lane` (1 to LIMIT_LANES - 1) is open, or any lane is lost: what it had half received is
 * forgotten. The caller closes a lost lane's socket, so that the sender sees the loss too and sends
 * that again. Losing lane 0 ends the transfer (EXCHANGE_LOST). Numbers are the caller's to give;
 * one that is open is -EINVAL. When the sender opens one more than receiver_lanes() it has given up
 * another, which may look alive here: the caller closes the one that has been silent longest.
 */
int receiver_lane_opened(struct receiver *receiver, uint32_t lane);
int receiver_lane_lost(struct receiver *receiver, uint32_t lane);

/* How many lanes there may be, lane 0 included; known from the offer on. */
uint32_t receiver_lanes(const struct receiver *receiver);

/*
 * A manifest kept from an earlier connection, in state ADMIT before receiver_admit(ACCEPT): its
 * batches without prefixes. 0; MSG_INVALID with `why` where it is not the one that was offered:
 * then receiver_manifest_reset and the sender is asked to send it.
 */
int receiver_manifest_load(struct receiver *receiver, const void *batch, size_t length,
                           struct fail *why);
int receiver_manifest_reset(struct receiver *receiver);

/* The index of the checked manifest; NULL before it is whole. Owned by the receiver. */
const struct manifest_index *receiver_index(const struct receiver *receiver);

/* What becomes of symbolic links that lead outside. */
enum receiver_outside {
    RECEIVER_OUTSIDE_REFUSED = 0, /* the sender does not know of them: one in the manifest is a
                                     violation */
    RECEIVER_OUTSIDE_LEFT,        /* they are left out, and did not fail */
    RECEIVER_OUTSIDE_KEPT,
};

struct receiver_admission {
    Fxnode__Wire__Verdict__Answer answer;
    enum receiver_outside outside;     /* ACCEPT */
    struct exchange_delivery delivery; /* DELIVERED: what became of it then; copied */
    const char *reason;                /* for people at the peer; may be NULL */
    const struct rangeset
        *held; /* ACCEPT: units committed before; copied; NULL for none. Ignored, and to
                  be forgotten by the caller, where the manifest is not held */
};

/* Entries, all of them files, and their units, which are here from elsewhere as they were offered:
 * they are neither sent nor confirmed. Copied. With the manifest whole, before
 * receiver_admit(ACCEPT) or receiver_manifest_synced, to a sender that knows of it. */
int receiver_skip(struct receiver *receiver, const struct rangeset *entries,
                  const struct rangeset *units);
const struct rangeset *receiver_skipped_entries(const struct receiver *receiver);

/* Units that are durable and recorded since they were taken over from a transfer that this one
 * replaces. Copied. Before receiver_manifest_synced; before receiver_admit(ACCEPT) they are a part
 * of `held`. */
int receiver_inherit(struct receiver *receiver, const struct rangeset *units);

/* The node's answer. ASKED leaves it open, another follows. */
int receiver_admit(struct receiver *receiver, uint64_t now_ms,
                   const struct receiver_admission *admission);

/* The manifest and its directory are synced. */
int receiver_manifest_synced(struct receiver *receiver);

/* What to do with a record. */
enum receiver_record {
    RECEIVER_WRITE,   /* write it, then receiver_written */
    RECEIVER_DISCARD, /* legitimate, but not needed: a repetition, or of a failed entry */
    RECEIVER_WAIT, /* not now: too much is not durable yet. The lane waits until something changes
                      (committed, written, a lane lost, the end) and asks again */
    RECEIVER_REFUSED, /* a violation, or the transfer has ended: the lane stops. RECEIVER_END tells
                       */
};

/*
 * Whether the bytes at `piece` (from record_locate) that came in on `lane` may be written now. A
 * chunk comes in order on one lane. Where the answer is WRITE and piece->offset is 0, the chunk
 * begins: its hash too.
 */
enum receiver_record receiver_record(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                                     const struct record_piece *piece);

/* A record that names no entry or lies outside of it, or a malformed data frame came in on `lane`.
 */
int receiver_violation(struct receiver *receiver, uint32_t lane, const char *what);

/*
 * What receiver_record answered WRITE to is written, and where the chunk is complete its hash is
 * kept. *completed (may be NULL): whether the unit is complete now.
 */
int receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                     const struct record_piece *piece, bool *completed);

/* Whether a sync should begin now: the oldest written byte is old enough, half of the batch is
 * written, or everything that is outstanding has arrived; and no other sync is under way. */
bool receiver_sync_due(const struct receiver *receiver, uint64_t now_ms);

/* Begins a sync: *units (valid until the answer) are written and have to be synced. Data goes on
 * being accepted beside. -EINVAL where one is under way or nothing is written. */
int receiver_sync_begin(struct receiver *receiver, const struct rangeset **units);

/* Answers it: what was written is on the disk. Where that cannot be relied upon receiver_stop()
 * ends the transfer without any of it being reported. */
int receiver_synced(struct receiver *receiver, uint64_t now_ms);

/* The COMMIT that was asked for is durable. */
int receiver_committed(struct receiver *receiver, uint64_t now_ms);

/* Units durable now, and those of failed entries, which neither have nor need any content. */
const struct rangeset *receiver_durable(const struct receiver *receiver);
const struct rangeset *receiver_dropped_units(const struct receiver *receiver);

/* Entries that failed, as a set of entry numbers. */
const struct rangeset *receiver_failed_entries(const struct receiver *receiver);

struct receiver_check {
    uint64_t first_unit; /* units of the entries in question; `units` may be 0 */
    uint64_t units;
    bool match; /* whether the digest is the same */
};

/* Answers CHECK. Units that are not durable (nor failed) are the peer's violation; a digest that
 * differs makes the units be forgotten, committed as such, and sent again, EXCHANGE_AGAIN_MAX times
 * in a transfer, and once for what was held from before. */
int receiver_checked(struct receiver *receiver, const struct receiver_check *check);

/* Answers DROP: the units of that entry, none for a directory or link. */
int receiver_dropped(struct receiver *receiver, uint64_t first_unit, uint64_t units);

/*
 * Units held from an earlier connection are re-read against their hashes by the caller, beside the
 * transfer, from DATA on. Those of entry `entry` that differ are told one by one, before the end of
 * it; they are sent again, but for those that a digest has shown to differ meanwhile: that is done
 * already. Where `held` was empty nothing is awaited, and neither may be called.
 */
int receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                      uint64_t units);
int receiver_held_verified(struct receiver *receiver);

/* Before that answer: what could not be placed here, as a set of entry numbers, beside what failed
 * at the sender. It counts as failed too. 0 or -ENOMEM. */
int receiver_not_placed(struct receiver *receiver, const struct rangeset *entries);

/* Answers FINALIZE: everything else is placed, synced and recorded. Final top-level names for the
 * sender, in order (the first LIMIT_OFFER_NAMES), how many entries lack extended attributes, and
 * whether all else is exactly what was sent. */
int receiver_placed(struct receiver *receiver, const struct manifest_name *names, size_t count,
                    uint32_t lacking, bool exact);

/* This side stops; the peer is told `reason` and `text` (for people, may be NULL). Any state. */
int receiver_stop(struct receiver *receiver, exchange_reason reason, const char *text);

#endif
