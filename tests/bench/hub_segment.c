#include "hub_segment.h"

#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>

#define ETHERNET 14u
#define START (sizeof(struct virtio_net_hdr) + ETHERNET) /* of the IP header */
#define WORD 4u                                          /* what header lengths count in */

/* What is where in a frame. */
struct parts {
    struct virtio_net_hdr offload;
    struct iphdr ip;
    struct tcphdr tcp;
    size_t tcp_at;
    size_t payload_at;
};

/* False where it stands for one packet, or is none that can be cut. */
static bool parse(struct parts *parts, const uint8_t *frame, size_t length) {
    *parts = (struct parts){0};
    if (length < START + sizeof parts->ip)
        return false;
    memcpy(&parts->offload, frame, sizeof parts->offload);
    if ((parts->offload.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_TCPV4 ||
        parts->offload.gso_size == 0)
        return false;
    memcpy(&parts->ip, frame + START, sizeof parts->ip);
    parts->tcp_at = START + parts->ip.ihl * WORD;
    if (length < parts->tcp_at + sizeof parts->tcp)
        return false;
    memcpy(&parts->tcp, frame + parts->tcp_at, sizeof parts->tcp);
    parts->payload_at = parts->tcp_at + parts->tcp.doff * WORD;
    return length > parts->payload_at;
}

unsigned hub_segment_count(const uint8_t *frame, size_t length) {
    struct parts parts;

    if (!parse(&parts, frame, length))
        return 1;
    return (unsigned)((length - parts.payload_at - 1) / parts.offload.gso_size + 1);
}

/* The ones' complement sum of RFC 1071, not complemented, over an even number of bytes. */
static uint16_t sum(const uint8_t *bytes, size_t length) {
    uint32_t total = 0;

    for (size_t i = 0; i < length; i += 2)
        total += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (total >> 16 != 0)
        total = (total & UINT16_MAX) + (total >> 16);
    return htons((uint16_t)total);
}

/* What the kernel expects in the place of the checksum where it is still to be computed. */
static uint16_t pseudo_header(const struct iphdr *ip, size_t length) {
    const uint16_t tail[] = {htons(IPPROTO_TCP), htons((uint16_t)length)};
    uint8_t header[2 * sizeof ip->saddr + sizeof tail];

    memcpy(header, &ip->saddr, sizeof ip->saddr);
    memcpy(header + sizeof ip->saddr, &ip->daddr, sizeof ip->daddr);
    memcpy(header + 2 * sizeof ip->saddr, tail, sizeof tail);
    return sum(header, sizeof header);
}

size_t hub_segment_cut(uint8_t *out, const uint8_t *frame, size_t length, unsigned first,
                       unsigned count) {
    struct parts parts;
    size_t payload = 0;
    size_t size = 0;
    size_t start = 0;

    if (!parse(&parts, frame, length))
        return 0;
    start = (size_t)first * parts.offload.gso_size;
    payload = length - parts.payload_at;
    size = payload - start < (size_t)count * parts.offload.gso_size
               ? payload - start
               : (size_t)count * parts.offload.gso_size;
    memcpy(out, frame, parts.payload_at);
    memcpy(out + parts.payload_at, frame + parts.payload_at + start, size);
    if (size <= parts.offload.gso_size) {
        parts.offload.gso_type = VIRTIO_NET_HDR_GSO_NONE;
        parts.offload.gso_size = 0;
    }
    parts.tcp.seq = htonl(ntohl(parts.tcp.seq) + (uint32_t)start);
    if (start + size < payload)
        parts.tcp.fin = parts.tcp.psh = 0;
    parts.tcp.check = pseudo_header(&parts.ip, parts.payload_at - parts.tcp_at + size);
    parts.ip.tot_len = htons((uint16_t)(parts.payload_at - START + size));
    memcpy(out, &parts.offload, sizeof parts.offload);
    memcpy(out + START, &parts.ip, sizeof parts.ip);
    memcpy(out + parts.tcp_at, &parts.tcp, sizeof parts.tcp);
    memset(out + START + offsetof(struct iphdr, check), 0, sizeof parts.ip.check);
    parts.ip.check = (uint16_t)~sum(out + START, parts.tcp_at - START);
    memcpy(out + START, &parts.ip, sizeof parts.ip);
    return parts.payload_at + size;
}
