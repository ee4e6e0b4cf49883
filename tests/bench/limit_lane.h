/*
 * One lane of the limit program, at either end: a file in frames over one connection. Each frame is
 * a record of proto/stream.h whose body is the offset (u64, big-endian) and the bytes of the file
 * there. Blocks; a thread for each lane.
 */
#ifndef BENCH_LIMIT_LANE_H
#define BENCH_LIMIT_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the lanes of one end share. */
struct limit_end {
    int file;
    bool plain;             /* the same records, not encrypted */
    size_t frame;           /* bytes of the file in one frame */
    uint64_t size;          /* of the file; the sender's */
    _Atomic uint64_t taken; /* up to where lanes have taken it; the sender's */
};

/* Takes and sends one frame after the other until there are no more, then waits until the peer has
 * closed. `socket` stays the caller's. 0 or -errno. */
int limit_lane_send(struct limit_end *end, int socket);

/* Writes what comes in until the peer has said that it was everything. `socket` stays the caller's,
 * who closes it when every lane has written. 0 or -errno (-EBADMSG where something does not open).
 */
int limit_lane_receive(struct limit_end *end, int socket);

#endif
