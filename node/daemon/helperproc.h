/*
 * A helper process of the node: a part of fxnode (node/common/part.h) with one end of a channel
 * (base/chan.h) as descriptor PART_CHANNEL. Nothing else of the node leaks into it but its standard
 * error and the environment.
 *
 * All functions and callbacks run on the loop's thread and do not block. What a helper says counts
 * as foreign: its packets are bounded by the channel and must be decoded as such.
 */
#ifndef NODE_DAEMON_HELPERPROC_H
#define NODE_DAEMON_HELPERPROC_H

#include "base/chan.h"
#include "base/fail.h"
#include "node/common/part.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

struct helperproc;

struct helperproc_events {
    /* A packet came. Take descriptors by setting them to -1; the rest is closed afterwards. */
    void (*packet)(void *arg, struct chan_packet *packet);
    /* The process is gone and reaped, and all it sent has been reported. `how` is a short text
     * ("exit status 1", "killed by signal 9") valid during the call. The helperproc frees itself
     * after this; it is called exactly once. */
    void (*gone)(void *arg, const char *how);
    void *arg;
};

/* Starts `part`, which is open. 0, or -errno with `fail` filled; then no callback follows. */
int helperproc_start(struct helperproc **out, uv_loop_t *loop, const struct part *part,
                     const struct helperproc_events *events, struct fail *fail);

/* Queues a packet; `fd` (or -1) is attached and belongs to the helperproc from here on, closed once
 * sent or when it fails. The data is wiped when it has left. A helper that lets more than
 * HELPERPROC_QUEUE packets wait is killed. After the helper's end it does nothing. */
void helperproc_send(struct helperproc *helper, const void *data, size_t length, int fd);
#define HELPERPROC_QUEUE 1024u

/* Whether it takes what it is sent: no packet waits here, and not more than HELPERPROC_UNREAD
 * bytes, with what the kernel needs for them, lie unread in the channel. To be asked before a
 * descriptor is sent that somebody outside can cause to be sent: each stays open until it is taken.
 */
bool helperproc_keeps_up(const struct helperproc *helper);
#define HELPERPROC_UNREAD 16384

/* Sends end of file after what has left already: the helper ends in its own time. `gone` follows.
 */
void helperproc_hang_up(struct helperproc *helper);

/* Whether `pid` is a helper of this loop that still runs. */
bool helperproc_is_one(uv_loop_t *loop, pid_t pid);

/* SIGKILL. `gone` follows, from the loop. */
void helperproc_kill(struct helperproc *helper);

#endif
