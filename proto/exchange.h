/*
 * What both roles of a transfer share: how it can end, the clock of silence on the control
 * connection, and the queue of what is to be done next. Used by talk.c and the files of the roles;
 * callers of those need only the values.
 */
#ifndef PROTO_EXCHANGE_H
#define PROTO_EXCHANGE_H

#include "base/rangeset.h"
#include "proto/manifest.h"
#include "proto/transfer.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_PING_MS 5000u      /* own silence after which a Ping is sent */
#define EXCHANGE_SILENT_MS 20000u   /* the peer's silence after which it counts as lost */
#define EXCHANGE_AGAIN_MAX 3u       /* rounds of Again that a receiver asks for */
#define EXCHANGE_AGAIN_MESSAGES 64u /* Again messages that a sender puts up with */
#define EXCHANGE_RANGES_MAX 65536u  /* ranges that a peer can make a set consist of */
#define EXCHANGE_NEVER UINT64_MAX

/* How a transfer ended on this connection; helper.proto has the same names. */
enum exchange_outcome {
    EXCHANGE_OPEN = 0,  /* it has not */
    EXCHANGE_COMPLETE,  /* delivered, and the sender knows */
    EXCHANGE_LOST,      /* connection lost or peer silent: try again soon */
    EXCHANGE_BUSY,      /* the peer has no room for us now */
    EXCHANGE_NO_SPACE,  /* a disk is full, here or there */
    EXCHANGE_REFUSED,   /* the peer said no */
    EXCHANGE_PAUSED,    /* by the peer */
    EXCHANGE_CANCELLED, /* by the peer */
    EXCHANGE_FAILED,    /* an error here that will not get better by itself */
    EXCHANGE_PROTOCOL,  /* the peer broke the protocol, or says that it met an error */
    EXCHANGE_STOPPED,   /* as the caller asked */
};

/* Why this side stops: what is told to the peer. Values of Stop.Reason in transfer.proto. */
typedef Fxnode__Wire__Stop__Reason exchange_reason;

/* The end of a transfer: outcome and an escaped line for people, which may be empty. */
struct exchange_end {
    enum exchange_outcome outcome;
    char text[512];
};

/* Name of an outcome for logs: "LOST". */
const char *exchange_outcome_name(enum exchange_outcome outcome);

/* The silence of both sides. Times are milliseconds of any clock that does not go back. */
struct exchange_clock {
    uint64_t now;
    uint64_t sent;  /* last control message of this side */
    uint64_t heard; /* last sign of life of the peer */
    bool deaf;      /* this side does not read at the moment: the peer's silence does not count */
};

enum exchange_beat { EXCHANGE_QUIET, EXCHANGE_PING_DUE, EXCHANGE_PEER_SILENT };

void exchange_clock_start(struct exchange_clock *clock, uint64_t now_ms);

/* Time goes on to `now_ms`; an earlier one is ignored. */
void exchange_clock_advance(struct exchange_clock *clock, uint64_t now_ms);

/* A sign of life of the peer, now. */
void exchange_clock_heard(struct exchange_clock *clock);

/* Whether this side reads; starting to read again counts as a sign of life. */
void exchange_clock_set_deaf(struct exchange_clock *clock, bool deaf);

/* What is due now. */
enum exchange_beat exchange_clock_beat(const struct exchange_clock *clock);

/* When something will be due, in the same clock. */
uint64_t exchange_clock_deadline(const struct exchange_clock *clock);

/* Fills `end` once: the first end stays. `text` is cut where it is too long. */
void exchange_end_set(struct exchange_end *end, enum exchange_outcome outcome, const char *text);

/* The end that a peer's Stop means here. */
void exchange_end_from_stop(struct exchange_end *end, const Fxnode__Wire__Stop *stop);

/* Extents of a message, as ranges added to `set`. 0; 1 where one ends beyond `units` or the set
 * would become too many ranges; -ENOMEM. */
int exchange_extents_add(struct rangeset *set, Fxnode__Wire__Extent *const *extents, size_t count,
                         uint64_t units);

/* One thing that the caller is to do. Kinds are those of sender.h and receiver.h; these two are the
 * same in both. */
#define EXCHANGE_SEND 1
#define EXCHANGE_END 2

struct exchange_item {
    struct exchange_item *next;
    int kind;
    uint64_t value;
    size_t length; /* of the encoded message that belongs to it; 0 for none */
    uint8_t message[];
};

/* First in, first out; bounded, since the caller empties it after every input. */
struct exchange_queue {
    struct exchange_item *head;
    struct exchange_item *tail;
    struct exchange_item *taken; /* what was handed out last */
    struct exchange_item *end;   /* kept for EXCHANGE_END; NULL once that was added */
    size_t length;
};

/* `queue` is zeros. 0 or -ENOMEM. */
int exchange_queue_init(struct exchange_queue *queue);
void exchange_queue_clear(struct exchange_queue *queue);

/* Adds an item without a message, or an EXCHANGE_SEND with `control` encoded. 0, -ENOMEM,
 * -EMSGSIZE, or -EOVERFLOW where the caller has not taken its actions. */
int exchange_queue_add(struct exchange_queue *queue, int kind, uint64_t value);
int exchange_queue_send(struct exchange_queue *queue, const Fxnode__Wire__Control *control);

/* Adds EXCHANGE_END, once. This does not fail: a transfer can end for want of memory, too. */
void exchange_queue_end(struct exchange_queue *queue);

/* Takes the oldest item, NULL where there is none. Valid until the next call. */
const struct exchange_item *exchange_queue_take(struct exchange_queue *queue);

/* What became of a transfer. Plain value. */
struct exchange_delivery {
    const struct manifest_name *names; /* final ones of top-level items, borrowed */
    size_t count;                      /* of them, LIMIT_OFFER_NAMES at most */
    uint32_t failed;                   /* entries that were not delivered */
    uint32_t lacking;                  /* and that were, without some of their attributes */
    bool exact; /* all others are as they were sent; see Delivered in fxnode-protocol(7) */
};

#endif
