/*
 * A limit on bytes a second that all lanes of a transfer share: a token bucket which is paid for in
 * arrears, so that one frame may always go and what follows waits.
 */
#ifndef NODE_SESSION_PACE_H
#define NODE_SESSION_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct pace {
    pthread_mutex_t mutex;
    uint64_t rate;    /* bytes a second; 0: no limit */
    uint64_t free_ns; /* when everything taken so far has been paid for, CLOCK_MONOTONIC */
};

void pace_init(struct pace *pace, uint64_t rate);
void pace_destroy(struct pace *pace);

/* Takes `bytes` and sleeps until they may be sent, in short steps, or until *stop is set. Any
 * thread. */
void pace_wait(struct pace *pace, uint64_t bytes, const atomic_bool *stop);

#endif
