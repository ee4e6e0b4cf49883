/*
 * A limit on bytes a second that all lanes of a transfer share: a token bucket which is paid for in
 * arrears, so that one frame may always go and what follows waits. What counts is what goes over
 * the connections: records as they are sealed, compressed where they are, but not what TCP adds.
 *
 * A sleep that lasts longer than it should, or a connection that is stuck for a moment, would make
 * every limit a little lower than it says. So what was missed is made up for, up to PACE_CREDIT_MS:
 * after a longer pause no burst follows than that. At the start nothing has been missed.
 */
#ifndef NODE_SESSION_PACE_H
#define NODE_SESSION_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_CREDIT_MS 250u
#define PACE_FRAMES 40u      /* a second, at least, while a limit is low */
#define PACE_FRAME_MIN 1024u /* but none below this: they would be mostly headers */

struct pace {
    pthread_mutex_t mutex;
    uint64_t rate; /* bytes a second; 0: no limit */
    uint64_t
        free_ns; /* when everything taken so far has been paid for, CLOCK_MONOTONIC; 0: nothing */
};

void pace_init(struct pace *pace, uint64_t rate);
void pace_destroy(struct pace *pace);

/* How long a frame may be, of at most `most` bytes, so that what is sent comes evenly and nothing
 * else waits long behind it. */
size_t pace_frame(const struct pace *pace, size_t most);

/* Takes `bytes` at the moment `now_ns`; there must be a limit. Returns the moment from which they
 * may be sent. Any thread. */
uint64_t pace_book(struct pace *pace, uint64_t now_ns, uint64_t bytes);

/* Takes `bytes` and sleeps until they may be sent, in short steps, or until *stop is set. Any
 * thread. How long that was, in nanoseconds. */
uint64_t pace_wait(struct pace *pace, uint64_t bytes, const atomic_bool *stop);

#endif
