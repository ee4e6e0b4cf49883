#include "base/io.h"
#include "base/log.h"
#include "node/session/send.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* So many times in a row the same segment was sent again in vain: 6 s and more. */
#define IN_VAIN 5u

static bool observe(const struct connection *connection, struct tcp_info *info) {
    socklen_t length = sizeof *info;

    return getsockopt(connection_fd(connection), IPPROTO_TCP, TCP_INFO, info, &length) == 0;
}

/* A peer that does not read answers nevertheless: nothing of it is sent again. */
static bool is_cut_off(const struct connection *connection) {
    struct tcp_info info = {0};

    return observe(connection, &info) && info.tcpi_unacked > 0 && info.tcpi_retransmits >= IN_VAIN;
}

static void begin(struct send *send, uint32_t most) {
    struct tcp_info info = {0};
    struct growth_limits limits = {.most = most,
                                   .near = send->job->lanes_near > 0 ? send->job->lanes_near : 1};

    if (observe(send->course.lanes[0].connection, &info))
        limits.rtt_us = info.tcpi_min_rtt;
    growth_init(&send->growth, &limits);
    send->growing = true;
    log_debug("%u lanes of %u at first, the round trip is %u us", send->growth.wanted, most,
              limits.rtt_us);
}

static void ask_for(struct send *send, uint32_t number) {
    Fxnode__Helper__NeedLane need = FXNODE__HELPER__NEED_LANE__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    need.lane = number;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_NEED_LANE;
    message.need_lane = &need;
    send->asked[number] = true;
    uplink_send(send->course.uplink, &message);
}

/* Lanes whose threads have ended make room for others. */
static void reap(struct send *send, uint64_t now_ms) {
    for (uint32_t i = 1; i < LIMIT_LANES; i++)
        if (course_reap(&send->course, i)) {
            log_debug("lane %u is lost", i);
            growth_lost(&send->growth, now_ms);
        }
}

/* The threads of a lane that is cut off end, and with them what it had claimed is free. */
static void shut_cut_off(struct send *send) {
    for (uint32_t i = 1; i < LIMIT_LANES; i++)
        if (send->course.lanes[i].connection != NULL &&
            is_cut_off(send->course.lanes[i].connection))
            connection_shut(send->course.lanes[i].connection);
}

/* In *view how many lanes there are; how many there may be in all, 0 before that is known. */
static uint32_t look_around(struct send *send, struct growth_view *view) {
    uint32_t allowed = 0;

    pthread_mutex_lock(&send->course.lock);
    allowed = send->lanes;
    for (uint32_t i = 0; i < LIMIT_LANES; i++) {
        const struct lane *lane = &send->course.lanes[i];

        view->open += lane->connection != NULL && !lane->lost ? 1 : 0;
        view->asked += send->asked[i] ? 1 : 0;
    }
    pthread_mutex_unlock(&send->course.lock);
    return allowed;
}

void send_lanes_tend(struct send *send, uint64_t now_ms) {
    struct growth_view view = {.now_ms = now_ms, .moved = atomic_load(&send->course.moved)};
    uint32_t allowed = look_around(send, &view);
    uint32_t more = 0;

    if (allowed == 0)
        return;
    if (!send->growing)
        begin(send, allowed);
    shut_cut_off(send);
    reap(send, now_ms);
    more = growth_look(&send->growth, &view);
    for (uint32_t i = 1; i < allowed && more > 0; i++)
        if (send->course.lanes[i].connection == NULL && !send->asked[i]) {
            ask_for(send, i);
            more--;
        }
}

void send_lanes_came(struct send *send, uint32_t number, bool there) {
    send->asked[number] = false;
    log_debug("lane %u %s", number, there ? "is there" : "cannot be had now");
    if (there)
        growth_opened(&send->growth, io_now_ms());
    else
        growth_refused(&send->growth, io_now_ms());
}
