#include "node/daemon/stopwatch.h"

#include "base/log.h"

#include <stdlib.h>
#include <time.h>

#define MS 1000000u /* in ns */

/* Moments of three clocks, in ns. */
struct reading {
    uint64_t wall;
    uint64_t idle;      /* spent waiting */
    uint64_t processor; /* of this thread: what a busy machine does not add to */
};

struct stopwatch {
    uv_prepare_t prepare; /* called each time before the loop waits */
    struct reading last;
};

static struct reading read_clocks(uv_loop_t *loop) {
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (struct reading){.wall = uv_hrtime(),
                            .idle = uv_metrics_idle_time(loop),
                            .processor =
                                (uint64_t)used.tv_sec * 1000u * MS + (uint64_t)used.tv_nsec};
}

static void on_prepare(uv_prepare_t *prepare) {
    struct stopwatch *stopwatch = prepare->data;
    struct reading now = read_clocks(prepare->loop);
    uint64_t away = now.wall - stopwatch->last.wall - (now.idle - stopwatch->last.idle);
    uint64_t computed = now.processor - stopwatch->last.processor;

    if (away > (uint64_t)STOPWATCH_MS * MS)
        log_debug("the loop was away for %llu ms, %llu of them computing",
                  (unsigned long long)(away / MS), (unsigned long long)(computed / MS));
    stopwatch->last = now;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

struct stopwatch *stopwatch_new(uv_loop_t *loop) {
    struct stopwatch *stopwatch = calloc(1, sizeof *stopwatch);

    if (stopwatch == NULL)
        return NULL;
    uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    uv_prepare_init(loop, &stopwatch->prepare);
    stopwatch->prepare.data = stopwatch;
    stopwatch->last = read_clocks(loop);
    uv_prepare_start(&stopwatch->prepare, on_prepare);
    uv_unref((uv_handle_t *)&stopwatch->prepare);
    return stopwatch;
}

void stopwatch_free(struct stopwatch *stopwatch) {
    if (stopwatch != NULL)
        uv_close((uv_handle_t *)&stopwatch->prepare, on_closed);
}
