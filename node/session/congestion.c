#include "node/session/congestion.h"

#include "base/log.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define PACED "bbr" /* and what begins with it: its later versions */

/* The same link, or as good as that: a loss-based one fills it with the window that it always has.
 */
#define NEAR_US 3000u

/* One segment in so many may be lost without any harm at such round trips. A judgement takes at
 * least half as many. */
#define LOSS_ONE_IN 2000u

static bool is_lossy(const struct congestion_figures *figures) {
    return figures->segments >= LOSS_ONE_IN / 2 &&
           figures->lost > figures->segments / LOSS_ONE_IN + 1;
}

enum congestion_mode congestion_judge(enum congestion_mode mode,
                                      const struct congestion_figures *figures) {
    bool near = figures->rtt_us > 0 && figures->rtt_us <= NEAR_US;

    if (mode == CONGESTION_LEFT || is_lossy(figures))
        return CONGESTION_LEFT;
    return near ? CONGESTION_PLAIN : CONGESTION_PACED;
}

static bool use(int fd, const char *name) {
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0;
}

/* Not every system has both, or lets everybody use them. */
static bool use_plain(int fd) {
    return use(fd, "cubic") || use(fd, "reno");
}

/* What this system's headers know of tcp_info may be more than the kernel tells, or less. */
static bool observe(struct congestion *congestion, struct congestion_figures *figures) {
    struct tcp_info info = {0};
    socklen_t length = sizeof info;

    if (getsockopt(congestion->fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
        length < offsetof(struct tcp_info, tcpi_data_segs_out) + sizeof info.tcpi_data_segs_out)
        return false;
    figures->rtt_us = info.tcpi_min_rtt;
    figures->segments = info.tcpi_data_segs_out - congestion->segments;
    figures->lost = info.tcpi_total_retrans - congestion->lost;
    congestion->segments = info.tcpi_data_segs_out;
    congestion->lost = info.tcpi_total_retrans;
    return true;
}

static void change(struct congestion *congestion, enum congestion_mode mode) {
    bool changed = true;

    if (mode == CONGESTION_PLAIN)
        changed = use_plain(congestion->fd);
    else if (congestion->mode == CONGESTION_PLAIN)
        changed = use(congestion->fd, congestion->paced);
    congestion->mode = changed ? mode : CONGESTION_LEFT;
    log_debug("congestion control: %s",
              congestion->mode == CONGESTION_PLAIN ? "loss-based" : congestion->paced);
}

void congestion_look(struct congestion *congestion, uint64_t now_ms) {
    struct congestion_figures figures = {0};
    enum congestion_mode mode = CONGESTION_LEFT;

    if (congestion->mode == CONGESTION_LEFT || now_ms < congestion->next_ms)
        return;
    congestion->next_ms = now_ms + CONGESTION_LOOK_MS;
    if (observe(congestion, &figures))
        mode = congestion_judge(congestion->mode, &figures);
    if (mode != congestion->mode)
        change(congestion, mode);
}

void congestion_init(struct congestion *congestion, int fd, uint64_t now_ms) {
    socklen_t length = sizeof congestion->paced - 1;

    *congestion = (struct congestion){.fd = fd};
    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion->paced, &length) == 0 &&
        strncmp(congestion->paced, PACED, strlen(PACED)) == 0)
        congestion->mode = CONGESTION_PACED;
    congestion_look(congestion, now_ms);
}
