#include "node/session/growth.h"

#define NEAR_US 3000u /* a round trip to a peer that is near, at most */
#define FIRST_NEAR 2u /* lanes at the start */
#define FIRST_FAR 4u
#define WORTH_PERCENT 10u /* by so much a lane has to make it faster */
#define EARLY_MS 5000u    /* a lane that is lost before was of no use */
#define PAUSE_MS 500u     /* after a failure; twice as long after each that follows */
#define PAUSE_MOST_MS 15000u

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

void growth_init(struct growth *growth, const struct growth_limits *limits) {
    bool near = limits->rtt_us <= NEAR_US;
    uint32_t most = near ? least(limits->near, limits->most) : limits->most;

    *growth = (struct growth){.most = most, .wanted = least(most, near ? FIRST_NEAR : FIRST_FAR)};
    growth->grown = growth->wanted == most;
}

/* The time of a measurement is over. Nothing sent says nothing. */
static void judge(struct growth *growth, const struct growth_view *view) {
    uint64_t rate = (view->moved - growth->from_moved) * 1000 / (view->now_ms - growth->from_ms);

    growth->measuring = false;
    growth->from_ms = 0;
    if (rate == 0)
        return;
    growth->grown = rate < growth->rate + growth->rate * WORTH_PERCENT / 100;
    if (growth->grown)
        return;
    growth->rate = rate;
    growth->wanted++;
    growth->grown = growth->wanted == growth->most;
}

static void measure(struct growth *growth, const struct growth_view *view) {
    if (view->open < growth->wanted) {
        growth->measuring = false;
        growth->from_ms = 0;
    } else if (growth->from_ms == 0) {
        growth->from_ms = view->now_ms + GROWTH_SETTLE_MS;
    } else if (!growth->measuring && view->now_ms >= growth->from_ms) {
        growth->measuring = true;
        growth->from_ms = view->now_ms;
        growth->from_moved = view->moved;
    } else if (growth->measuring && view->now_ms - growth->from_ms >= GROWTH_WINDOW_MS) {
        judge(growth, view);
    }
}

uint32_t growth_look(struct growth *growth, const struct growth_view *view) {
    uint32_t have = view->open + view->asked;

    if (!growth->grown)
        measure(growth, view);
    if (have >= growth->wanted || view->now_ms < growth->ask_ms ||
        growth->failures >= GROWTH_FAILURES)
        return 0;
    return growth->wanted - have;
}

void growth_opened(struct growth *growth, uint64_t now_ms) {
    growth->opened_ms = now_ms;
}

/* The next is asked for after a pause, or at once. */
static void fail(struct growth *growth, uint64_t now_ms, bool at_once) {
    uint64_t pause = (uint64_t)PAUSE_MS << least(growth->failures, GROWTH_FAILURES);

    growth->failures++;
    growth->ask_ms = now_ms;
    if (!at_once)
        growth->ask_ms += pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS;
}

void growth_refused(struct growth *growth, uint64_t now_ms) {
    fail(growth, now_ms, false);
}

void growth_lost(struct growth *growth, uint64_t now_ms) {
    if (now_ms - growth->opened_ms >= EARLY_MS)
        growth->failures = 0;
    fail(growth, now_ms, growth->failures == 0);
}
