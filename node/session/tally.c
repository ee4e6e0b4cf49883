#include "node/session/tally.h"

#define RANGES_MAX 1024u

void tally_init(struct tally *tally, struct course *course) {
    *tally = (struct tally){.course = course};
    rangeset_init(&tally->durable);
}

void tally_clear(struct tally *tally) {
    catalog_free(tally->catalog);
    rangeset_clear(&tally->durable);
}

bool tally_is_due(const struct tally *tally, uint64_t now_ms) {
    return now_ms - tally->told_ms >= TALLY_MS || atomic_load(&tally->course->ended);
}

bool tally_take(struct tally *tally, const struct rangeset *durable, uint64_t now_ms) {
    tally->told_ms = now_ms;
    rangeset_clear(&tally->durable);
    return durable->length <= RANGES_MAX && rangeset_add_all(&tally->durable, durable) == 0;
}

void tally_tell(struct tally *tally) {
    struct fail fail = {0};
    uint64_t bytes = 0;

    if (catalog_bytes(tally->catalog, &tally->durable, &bytes, &fail) == 0)
        uplink_progress(tally->course->uplink, bytes, atomic_load(&tally->course->moved));
}
