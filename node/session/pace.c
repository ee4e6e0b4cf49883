#include "node/session/pace.h"

#include <time.h>

#define SECOND_NS 1000000000ull
#define STEP_NS (SECOND_NS / 10) /* how late a stop may be noticed */
#define CREDIT_NS (PACE_CREDIT_MS * 1000000ull)

static uint64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void pace_init(struct pace *pace, uint64_t rate) {
    *pace = (struct pace){.rate = rate};
    pthread_mutex_init(&pace->mutex, NULL);
}

void pace_destroy(struct pace *pace) {
    pthread_mutex_destroy(&pace->mutex);
}

size_t pace_frame(const struct pace *pace, size_t most) {
    uint64_t frame = pace->rate / PACE_FRAMES;

    if (pace->rate == 0 || frame >= most)
        return most;
    return frame > PACE_FRAME_MIN ? (size_t)frame : PACE_FRAME_MIN;
}

uint64_t pace_book(struct pace *pace, uint64_t now_ns, uint64_t bytes) {
    uint64_t oldest = now_ns > CREDIT_NS ? now_ns - CREDIT_NS : 0;
    uint64_t from = 0;

    pthread_mutex_lock(&pace->mutex);
    if (pace->free_ns == 0)
        oldest = now_ns;
    from = pace->free_ns > oldest ? pace->free_ns : oldest;
    pace->free_ns = from + bytes / pace->rate * SECOND_NS +
                    (uint64_t)((double)(bytes % pace->rate) * 1e9 / (double)pace->rate);
    pthread_mutex_unlock(&pace->mutex);
    return from;
}

uint64_t pace_wait(struct pace *pace, uint64_t bytes, const atomic_bool *stop) {
    uint64_t from = 0;
    uint64_t until = 0;

    if (pace->rate == 0)
        return 0;
    from = now_ns();
    until = pace_book(pace, from, bytes);
    for (uint64_t now = from; now < until && !atomic_load(stop); now = now_ns()) {
        uint64_t step = until - now < STEP_NS ? until - now : STEP_NS;
        struct timespec wait = {.tv_nsec = (long)step};

        clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
    }
    return now_ns() - from;
}
