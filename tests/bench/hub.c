/*
 * A cable between two network interfaces, with delay and loss: what one of them sends comes out of
 * the other, so much later, and some of it not at all.
 *
 *     hub INTERFACE INTERFACE DELAY LOSS
 *
 * DELAY is in microseconds and for one way, LOSS in lost packets per million, at random from a
 * fixed seed. The kernel hands over large segments whole, as a driver would get them; of those
 * single packets are lost too, as on a cable. Says "connected" when it is, and ends by a signal.
 */
#include "hub_segment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define USAGE 2
#define FRAME_MAX (128u * 1024u)
#define QUEUE (64 * 1024 * 1024) /* bytes that may wait to be read: more than any window */
#define NS_PER_US 1000u
#define NS_PER_S 1000000000u
#define MILLION 1000000u

struct packet {
    STAILQ_ENTRY(packet) next;
    uint64_t due; /* ns of CLOCK_MONOTONIC */
    size_t length;
    uint8_t frame[];
};

/* One way; a thread of its own. */
struct way {
    int from;
    int to;
    uint64_t delay; /* ns */
    uint64_t random;
    uint32_t loss; /* per million */
    STAILQ_HEAD(, packet) queue;
    pthread_t thread;
};

static void fail(const char *what) {
    fprintf(stderr, "hub: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static uint64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* xorshift64* */
static bool is_lost(struct way *way) {
    way->random ^= way->random >> 12;
    way->random ^= way->random << 25;
    way->random ^= way->random >> 27;
    return (way->random * 0x2545f4914f6cdd1dull >> 32) % MILLION < way->loss;
}

static void enqueue(struct way *way, const uint8_t *frame, size_t length) {
    struct packet *packet = malloc(sizeof *packet + length);

    if (packet == NULL)
        fail("queue");
    packet->due = now_ns() + way->delay;
    packet->length = length;
    memcpy(packet->frame, frame, length);
    STAILQ_INSERT_TAIL(&way->queue, packet, next);
}

/* Queues what is not lost of a frame: it is cut where a packet is lost. */
static void pass(struct way *way, const uint8_t *frame, size_t length) {
    static _Thread_local uint8_t part[FRAME_MAX];
    unsigned count = hub_segment_count(frame, length);
    unsigned first = 0;

    for (unsigned i = 0; i <= count; i++) {
        if (i < count && !is_lost(way))
            continue;
        if (first == 0 && i == count)
            enqueue(way, frame, length);
        else if (i > first)
            enqueue(way, part, hub_segment_cut(part, frame, length, first, i - first));
        first = i + 1;
    }
}

static void take_all(struct way *way) {
    static _Thread_local uint8_t frame[FRAME_MAX];
    ssize_t length = 0;

    while ((length = recv(way->from, frame, sizeof frame, MSG_DONTWAIT)) > 0)
        pass(way, frame, (size_t)length);
}

/* Sends what is due. What the other interface does not take is lost, as on a full cable. */
static void send_due(struct way *way) {
    struct packet *packet = NULL;

    while ((packet = STAILQ_FIRST(&way->queue)) != NULL && packet->due <= now_ns()) {
        (void)send(way->to, packet->frame, packet->length, 0);
        STAILQ_REMOVE_HEAD(&way->queue, next);
        free(packet);
    }
}

static void wait_for_work(const struct way *way) {
    const struct packet *first = STAILQ_FIRST(&way->queue);
    struct pollfd readable = {.fd = way->from, .events = POLLIN};
    struct timespec left = {0};
    uint64_t now = now_ns();

    if (first != NULL && first->due > now) {
        left.tv_sec = (time_t)((first->due - now) / NS_PER_S);
        left.tv_nsec = (long)((first->due - now) % NS_PER_S);
    }
    (void)ppoll(&readable, 1, first == NULL ? NULL : &left, NULL);
}

static void *run_way(void *arg) {
    struct way *way = arg;

    prctl(PR_SET_TIMERSLACK, 1uL);
    for (;;) {
        wait_for_work(way);
        take_all(way);
        send_due(way);
    }
    return NULL;
}

static int open_interface(const char *name) {
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(name)};
    struct packet_mreq all = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    const int on = 1;
    const int queue = QUEUE;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd < 0 || at.sll_ifindex == 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
        fail(name);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof queue);
    return fd;
}

int main(int argc, char **argv) {
    struct way ways[2];
    int interfaces[2];

    if (argc != 5) {
        fputs("hub: see the head of hub.c\n", stderr);
        return USAGE;
    }
    for (unsigned i = 0; i < 2; i++)
        interfaces[i] = open_interface(argv[1 + i]);
    for (unsigned i = 0; i < 2; i++) {
        ways[i] = (struct way){.from = interfaces[i],
                               .to = interfaces[1 - i],
                               .delay = strtoull(argv[3], NULL, 10) * NS_PER_US,
                               .loss = (uint32_t)strtoul(argv[4], NULL, 10),
                               .random = 1 + i};
        STAILQ_INIT(&ways[i].queue);
        if (pthread_create(&ways[i].thread, NULL, run_way, &ways[i]) != 0)
            fail("thread");
    }
    fputs("connected\n", stderr);
    pause();
    return EXIT_SUCCESS;
}
