/*
 * The sender's side of a transfer, from offer to delivered, as a state machine: inputs are calls,
 * outputs are actions. It does no I/O and has no threads, clock or randomness. It counts in units
 * and entries (base/entry.h) and never looks at paths or content.
 *
 *   state       waits for                        then
 *   NEW         sender_start                     Offer                     -> OFFERED
 *   OFFERED     Verdict ASKED                    ASKED
 *               Verdict ACCEPT                   STREAM_MANIFEST           -> MANIFEST
 *               Verdict ACCEPT, manifest held                              -> HOLDING
 *               Verdict DELIVERED                DELIVERED                 -> RECORDING
 *   MANIFEST    sender_manifest_batch            after the last one        -> HOLDING
 *   HOLDING     Holding ... last                 OPEN_LANES, START         -> DATA
 *   DATA        sender_claim, sender_confirm, sender_failed, Durable, Again
 *               all entries confirmed            Sent                      -> SENT
 *   SENT        Again                            REWIND                    -> DATA
 *               Delivered                        DELIVERED                 -> RECORDING
 *   RECORDING   sender_recorded                  Finish, END (COMPLETE)    -> ENDED
 *
 * The caller holds one lock around all calls on one sender. Times are milliseconds of one monotonic
 * clock. After every input the caller takes actions until there are none, before the next
 * input: what an action borrows is valid only until then.
 *
 * Inputs return 0; a negative number is the caller's own mistake or lack of memory (-EINVAL for a
 * call that the state does not allow, -ENOMEM), after which the transfer should be stopped. What a
 * peer does wrong never shows there: it ends the transfer by SENDER_END with EXCHANGE_PROTOCOL.
 * After the end inputs do nothing and return 0.
 */
#ifndef PROTO_SENDER_H
#define PROTO_SENDER_H

#include "base/limits.h"
#include "base/lineage.h"
#include "base/rangeset.h"
#include "proto/exchange.h"
#include "proto/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sender;

struct sender_config {
    uint8_t transfer_id[LIMIT_TRANSFER_ID];
    const struct manifest_summary *summary; /* copied; with names */
    uint64_t holes; /* of its bytes, about how many need no room at the peer; not more than those */
    uint32_t lanes; /* connections wanted, the control connection included; 1 to LIMIT_LANES */
    struct lineage lineage; /* transfers that this one replaces */
};

/* 0, -EINVAL for a summary without entries or names or too many lanes, or -ENOMEM. */
int sender_new(struct sender **sender, const struct sender_config *config);
void sender_free(struct sender *sender);

/* What to do next. Pointers are valid until the next call on this sender. */
enum sender_action_kind {
    SENDER_NONE = 0,
    SENDER_SEND = EXCHANGE_SEND, /* write `message` as a control frame on lane 0, in order */
    SENDER_END = EXCHANGE_END,   /* the transfer has ended on this connection; last action, stays */
    SENDER_ASKED,    /* somebody is asked at the peer; `text` may say more (foreign, not escaped) */
    SENDER_ACCEPTED, /* the peer said yes, and to what */
    SENDER_STREAM_MANIFEST, /* give all batches to sender_manifest_batch, in order */
    SENDER_OPEN_LANES,      /* `lanes` connections are wanted in all (only where more than 1) */
    SENDER_START,           /* lanes may claim; `held` is what the peer has from before */
    SENDER_PROGRESS,  /* more is durable at the peer, or has to be sent again; ask sender_durable */
    SENDER_REWIND,    /* `unit` is no longer durable: confirming goes back to its entry, see
                         sender_rewind */
    SENDER_DELIVERED, /* record it durably, then sender_recorded */
};

struct sender_action {
    enum sender_action_kind kind;
    const uint8_t *message; /* SEND: an encoded Control */
    size_t length;
    uint32_t lanes;
    bool outside_links; /* ACCEPTED: links that lead outside are kept, else left out */
    uint64_t unit;
    const char *text;                         /* ASKED */
    const struct rangeset *held;              /* START */
    const struct rangeset *skipped;           /* START: entries that the peer has from elsewhere,
                                                 their units are held */
    const Fxnode__Wire__Delivered *delivered; /* DELIVERED; NULL where a peer that is too old
                                                 for it only said that it was delivered before */
    const struct exchange_end *end;           /* END */
};

/* Takes the next action; false (and SENDER_NONE) where there is none. */
bool sender_next(struct sender *sender, struct sender_action *action);

/* Lane 0 is open: begins. */
int sender_start(struct sender *sender, uint64_t now_ms);

/* A control frame came in on lane 0: its content behind the type byte. */
int sender_control(struct sender *sender, uint64_t now_ms, const void *data, size_t length);

