/*
 * One side's conversation with its peer on lane 0: what it says, what it hears, what its caller is
 * to do next, and its end. What is said when is the business of the roles (sender.h, receiver.h),
 * whose files use this. No I/O, no lock.
 *
 * What queues something returns 0 or, as exchange_queue_add, a negative number.
 */
#ifndef PROTO_TALK_H
#define PROTO_TALK_H

#include "base/lineage.h"
#include "proto/exchange.h"
#include "proto/manifest.h"
#include "proto/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To be read only; zeroed, then talk_init. */
struct talk {
    struct exchange_clock clock;
    struct exchange_queue queue;
    struct exchange_end end;
    struct msg_arena *arena; /* holds the newest message of the peer */
};

/* 0 or -ENOMEM. */
int talk_init(struct talk *talk);
void talk_clear(struct talk *talk);

/* Whether it has ended here: EXCHANGE_END is the last thing in the queue. */
bool talk_has_ended(const struct talk *talk);

/* Queues something to do that is no message. */
int talk_act(struct talk *talk, int kind, uint64_t value);

/*
 * A control message came in: a sign of life. *control, valid until the next one, is what the role
 * has to answer; NULL where nothing is left to do, since it was a Stop, Ping or Pong, or it broke
 * the protocol whatever the state, which ends it.
 */
int talk_hear(struct talk *talk, uint64_t now_ms, const void *data, size_t length,
              const Fxnode__Wire__Control **control);

/* Time passed: asks whether the peer is alive, or ends with EXCHANGE_LOST where it is not. */
int talk_tick(struct talk *talk, uint64_t now_ms);

/* Ends it without a word. `text` is for people, escaped. */
int talk_finish(struct talk *talk, enum exchange_outcome outcome, const char *text);

/* Tells the peer why this side stops, and ends with `outcome`. `text` is for both sides' people; it
 * may be NULL. */
int talk_stop(struct talk *talk, enum exchange_outcome outcome, exchange_reason reason,
              const char *text);

/* The peer broke the protocol: tells it how, and ends. */
int talk_violation(struct talk *talk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Messages. Everything is copied; texts may be NULL and are cut at WIRE_TEXT_MAX bytes.
 */

struct talk_offer {
    const uint8_t *transfer_id; /* LIMIT_TRANSFER_ID */
    const struct manifest_summary *summary;
    const struct lineage *lineage;
    uint64_t holes;
    uint32_t lanes;
};

int talk_say_offer(struct talk *talk, const struct talk_offer *what);

/* `reason` replaces what is in `verdict`. */
int talk_say_verdict(struct talk *talk, Fxnode__Wire__Verdict verdict, const char *reason);

/* One encoded batch. */
int talk_say_manifest(struct talk *talk, const void *batch, size_t length);

/* All ranges of both sets, units and entries, in as many Holding as they need: the last one marked,
 * and one in any case. */
int talk_say_holding(struct talk *talk, const struct rangeset *held,
                     const struct rangeset *skipped);

/* All ranges of `set` in as many Durable or Again as they need; nothing for an empty set. */
int talk_say_extents(struct talk *talk, Fxnode__Wire__Control__BodyCase body,
                     const struct rangeset *set);

int talk_say_confirm(struct talk *talk, uint32_t first_entry, uint32_t count,
                     const uint8_t digest[LIMIT_CHUNK_HASH]);

int talk_say_failed(struct talk *talk, uint32_t entry, Fxnode__Wire__Failed__Reason reason,
                    const char *text);

/* As the receiver has it placed. */
int talk_say_delivered(struct talk *talk, const struct exchange_delivery *delivery);

/* The verdict of a peer that has delivered it before. */
int talk_say_delivered_before(struct talk *talk, const struct exchange_delivery *delivery);

int talk_say_stop(struct talk *talk, exchange_reason reason, const char *text);

/* Messages without fields: Ping, Pong, Sent, Finish. */
int talk_say_empty(struct talk *talk, Fxnode__Wire__Control__BodyCase body);

#endif
