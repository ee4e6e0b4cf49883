/*
 * Which congestion control a sending connection uses. Where the system's default is one that paces
 * by a model of the path (bbr), that is what wins on a lossy path and what costs processor time and
 * rate on a short clean one: there a loss-based one takes its place, for this socket only, and the
 * default comes back for good as soon as segments are lost. Where the default is another one it is
 * left alone. Buffers are never set: that would turn off their tuning. One thread.
 */
#ifndef NODE_SESSION_CONGESTION_H
#define NODE_SESSION_CONGESTION_H

#include <stdint.h>

#define CONGESTION_LOOK_MS 1000u /* between two looks at one connection */

enum congestion_mode {
    CONGESTION_LEFT,  /* not ours to choose, or chosen for good */
    CONGESTION_PACED, /* the default, which paces */
    CONGESTION_PLAIN, /* loss-based */
};

/* What was seen of a connection (tcp_info). */
struct congestion_figures {
    uint32_t rtt_us;   /* the least round trip; 0: not known */
    uint32_t segments; /* with data, sent since the last look */
    uint32_t lost;     /* sent again since then */
};

/* What a connection in `mode` should be in from now on. No I/O. */
enum congestion_mode congestion_judge(enum congestion_mode mode,
                                      const struct congestion_figures *figures);

struct congestion {
    int fd;
    enum congestion_mode mode;
    char paced[17];    /* the name of the default */
    uint32_t segments; /* totals at the last look; they wrap around */
    uint32_t lost;
    uint64_t next_ms; /* when it is to be looked at again */
};

/* Of the connected socket `fd` (borrowed), which may be of any kind: what is not TCP is left alone.
 * Looks at once. */
void congestion_init(struct congestion *congestion, int fd, uint64_t now_ms);

/* To be called as often as there is something to send: looks, and chooses, when it is time. */
void congestion_look(struct congestion *congestion, uint64_t now_ms);

#endif
