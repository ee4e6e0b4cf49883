#include "node/cli/progress.h"

#include "base/escape.h"
#include "node/cli/command.h"
#include "node/cli/term.h"
#include "node/common/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STATE(name) FXNODE__CONTROL__TRANSFER__STATE__##name
#define MARK_MS 2000 /* the rate is that of one to two of these: reports come in bursts */

void progress_clear(struct progress *progress) {
    if (progress->drawn)
        term_clear();
    progress->drawn = false;
}

static void measure(struct progress *progress, uint64_t done, uint64_t now_ms) {
    struct progress_mark now = {now_ms, done};
    if (progress->origin.at_ms == 0 || done < progress->origin.done) {
        progress->origin = progress->next = now;
        progress->rate = 0;
        return;
    }
    uint64_t elapsed = now_ms - progress->origin.at_ms;
    if (elapsed > 200)
        progress->rate = (double)(done - progress->origin.done) * 1000 / (double)elapsed;
    if (now_ms - progress->next.at_ms >= MARK_MS) {
        progress->origin = progress->next;
        progress->next = now;
    }
}

/* "  42 %  1.2 GB of 3.0 GB  110 MB/s  0:17 left" */
static void draw(struct progress *progress, const Fxnode__Control__Transfer *transfer) {
    char done[HUMAN_ROOM], total[HUMAN_ROOM], rate[HUMAN_ROOM], left[HUMAN_ROOM] = "-:--";
    char line[256];
    unsigned share = transfer->bytes == 0
                         ? 100
                         : (unsigned)((double)transfer->done * 100 / (double)transfer->bytes);

    if (progress->rate >= 1 && transfer->done <= transfer->bytes)
        human_duration(left,
                       (uint64_t)((double)(transfer->bytes - transfer->done) / progress->rate));
    snprintf(line, sizeof line, "%3u %%  %s of %s  %s/s  %s left", share,
             human_bytes(done, transfer->done), human_bytes(total, transfer->bytes),
             human_bytes(rate, (uint64_t)progress->rate), left);
    term_redraw(line);
    progress->drawn = true;
}

static void announce(struct progress *progress, const Fxnode__Control__Transfer *transfer) {
    char names[COMMAND_NAMES_ROOM], peer[COMMAND_PEER_ROOM], total[HUMAN_ROOM];
    if (progress->announced || transfer->number == 0)
        return;
    progress->announced = true;
    progress->number = transfer->number;
    printf("%s %" PRIu64 ": %s (%s) to %s\n",
           progress->detached ? "queued as transfer" : "transfer", transfer->number,
           command_names(names, transfer), human_bytes(total, transfer->bytes),
           command_peer(peer, transfer->peer_name, &transfer->peer_key));
    fflush(stdout);
}

static void show_end(struct progress *progress, const Fxnode__Control__Transfer *transfer,
                     uint64_t now_ms) {
    char names[COMMAND_NAMES_ROOM], peer[COMMAND_PEER_ROOM], total[HUMAN_ROOM];
    double seconds = (double)(now_ms - progress->began_ms) / 1000;
    char took[32] = "";
    progress_clear(progress);
    if (seconds >= 0.05)
        snprintf(took, sizeof took, " in %.1f s", seconds);
    printf("%s: %s (%s%s%s) to %s\n", transfer->failed > 0 ? "delivered in part" : "delivered",
           command_names(names, transfer), transfer->failed > 0 ? "part of " : "",
           human_bytes(total, transfer->bytes), took,
           command_peer(peer, transfer->peer_name, &transfer->peer_key));
    fflush(stdout);
}

/* Why nothing moves. Without a reason it is about to: what follows says more. */
static void show_state(struct progress *progress, const Fxnode__Control__Transfer *transfer) {
    bool waits = transfer->state == STATE(QUEUED) || transfer->state == STATE(WAITING);
    if (progress->state == (int)transfer->state || (waits && transfer->reason[0] == '\0'))
        return;
    progress->state = (int)transfer->state;
    if (transfer->state == STATE(RUNNING))
        progress->origin.at_ms = 0;
    if (!waits && transfer->state != STATE(OFFERED))
        return;
    progress_clear(progress);
    if (transfer->state == STATE(OFFERED))
        printf("waiting for somebody there to say yes\n");
    else if (transfer->state == STATE(QUEUED))
        printf("queued: %s; it starts when the peer can be reached\n", transfer->reason);
    else
        printf("waiting: %s; it goes on by itself\n", transfer->reason);
    fflush(stdout);
}

void progress_show(struct progress *progress, const Fxnode__Control__Transfer *transfer,
                   uint64_t now_ms) {
    progress->terminal = term_can_draw();
    if (transfer->state == STATE(OFFERED))
        progress->began_ms = 0; /* people take their time */
    else if (progress->began_ms == 0)
        progress->began_ms = now_ms;
    announce(progress, transfer);
    if (progress->detached)
        return;
    show_state(progress, transfer);
    if (transfer->state != STATE(RUNNING) && transfer->state != STATE(PLACING) &&
        transfer->state != STATE(DELIVERED))
        return;
    if (transfer->state == STATE(DELIVERED) && progress->ended)
        return; /* what was sent is removed by now */
    if (transfer->state == STATE(DELIVERED)) {
        progress->ended = true;
        show_end(progress, transfer, now_ms);
        return;
    }
    measure(progress, transfer->done, now_ms);
    if (progress->terminal)
        draw(progress, transfer);
}
