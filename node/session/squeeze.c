#include "node/session/squeeze.h"

#define MS_NS 1000000ull
#define WINDOW_NS (50 * MS_NS)
#define WINDOW_FRAMES 4u

#define HELD 0.5        /* share of time waited that makes trying worth while */
#define SLACK 0.3       /* that lets a stronger level be tried */
#define TIGHT 0.1       /* below which a faster one is needed */
#define WORTH 1.25      /* times as fast it has to be to begin with compressing */
#define STILL_WORTH 1.1 /* and to go on */
#define NO_LOSS 0.97    /* what a stronger level may cost in speed, which is noise */

#define PATIENCE 3u /* looks in a row that may be bad: others use the machine too */
#define TRUST 20u   /* and good, until earlier failures are forgotten */

#define REST_NS (250 * MS_NS)
#define REST_MAX_NS (128 * REST_NS)
#define REST_CONTENT_NS (500 * MS_NS) /* where the content was the reason: the next may differ */
#define LOOK_NS (2000 * MS_NS)        /* how old what is known of plain sending may become */
#define LOOK_MAX_NS (16 * LOOK_NS)    /* where it was confirmed again and again */

#define LANE_FAILURES 5u /* so up to 32 frames are skipped */

/* Beyond these zstd takes much more time for hardly less. */
static const int levels[SQUEEZE_TOP + 1] = {0, -7, -5, -3, -1, 1, 3, 5};

static void restart(struct squeeze *squeeze, uint64_t now_ns) {
    squeeze->window = (struct squeeze_window){.from_ns = now_ns};
}

void squeeze_init(struct squeeze *squeeze, uint64_t now_ns) {
    *squeeze = (struct squeeze){.rest_ns = REST_NS, .look_ns = LOOK_NS};
    restart(squeeze, now_ns);
}

int squeeze_level(unsigned rung) {
    return levels[rung];
}

static void climb(struct squeeze *squeeze, double rate) {
    squeeze->before = rate;
    squeeze->trying = true;
    squeeze->bad = squeeze->good = 0;
    squeeze->rung++;
}

static void descend(struct squeeze *squeeze, unsigned rung) {
    squeeze->trying = false;
    squeeze->bad = squeeze->good = 0;
    squeeze->rung = rung;
}

/* It was a mistake to be up here, and is not soon made again. */
static void fail(struct squeeze *squeeze, uint64_t now_ns, unsigned rung) {
    descend(squeeze, rung);
    squeeze->rests_ns = now_ns + squeeze->rest_ns;
    squeeze->look_ns = LOOK_NS;
    if (squeeze->rest_ns < REST_MAX_NS)
        squeeze->rest_ns *= 2;
}

static void judge_foot(struct squeeze *squeeze, uint64_t now_ns, double rate, double waited) {
    squeeze->plain = rate;
    squeeze->plain_ns = now_ns;
    if (waited >= HELD && now_ns >= squeeze->rests_ns)
        climb(squeeze, rate);
}

/* Whether it is as fast as it has to be to stay. */
static bool is_worth(const struct squeeze *squeeze, double rate) {
    if (!squeeze->trying)
        return rate >= squeeze->plain * STILL_WORTH;
    return rate >= squeeze->before * (squeeze->rung == SQUEEZE_FOOT + 1 ? WORTH : NO_LOSS);
}

/* Nothing is waited for, so it could be that the connection does better than it did. */
static void look(struct squeeze *squeeze) {
    descend(squeeze, SQUEEZE_FOOT);
    if (squeeze->look_ns < LOOK_MAX_NS)
        squeeze->look_ns *= 2;
}

/* On a rung that has shown to be worth while. */
static void adapt(struct squeeze *squeeze, uint64_t now_ns, double rate, double waited) {
    squeeze->trying = false;
    squeeze->bad = 0;
    if (++squeeze->good == TRUST)
        squeeze->rest_ns = REST_NS;
    if (waited >= SLACK && squeeze->rung < SQUEEZE_TOP && now_ns >= squeeze->rests_ns)
        climb(squeeze, rate);
    else if (waited < TIGHT && squeeze->rung > SQUEEZE_FOOT + 1)
        descend(squeeze, squeeze->rung - 1);
    else if (waited < TIGHT && now_ns - squeeze->plain_ns >= squeeze->look_ns)
        look(squeeze);
}

static void judge_rung(struct squeeze *squeeze, uint64_t now_ns, double rate, double waited) {
    const struct squeeze_window *window = &squeeze->window;

    if (window->packed > window->plain - SQUEEZE_SAVES(window->plain)) {
        descend(squeeze, SQUEEZE_FOOT);
        squeeze->rests_ns = now_ns + REST_CONTENT_NS;
    } else if (is_worth(squeeze, rate)) {
        adapt(squeeze, now_ns, rate, waited);
    } else if (++squeeze->bad == PATIENCE) {
        fail(squeeze, now_ns, squeeze->trying ? squeeze->rung - 1 : SQUEEZE_FOOT);
    }
}

void squeeze_note(struct squeeze *squeeze, const struct squeeze_sent *sent) {
    struct squeeze_window *window = &squeeze->window;
    uint64_t elapsed = sent->now_ns - window->from_ns;

    window->waited_ns += sent->waited_ns;
    window->plain += sent->plain;
    window->packed += sent->packed;
    window->frames++;
    window->lanes |= 1u << sent->lane;
    if (elapsed < WINDOW_NS || window->frames < WINDOW_FRAMES)
        return;
    double rate = (double)window->plain / (double)elapsed;
    double waited =
        (double)window->waited_ns / ((double)elapsed * (double)__builtin_popcount(window->lanes));
    if (squeeze->rung == SQUEEZE_FOOT)
        judge_foot(squeeze, sent->now_ns, rate, waited);
    else
        judge_rung(squeeze, sent->now_ns, rate, waited);
    restart(squeeze, sent->now_ns);
}

bool squeeze_lane_tries(struct squeeze_lane *lane) {
    if (lane->skip == 0)
        return true;
    lane->skip--;
    return false;
}

void squeeze_lane_tried(struct squeeze_lane *lane, bool smaller) {
    if (smaller) {
        lane->failures = 0;
        return;
    }
    if (lane->failures < LANE_FAILURES)
        lane->failures++;
    lane->skip = 1u << lane->failures;
}
