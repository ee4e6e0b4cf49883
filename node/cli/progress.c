#include "node/cli/progress.h"

#include "base/escape.h"
#include "node/cli/command.h"
#include "node/cli/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define STATE(name) FXNODE__CONTROL__TRANSFER__STATE__##name
#define MARK_MS 2000 /* the rate is that of the last seconds */

static unsigned columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

void progress_clear(struct progress *progress) {
    if (progress->drawn)
        fputs("\r\033[K", stdout);
    progress->drawn = false;
    fflush(stdout);
}

static void measure(struct progress *progress, uint64_t done, uint64_t now_ms) {
    if (progress->mark_ms == 0 || done < progress->mark_done) {
        progress->mark_ms = now_ms;
        progress->mark_done = done;
        progress->rate = 0;
        return;
    }
    uint64_t elapsed = now_ms - progress->mark_ms;
    if (elapsed > 200)
        progress->rate = (double)(done - progress->mark_done) * 1000 / (double)elapsed;
    if (elapsed >= MARK_MS) {
        progress->mark_ms = now_ms;
        progress->mark_done = done;
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
    printf("\r%.*s\033[K", (int)columns() - 1, line);
    progress->drawn = true;
    fflush(stdout);
}

static void announce(struct progress *progress, const Fxnode__Control__Transfer *transfer) {
    char names[COMMAND_NAMES_ROOM], peer[COMMAND_PEER_ROOM], total[HUMAN_ROOM];
    if (progress->announced || transfer->number == 0)
        return;
    progress->announced = true;
    progress->number = transfer->number;
    printf("transfer %" PRIu64 ": %s (%s) to %s\n", transfer->number,
           command_names(names, transfer), human_bytes(total, transfer->bytes),
           command_peer(peer, transfer->peer_name, &transfer->peer_key));
}

static void show_end(struct progress *progress, const Fxnode__Control__Transfer *transfer,
                     uint64_t now_ms) {
    char names[COMMAND_NAMES_ROOM], peer[COMMAND_PEER_ROOM], total[HUMAN_ROOM];
    progress_clear(progress);
    printf("delivered: %s (%s in %.1f s) to %s\n", command_names(names, transfer),
           human_bytes(total, transfer->bytes), (double)(now_ms - progress->began_ms) / 1000,
           command_peer(peer, transfer->peer_name, &transfer->peer_key));
    fflush(stdout);
}

static void show_state(struct progress *progress, const Fxnode__Control__Transfer *transfer) {
    static const struct {
        Fxnode__Control__Transfer__State state;
        const char *text;
    } lines[] = {
        {STATE(QUEUED), "the peer is away; it is queued and starts when the peer appears"},
        {STATE(OFFERED), "waiting for somebody there to say yes"},
        {STATE(WAITING), "interrupted; it goes on by itself"},
        {STATE(PAUSED), "paused"},
    };
    if (progress->state == (int)transfer->state)
        return;
    progress->state = (int)transfer->state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].state != transfer->state)
            continue;
        progress_clear(progress);
        printf("%s%s%s%s\n", lines[i].text, transfer->reason[0] != '\0' ? " (" : "",
               transfer->reason, transfer->reason[0] != '\0' ? ")" : "");
    }
    fflush(stdout);
}

void progress_show(struct progress *progress, const Fxnode__Control__Transfer *transfer,
                   uint64_t now_ms) {
    progress->terminal = isatty(STDOUT_FILENO) == 1;
    if (progress->began_ms == 0)
        progress->began_ms = now_ms;
    announce(progress, transfer);
    show_state(progress, transfer);
    if (transfer->state == STATE(DELIVERED))
        show_end(progress, transfer, now_ms);
    if (transfer->state != STATE(RUNNING) && transfer->state != STATE(PLACING))
        return;
    measure(progress, transfer->done, now_ms);
    if (progress->terminal)
        draw(progress, transfer);
}
