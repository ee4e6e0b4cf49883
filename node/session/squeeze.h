/*
 * How hard the content of a transfer is compressed on its way: a ladder whose foot is "not at all".
 *
 * Compressing pays where the connection, and not the machine, is what everything waits for. That is
 * never taken for granted but tried: while lanes wait for room most of the time one rung is
 * climbed, and who is not faster for it by the next look climbs down and rests, each time twice as
 * long. While they hardly wait, a faster level does. Content that does not become smaller is
 * noticed by each lane, which then tries only a frame now and then, and by all when none of it
 * does.
 *
 * Policy only, all lanes together: no I/O, no clock, and the caller has a lock.
 */
#ifndef NODE_SESSION_SQUEEZE_H
#define NODE_SESSION_SQUEEZE_H

#include <stdbool.h>
#include <stdint.h>

#define SQUEEZE_FOOT 0 /* rung on which nothing is compressed */
#define SQUEEZE_TOP 7

/* The least that compressing a frame has to save. */
#define SQUEEZE_SAVES(length) ((length) / 16)

/* What has left, by one lane, since it last said so. */
struct squeeze_sent {
    uint64_t now_ns;
    uint64_t waited_ns; /* of that time, for room in the connection, or for its turn by a limit */
    uint64_t plain;     /* bytes as they were */
    uint64_t packed;    /* and as they were sent */
    unsigned lane;
};

/* What was seen since the last look at the figures. */
struct squeeze_window {
    uint64_t from_ns;
    uint64_t waited_ns;
    uint64_t plain;
    uint64_t packed;
    unsigned frames;
    uint32_t lanes; /* that were heard of, a bit each */
};

struct squeeze {
    struct squeeze_window window;
    unsigned rung;
    bool trying;       /* the rung is new: it has to show that it is better than the one before */
    unsigned bad;      /* looks in a row that said otherwise */
    unsigned good;     /* looks that said so, since it was climbed to */
    double before;     /* bytes of content a second, on the rung that was climbed from */
    double plain;      /* and when nothing was compressed last */
    uint64_t plain_ns; /* when that was */
    uint64_t rests_ns; /* until when nothing is climbed */
    uint64_t rest_ns;  /* how long after the next failure */
    uint64_t look_ns;  /* how old `plain` may become while nothing is waited for */
};

void squeeze_init(struct squeeze *squeeze, uint64_t now_ns);

/* Takes what a lane has sent. */
void squeeze_note(struct squeeze *squeeze, const struct squeeze_sent *sent);

/* The level of zstd for a rung that is not the foot. */
int squeeze_level(unsigned rung);

/* What one lane knows of its content. All zero at first. */
struct squeeze_lane {
    unsigned failures; /* frames in a row that did not become smaller, as far as it counts */
    unsigned skip;     /* frames that are not even tried */
};

/* Whether the lane's next frame is to be tried, where there is a rung. */
bool squeeze_lane_tries(struct squeeze_lane *lane);

/* How that went. */
void squeeze_lane_tried(struct squeeze_lane *lane, bool smaller);

#endif
