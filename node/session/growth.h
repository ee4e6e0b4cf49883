/*
 * How many lanes a sender should have: few at first, one more while the last one that came has made
 * it clearly faster, and another for each that is lost. Where the peer is near only processors can
 * be what is short, so there are as few as they allow; where it is far, a connection is held back
 * by its window and by loss, and each takes round trips to get going: several begin at once. A
 * value without I/O; times are milliseconds of one monotonic clock; counts include the control
 * connection.
 */
#ifndef NODE_SESSION_GROWTH_H
#define NODE_SESSION_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#define GROWTH_SETTLE_MS 250u /* before what a new lane brings is measured */
#define GROWTH_WINDOW_MS 500u /* for so long */
#define GROWTH_FAILURES 8u    /* in a row, and it makes do with what it has */

struct growth_limits {
    uint32_t most;   /* 1 at least */
    uint32_t near;   /* the same for a peer that is near */
    uint32_t rtt_us; /* to the peer; 0: not known */
};

struct growth {
    uint32_t most;
    uint32_t wanted;
    bool grown;       /* one more would not make it faster */
    uint64_t rate;    /* bytes a second with a lane less; 0 before the first measurement */
    bool measuring;   /* since `from_ms`, when `from_moved` bytes had been sent */
    uint64_t from_ms; /* else: when it begins; 0 where lanes are missing */
    uint64_t from_moved;
    uint32_t failures;  /* since a lane was of use for a while */
    uint64_t ask_ms;    /* not before */
    uint64_t opened_ms; /* the newest lane */
};

/* What there is now. */
struct growth_view {
    uint64_t now_ms;
    uint64_t moved; /* content bytes sent so far */
    uint32_t open;  /* lanes */
    uint32_t asked; /* on their way */
};

void growth_init(struct growth *growth, const struct growth_limits *limits);

/* Looks at what there is: how many lanes to ask for now. As often as you like. */
uint32_t growth_look(struct growth *growth, const struct growth_view *view);

/* One that was asked for is there, or could not be had; one that was there is lost. The first that
 * is lost is replaced at once; after others that follow soon, and after one that could not be had,
 * it waits, longer each time. */
void growth_opened(struct growth *growth, uint64_t now_ms);
void growth_refused(struct growth *growth, uint64_t now_ms);
void growth_lost(struct growth *growth, uint64_t now_ms);

#endif
