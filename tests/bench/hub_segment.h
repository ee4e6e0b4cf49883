/*
 * Large segments as the kernel hands them to a packet socket with PACKET_VNET_HDR: a struct
 * virtio_net_hdr, then one Ethernet frame that stands for many packets of TCP over IPv4. No I/O.
 */
#ifndef BENCH_HUB_SEGMENT_H
#define BENCH_HUB_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

/* How many packets it stands for. 1 for all that is not TCP over IPv4. */
unsigned hub_segment_count(const uint8_t *frame, size_t length);

/* Makes the frame that stands for `count` of them, from the `first` on (from 0), in `out`, which
 * has room for `length` bytes. Its length. Only for frames that stand for more than one. */
size_t hub_segment_cut(uint8_t *out, const uint8_t *frame, size_t length, unsigned first,
                       unsigned count);

#endif