/* Time passed. Call at sender_deadline or earlier. */
int sender_tick(struct sender *sender, uint64_t now_ms);

/* When the next sender_tick is needed, EXCHANGE_NEVER where none is. */
uint64_t sender_deadline(const struct sender *sender);

/* The next batch of the manifest (encoded, without its prefix; copied). Take the SEND before giving
 * the next. */
int sender_manifest_batch(struct sender *sender, const void *batch, size_t length);

/*
 * Lane `lane` (1 to LIMIT_LANES - 1) is open, or any lane is lost: what it had claimed and is not
 * durable is claimed again by others. Call it for an idle lane too that the peer has closed: what
 * was sent last may not have arrived. Losing lane 0 ends the transfer (EXCHANGE_LOST).
 */
int sender_lane_opened(struct sender *sender, uint32_t lane);
int sender_lane_lost(struct sender *sender, uint32_t lane);

/*
 * Claims up to `max_units` adjacent units for an open lane that has begun all it had claimed, the
 * lowest that nobody has: those it reads and sends next, in order (sender_begin). Returns 1 and
 * fills *range; 0 where there is nothing to send at the moment (a lost lane, Again or a failed
 * entry may change that: ask again after SENDER_PROGRESS or a lane's loss); negative as all inputs.
 */
int sender_claim(struct sender *sender, uint32_t lane, uint64_t max_units, struct range *range);

/* What the next claim begins with: the lowest free units, all adjacent ones. False where none is
 * free. */
bool sender_free_units(const struct sender *sender, struct range *range);

/* Where none is free: the lane takes over a part of what another one, which is slower, has claimed
 * and not begun. 1; 0 where there is no such part; negative as all inputs. */
int sender_steal(struct sender *sender, uint32_t lane);

/* The lane begins the next unit of what it claimed or took over: one that it still has to send (its
 * entry may have failed since, the unit become durable, another lane have it). False where it has
 * begun all of them. */
bool sender_begin(struct sender *sender, uint32_t lane, uint64_t *unit);

struct sender_failure {
    uint32_t entry;
    uint64_t first_unit;
    uint64_t units; /* all units of the entry */
    Fxnode__Wire__Failed__Reason reason;
    const char *text; /* for people at the peer; cut at 1024 bytes */
};

/* An entry cannot be sent: its units are not claimed any more and count as settled. In state DATA,
 * and once for an entry: again, or for one that is confirmed, is ignored. */
int sender_failed(struct sender *sender, const struct sender_failure *failure);

/* Whether all of these units are durable at the peer or belong to failed entries. */
bool sender_is_durable(const struct sender *sender, uint64_t first, uint64_t count);

/* Whether the peer has the entry, which has these units, from elsewhere: it is not read, and not in
 * any digest. A peer that says so without having said that it holds the units is not believed. */
bool sender_skips(const struct sender *sender, uint32_t entry, uint64_t first_unit, uint64_t units);

/* Units durable at the peer, without failed ones. */
const struct rangeset *sender_durable(const struct sender *sender);

/*
 * Confirming: the caller walks the entries in order. Once all units of some entries from
 * sender_confirm_next() on are durable (sender_is_durable), it checks that the sources are
 * unchanged (else sender_failed), and confirms them. The confirm that reaches the last entry sends
 * Sent too.
 */
struct sender_confirmation {
    uint32_t first_entry; /* sender_confirm_next() */
    uint32_t count;       /* 1 at least */
    uint64_t first_unit;  /* units of these entries */
    uint64_t units;
    uint8_t digest[LIMIT_CHUNK_HASH]; /* XXH3-128 (canonical) over the chunk hashes of all these
                                         units, in order, without those of failed or skipped entries
                                       */
};

uint32_t sender_confirm_next(const struct sender *sender);

/* 0; SENDER_STALE where confirming is elsewhere by now or not all of it is durable (any more):
 * nothing was sent, the caller looks again at sender_confirm_next(); negative as all inputs. */
#define SENDER_STALE 1
int sender_confirm(struct sender *sender, const struct sender_confirmation *confirmation);

/* Answers SENDER_REWIND: `entry` is the one that `unit` belongs to. Confirming goes on there, or
 * where the Confirm that held it began. The units have to be hashed anew when they are sent again.
 */
int sender_rewind(struct sender *sender, uint32_t entry);

/* The delivery is recorded durably. */
int sender_recorded(struct sender *sender);

/* This side stops; the peer is told `reason` and `text` (for people, may be NULL). Any state. */
int sender_stop(struct sender *sender, exchange_reason reason, const char *text);

#endif
