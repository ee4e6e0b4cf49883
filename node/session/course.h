/*
 * What both sides of a running transfer share: one lock around its state machine, the control
 * messages on their way out, the lanes with their threads, and how it ended.
 *
 * Threads: the main one serves the node and the clock and never blocks on the network or the disk;
 * each lane has one that reads and, where there is something to write, one that writes. They wait
 * on `changed` and nowhere else, and are stopped by course_close(): the flag `ended`, then shutdown
 * of the sockets, then join.
 */
#ifndef NODE_SESSION_COURSE_H
#define NODE_SESSION_COURSE_H

#include "base/limits.h"
#include "node/session/connection.h"
#include "node/session/outbox.h"
#include "node/session/uplink.h"
#include "proto/exchange.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct course;

/* One connection and its threads. */
struct lane {
    struct course *course;
    struct connection *connection; /* NULL: there is none */
    uint32_t number;
    bool reading; /* its reader runs */
    bool writing; /* its writer runs */
    bool lost;    /* its connection is of no more use; the threads end */
    bool reader_made;
    bool writer_made;
    pthread_t reader;
    pthread_t writer;
};

struct course {
    pthread_mutex_t lock;   /* around everything below, and the state machine */
    pthread_cond_t changed; /* CLOCK_MONOTONIC */
    uint64_t version;       /* counts changes, so that none is missed between looking and waiting */
    struct outbox outbox;
    struct lane lanes[LIMIT_LANES];
    struct exchange_end end;
    struct uplink *uplink;
    bool abrupt;         /* it ends without last words */
    bool node_gone;      /* nobody is left to be told how it ended */
    int wake;            /* eventfd: the main thread should look */
    atomic_bool ended;   /* set under the lock; read anywhere */
    atomic_ullong moved; /* content bytes sent or received */
};

/* 0 or -errno. */
int course_init(struct course *course, struct uplink *uplink);

/* Frees; after course_close() where lanes were opened. */
void course_clear(struct course *course);

/* Something changed: all who wait look again. Lock held. */
void course_changed(struct course *course);

/* Waits for a change after `seen` (a value of `version`), until `deadline_ms` of io_now_ms() at the
 * latest (EXCHANGE_NEVER: without). Lock held, given up meanwhile. */
void course_wait(struct course *course, uint64_t seen, uint64_t deadline_ms);

/* Makes the main thread look. Any thread, with or without the lock. */
void course_wake(struct course *course);

/* Queues a control message for lane 0. Lock held. */
void course_queue(struct course *course, const void *message, size_t length);

/* The transfer has ended in this way: the first one stays. Lock held. */
void course_end(struct course *course, enum exchange_outcome outcome, const char *text);

/* It ends at once and says nothing more to the peer. Lock held. */
void course_end_abruptly(struct course *course, enum exchange_outcome outcome);

/* What the node will be told, unless the state machine said before how it ended: for a stop whose
 * last words are still to come from there. Lock held. */
void course_prepare_end(struct course *course, enum exchange_outcome outcome, const char *text);

/* Opens lane `number` over what `connection` (owned from now on) is: starts its reader and, unless
 * `writer` is NULL, its writer. Both get the lane. Lock not held. 0 or -errno. */
int course_open_lane(struct course *course, uint32_t number, struct connection *connection,
                     void *(*reader)(void *), void *(*writer)(void *));

/* A lane that is lost and whose threads have ended is closed, so that another may be opened with
 * its number. Whether it was. Main thread, lock not held. */
bool course_reap(struct course *course, uint32_t number);

/* What a reader and a writer call last. Lock held. */
void course_reader_done(struct lane *lane);
void course_writer_done(struct lane *lane);

/* The writer of lane 0: sends the oldest control message that is queued, if any. Lock not held. 0
 * or -errno. */
int course_send_control(struct lane *lane);

/* The last thing a writer does: what is queued, on lane 0, then the record that ends the direction.
 * Lock not held. */
void course_send_last(struct lane *lane);

/* A reader, once the transfer has ended: reads on until the peer has ended too, so that closing
 * does not throw away what it has yet to read. Lock not held. */
void course_read_last(struct lane *lane);

/* Waits for the main thread: until the node, one of the lanes' threads or the clock (`deadline_ms`)
 * has something. Whether the node has. */
bool course_poll(struct course *course, uint64_t deadline_ms);

/* Gives each message that the node has sent to `take`. Where the node is gone the transfer ends
 * abruptly. Main thread, lock not held. */
typedef void course_take(void *context, struct uplink_message *message);
void course_take_messages(struct course *course, course_take *take, void *context);

/* The connection that came with a Connection message, made with room for these lengths; the keys
 * are wiped where they were received. NULL where it cannot be made. */
struct connection *course_connect(struct course *course, struct uplink_message *message,
                                  size_t send_max, size_t receive_max);

/* Ends everything in order: what is queued is sent, the peer's end awaited for a moment, sockets
 * are shut, threads joined. Main thread, after course_end(). */
void course_close(struct course *course);

/* Tells the node how it ended, where it has and the node is there. */
void course_report(const struct course *course);

#endif
