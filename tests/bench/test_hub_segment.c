/* What a cut leaves of a frame that stands for many packets. */
#include "hub_segment.h"

#include <arpa/inet.h>
#include <check.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define IP_AT (sizeof(struct virtio_net_hdr) + 14)
#define TCP_AT (IP_AT + 20)
#define PAYLOAD_AT (TCP_AT + 32) /* with options */
#define SEGMENT 100u
#define PAYLOAD 350u /* four packets, the last of them shorter */
#define FRAME (PAYLOAD_AT + PAYLOAD)
#define SEQ 0xfffffff0u /* it wraps around within the frame */

static uint8_t frame[FRAME];
static uint8_t part[FRAME];

static void make_frame(void) {
    const struct virtio_net_hdr offload = {.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                           .gso_size = SEGMENT};
    const struct iphdr ip = {.version = 4, .ihl = 5, .protocol = IPPROTO_TCP, .saddr = 1};
    const struct tcphdr tcp = {.doff = 8, .seq = htonl(SEQ), .fin = 1, .ack = 1};

    memcpy(frame, &offload, sizeof offload);
    memcpy(frame + IP_AT, &ip, sizeof ip);
    memcpy(frame + TCP_AT, &tcp, sizeof tcp);
    for (unsigned i = 0; i < PAYLOAD; i++)
        frame[PAYLOAD_AT + i] = (uint8_t)i;
}

/* Cuts, and checks what has to be in every part: `payload` bytes from packet `first` on. */
static struct tcphdr cut(unsigned first, unsigned count, size_t payload) {
    struct tcphdr tcp;
    struct iphdr ip;
    uint32_t sum = 0;

    ck_assert_uint_eq(hub_segment_cut(part, frame, FRAME, first, count), PAYLOAD_AT + payload);
    ck_assert_mem_eq(part + PAYLOAD_AT, frame + PAYLOAD_AT + first * SEGMENT, payload);
    memcpy(&ip, part + IP_AT, sizeof ip);
    memcpy(&tcp, part + TCP_AT, sizeof tcp);
    ck_assert_uint_eq(ntohs(ip.tot_len), 20 + 32 + payload);
    ck_assert_uint_eq(ntohl(tcp.seq), SEQ + first * SEGMENT);
    for (unsigned i = 0; i < sizeof ip; i += 2)
        sum += (uint32_t)part[IP_AT + i] << 8 | part[IP_AT + i + 1];
    ck_assert_uint_eq((sum & UINT16_MAX) + (sum >> 16), UINT16_MAX);
    return tcp;
}

static struct virtio_net_hdr offload_of_part(void) {
    struct virtio_net_hdr offload;

    memcpy(&offload, part, sizeof offload);
    return offload;
}

START_TEST(several_stay_several) {
    make_frame();
    ck_assert_uint_eq(hub_segment_count(frame, FRAME), 4);
    ck_assert(!cut(0, 2, 2 * SEGMENT).fin);
    ck_assert_uint_eq(offload_of_part().gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    ck_assert_uint_eq(offload_of_part().gso_size, SEGMENT);
    ck_assert_uint_eq(hub_segment_count(part, PAYLOAD_AT + 2 * SEGMENT), 2);
}
END_TEST

START_TEST(the_last_is_shorter_and_ends) {
    make_frame();
    ck_assert(cut(2, 2, PAYLOAD - 2 * SEGMENT).fin);
    ck_assert(cut(3, 1, PAYLOAD - 3 * SEGMENT).fin);
    ck_assert_uint_eq(offload_of_part().gso_type, VIRTIO_NET_HDR_GSO_NONE);
}
END_TEST

START_TEST(one_is_left_alone) {
    make_frame();
    ck_assert(!cut(1, 1, SEGMENT).fin);
    ck_assert_uint_eq(hub_segment_count(part, PAYLOAD_AT + SEGMENT), 1);
    ck_assert_uint_eq(hub_segment_cut(frame, part, PAYLOAD_AT + SEGMENT, 0, 1), 0);
    ck_assert_uint_eq(hub_segment_count(frame, PAYLOAD_AT - 1), 1);
    ck_assert_uint_eq(hub_segment_count(frame, 5), 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hub-segment");
    TCase *cases = tcase_create("cut");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_add_test(cases, several_stay_several);
    tcase_add_test(cases, the_last_is_shorter_and_ends);
    tcase_add_test(cases, one_is_left_alone);
    suite_add_tcase(suite, cases);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
