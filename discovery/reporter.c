#include "discovery/reporter.h"

#include "base/io.h"

#include <errno.h>
#include <string.h>

#define FLUSH_MS 20u /* changes of one packet are reported together */
#define REPORTS_AT_ONCE 512u
#define REPORTS_PER_SECOND 100u
#define THIN_MS 200u /* between reports in a flood */

static void set_flush(struct reporter *reporter, unsigned ms) {
    if (!reporter->flush_set)
        timer_set(&reporter->flush, ms);
    reporter->flush_set = true;
}

static void refill(struct reporter *reporter) {
    uint64_t now = io_now_ms();
    uint64_t more = (now - reporter->reported_ms) * REPORTS_PER_SECOND / 1000;
    uint64_t room = REPORTS_AT_ONCE - reporter->tokens;
    reporter->tokens += (uint32_t)(more < room ? more : room);
    if (more > 0)
        reporter->reported_ms = now;
}

/* Reports the next change of the table; false where there is none. */
static bool report_next(struct reporter *reporter) {
    struct discovery_found found;
    struct discovery_lost lost;
    switch (table_next(reporter->table, &found, &lost)) {
    case TABLE_FOUND:
        reporter->events.found(reporter->events.context, &found);
        return true;
    case TABLE_LOST:
        reporter->events.lost(reporter->events.context, &lost);
        return true;
    case TABLE_NOTHING:
        break;
    }
    return false;
}

static void report_settled(struct reporter *reporter) {
    if (!reporter->settling || reporter->told.settled)
        return;
    reporter->told.settled = true;
    reporter->events.state(reporter->events.context, &reporter->told);
}

static void on_flush(void *context) {
    struct reporter *reporter = context;
    bool more = true;
    reporter->flush_set = false;
    refill(reporter);
    while (reporter->tokens > 0 && (more = report_next(reporter)))
        reporter->tokens--;
    if (more)
        set_flush(reporter, THIN_MS);
    else
        report_settled(reporter);
}

int reporter_init(struct reporter *reporter, const AvahiPoll *poll,
                  const struct discovery_events *events) {
    memset(reporter, 0, sizeof *reporter);
    reporter->events = *events;
    reporter->tokens = REPORTS_AT_ONCE;
    reporter->reported_ms = io_now_ms();
    reporter->table = table_new();
    if (!reporter->table)
        return -ENOMEM;
    return timer_init(&reporter->flush, poll, on_flush, reporter);
}

void reporter_clear(struct reporter *reporter) {
    timer_clear(&reporter->flush);
    table_free(reporter->table);
    reporter->table = NULL;
}

void reporter_changed(struct reporter *reporter) {
    set_flush(reporter, FLUSH_MS);
}

void reporter_settle(struct reporter *reporter) {
    if (reporter->settling)
        return;
    reporter->settling = true;
    set_flush(reporter, FLUSH_MS);
}

void reporter_state(struct reporter *reporter, const struct discovery_state *state) {
    struct discovery_state *told = &reporter->told;
    if (told->backend == state->backend && strcmp(told->published, state->published) == 0 &&
        strcmp(told->text, state->text) == 0)
        return;
    bool settled = told->settled;
    *told = *state;
    told->settled = settled;
    reporter->events.state(reporter->events.context, told);
}
