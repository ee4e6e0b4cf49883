/*
 * When an interrupted or waiting transfer is tried again. Pure: the clock stays with the caller and
 * randomness is an argument.
 *
 * Delays double from QUEUE_FIRST_MS to QUEUE_LAST_MS, each drawn from the upper half of its span so
 * that many nodes do not come back in step. A peer that discovery sees is tried at once: the caller
 * then calls queue_seen and does not wait for the delay.
 */
#ifndef NODE_DAEMON_QUEUE_H
#define NODE_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define QUEUE_FIRST_MS 500u
#define QUEUE_LAST_MS 15000u
#define QUEUE_PROTOCOL_TRIES 5u /* broken protocol in a row, without progress, before giving up */

/* How an attempt to deliver ended. */
enum queue_event {
    QUEUE_COMPLETE,
    QUEUE_UNREACHABLE, /* nothing at the peer's addresses held its key */
    QUEUE_NO_VERSION,  /* no protocol version in common */
    QUEUE_LOST,
    QUEUE_BUSY,
    QUEUE_NO_SPACE,
    QUEUE_REFUSED,
    QUEUE_PEER_PAUSED,
    QUEUE_PEER_CANCELLED,
    QUEUE_LOCAL_FAULT, /* will not get better by itself */
    QUEUE_PROTOCOL,
};

/* What follows. */
enum queue_action {
    QUEUE_FINISH, /* delivered, or failed for good, or refused, or cancelled: no further attempt */
    QUEUE_RETRY,  /* try again after `delay_ms` */
    QUEUE_AWAIT,  /* the peer is away: try after `delay_ms`, or once it is seen */
};

struct queue_decision {
    enum queue_action action;
    uint32_t delay_ms;
};

/* The attempts at one transfer. Zero-initialise it. Plain value. */
struct queue_tries {
    uint32_t failures; /* in a row, without progress */
    uint32_t broken;   /* of them, how many broke the protocol */
};

/* Judges the end of an attempt and counts it. `progressed`: something new became durable during it.
 * `random`: 32 random bits. */
struct queue_decision queue_judge(struct queue_tries *tries, enum queue_event event,
                                  bool progressed, uint32_t random);

/* Discovery has just seen the peer: delays begin anew. */
void queue_seen(struct queue_tries *tries);

#endif
