/*
 * A channel between two processes of one node: a SOCK_SEQPACKET socket, one message per packet,
 * descriptors attached. Channels between node and helpers, and the control socket.
 */
#ifndef BASE_CHAN_H
#define BASE_CHAN_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* A received packet: at most LIMIT_PACKET bytes and LIMIT_PACKET_FDS descriptors (close-on-exec,
 * owned by the receiver). About 64 KiB: allocate it once. */
struct chan_packet {
    size_t length;
    size_t fd_count;
    int fds[LIMIT_PACKET_FDS];
    uint8_t data[LIMIT_PACKET];
};

/* A connected pair, close-on-exec. 0 or -errno. */
int chan_pair(int fds[2]);

/* Sends one message with `fd_count` descriptors (borrowed). `flags`: 0 or MSG_DONTWAIT. No SIGPIPE.
 * 0; -EAGAIN where it would block; -EMSGSIZE over LIMIT_PACKET; -errno. */
int chan_send(int chan, const void *data, size_t length, const int *fds, size_t fd_count,
              int flags);

/* Receives one message. 1: a message; 0: end of file; -EAGAIN with MSG_DONTWAIT and nothing there;
 * -EBADMSG for a truncated packet, too many descriptors, or descriptors without a message (they
 * are closed); -errno. What was sent before the other end was closed comes before end of file,
 * whether that end read all of ours or not. An empty packet cannot be told from end of file and
 * counts as it. */
int chan_receive(int chan, struct chan_packet *packet, int flags);

/* Closes the descriptors that the receiver of `packet` did not take (set to -1 what was taken). */
void chan_drop_fds(struct chan_packet *packet);

#endif
