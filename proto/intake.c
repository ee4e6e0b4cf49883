#include "proto/intake.h"

#include "proto/exchange.h"

#include <errno.h>

void intake_init(struct intake *intake, uint64_t units, uint64_t batch_bytes, uint32_t batch_ms) {
    intake->units = units;
    intake->batch_bytes = batch_bytes;
    intake->batch_ms = batch_ms;
}

void intake_clear(struct intake *intake) {
    struct rangeset *sets[] = {&intake->arrived, &intake->written, &intake->syncing,
                               &intake->synced,  &intake->adding,  &intake->forgetting,
                               &intake->forget,  &intake->durable, &intake->dropped,
                               &intake->settled, &intake->told};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        rangeset_clear(sets[i]);
}

/* Adds [first, first + count) to each of `sets`, which ends in NULL. */
static int add_to(struct rangeset *const *sets, uint64_t first, uint64_t count) {
    int rc = 0;
    for (; rc == 0 && *sets != NULL; sets++)
        rc = rangeset_add(*sets, first, count);
    return rc;
}

int intake_hold(struct intake *intake, const struct rangeset *held) {
    struct rangeset *const sets[] = {&intake->arrived, &intake->durable, &intake->settled,
                                     &intake->told, NULL};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < held->length; i++) {
        const struct range *range = &held->ranges[i];
        if (range->first >= intake->units || range->count > intake->units - range->first)
            return -EINVAL;
        rc = add_to(sets, range->first, range->count);
    }
    return rc;
}

/* Bytes that are received whole and not durable. */
static uint64_t stored_bytes(const struct intake *intake) {
    return intake->written_bytes + intake->syncing_bytes + intake->synced_bytes +
           intake->adding_bytes;
}

/* Bytes of the units in flight. */
static uint64_t flight_bytes(const struct intake *intake) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < LIMIT_LANES; i++)
        if (intake->lanes[i].active)
            bytes += intake->lanes[i].stored;
    return bytes;
}

static void skip(struct intake_lane *lane, uint64_t unit, uint32_t size) {
    lane->active = false;
    lane->skipping = true;
    lane->unit = unit;
    lane->size = size;
    lane->next = 0;
}

/* Which lane has the unit in flight; LIMIT_LANES where none has. */
static uint32_t active_on(const struct intake *intake, uint64_t unit) {
    uint32_t i = 0;
    while (i < LIMIT_LANES && !(intake->lanes[i].active && intake->lanes[i].unit == unit))
        i++;
    return i;
}

/* The unit that begins on `lane` is in flight on `other`, which the sender has given up: that one
 * will be lost, or complete with what had arrived. Only then is it certain that nothing more of it
 * is written. Where several wait for one that is gone, one of them is the next to be waited for. */
static enum intake_answer block(struct intake_lane *lane, bool blocked, uint32_t other,
                                uint64_t now_ms) {
    bool same = blocked && lane->blocked_by == other;
    lane->blocked = true;
    lane->blocked_since = blocked ? lane->blocked_since : now_ms;
    lane->blocked_by = other;
    return same ? INTAKE_WAIT : INTAKE_BLOCKED;
}

/* A chunk begins on `lane`. Whatever the lane was in the middle of is given up: its entry failed.
 */
static enum intake_answer begin(struct intake *intake, uint64_t now_ms, struct intake_lane *lane,
                                const struct record_piece *piece) {
    bool blocked = lane->blocked;
    lane->blocked = false;
    lane->starved = false;
    lane->active = false;
    lane->skipping = false;
    if (rangeset_contains(&intake->arrived, piece->unit, 1)) {
        skip(lane, piece->unit, piece->unit_size);
        return INTAKE_DISCARD;
    }
    if (intake->arrived.length >= EXCHANGE_RANGES_MAX)
        return INTAKE_VIOLATION;
    uint32_t other = active_on(intake, piece->unit);
    if (other < LIMIT_LANES)
        return block(lane, blocked, other, now_ms);
    /* Charged whole at its beginning, a chunk never has to wait in the middle, where nothing could
     * be synced to make room for it. For the same reason nothing waits for chunks in flight alone.
     */
    uint64_t stored = stored_bytes(intake);
    uint32_t more = piece->is_hole ? 0 : piece->unit_size;
    if (stored > 0 && stored + flight_bytes(intake) + more > intake->batch_bytes) {
        lane->starved = true;
        return INTAKE_WAIT;
    }
    *lane = (struct intake_lane){.open = true,
                                 .active = true,
                                 .unit = piece->unit,
                                 .size = piece->unit_size,
                                 .stored = more};
    return INTAKE_WRITE;
}

enum intake_answer intake_record(struct intake *intake, uint64_t now_ms, uint32_t number,
                                 const struct record_piece *piece) {
    struct intake_lane *lane = &intake->lanes[number];
    enum intake_answer answer = INTAKE_WRITE;
    if (lane->writing || piece->unit >= intake->units || piece->unit_size > LIMIT_CHUNK ||
        piece->offset > piece->unit_size || piece->length > piece->unit_size - piece->offset)
        return INTAKE_VIOLATION;
    bool goes_on = (lane->active || lane->skipping) && lane->unit == piece->unit &&
                   lane->size == piece->unit_size && piece->offset == lane->next &&
                   piece->offset != 0;
    if (!goes_on && piece->offset != 0)
        return INTAKE_VIOLATION;
    if (!goes_on)
        answer = begin(intake, now_ms, lane, piece);
    if (answer == INTAKE_WAIT || answer == INTAKE_BLOCKED)
        return answer;
    if (lane->skipping) {
        lane->next += piece->length;
        return INTAKE_DISCARD;
    }
    lane->writing = answer == INTAKE_WRITE;
    return answer;
}

static int complete(struct intake *intake, uint64_t now_ms, struct intake_lane *lane) {
    struct rangeset *const sets[] = {&intake->written, &intake->arrived, NULL};
    if (intake->written.length == 0)
        intake->oldest = now_ms;
    intake->written_bytes += lane->stored > 0 ? lane->stored : 1;
    lane->active = false;
    return add_to(sets, lane->unit, 1);
}

int intake_written(struct intake *intake, uint64_t now_ms, uint32_t number,
                   const struct record_piece *piece, bool *completed) {
    struct intake_lane *lane = &intake->lanes[number];
    if (!lane->writing || lane->unit != piece->unit || lane->next != piece->offset)
        return -EINVAL;
    lane->writing = false;
    lane->next += piece->length;
    *completed = lane->active && lane->next == lane->size;
    return *completed ? complete(intake, now_ms, lane) : 0;
}

void intake_lane_lost(struct intake *intake, uint32_t lane) {
    intake->lanes[lane] = (struct intake_lane){0};
    for (size_t i = 0; i < LIMIT_LANES; i++)
        if (intake->lanes[i].blocked_by == lane)
            intake->lanes[i].blocked_by = LIMIT_LANES; /* its number will be another's */
}

uint64_t intake_blocked_since(const struct intake *intake) {
    uint64_t since = UINT64_MAX;
    for (size_t i = 0; i < LIMIT_LANES; i++)
        if (intake->lanes[i].blocked && intake->lanes[i].blocked_since < since)
            since = intake->lanes[i].blocked_since;
    return since;
}

/* A lane waits for room, and there will be none but by a sync of what is written: nothing that was
 * synced before is on its way to a commit. */
static bool is_starved(const struct intake *intake) {
    if (intake->synced_bytes > 0 || intake->adding_bytes > 0)
        return false;
    for (size_t i = 0; i < LIMIT_LANES; i++)
        if (intake->lanes[i].starved)
            return true;
    return false;
}

bool intake_sync_due(const struct intake *intake, uint64_t now_ms) {
    if (intake->sync_active || intake->written.length == 0)
        return false;
    return intake->written_bytes >= intake->batch_bytes / 2 ||
           now_ms >= intake_sync_deadline(intake) || is_starved(intake) ||
           rangeset_contains(&intake->arrived, 0, intake->units);
}

uint64_t intake_sync_deadline(const struct intake *intake) {
    if (intake->sync_active || intake->written.length == 0)
        return UINT64_MAX;
    return intake->oldest + intake->batch_ms;
}

int intake_sync_begin(struct intake *intake) {
    if (intake->sync_active || intake->written.length == 0)
        return -EINVAL;
    rangeset_move(&intake->syncing, &intake->written);
    intake->syncing_bytes = intake->written_bytes;
    intake->written_bytes = 0;
    intake->sync_active = true;
    return 0;
}

int intake_sync_end(struct intake *intake) {
    if (!intake->sync_active)
        return -EINVAL;
    int rc = rangeset_add_all(&intake->synced, &intake->syncing);
    rangeset_clear(&intake->syncing);
    intake->synced_bytes += intake->syncing_bytes;
    intake->syncing_bytes = 0;
    intake->sync_active = false;
    return rc;
}

int intake_commit_begin(struct intake *intake, bool *begun) {
    *begun = false;
    if (intake->commit_active)
        return 0;
    int rc = rangeset_remove_all(&intake->synced, &intake->dropped);
    if (rc < 0)
        return rc;
    if (intake->synced.length == 0 && intake->forget.length == 0) {
        intake->synced_bytes = 0; /* nothing but dropped units */
        return 0;
    }
    rangeset_move(&intake->adding, &intake->synced);
    rangeset_move(&intake->forgetting, &intake->forget);
    intake->adding_bytes = intake->synced_bytes;
    intake->synced_bytes = 0;
    intake->commit_active = true;
    *begun = true;
    return 0;
}

int intake_commit_end(struct intake *intake, struct rangeset *report, struct rangeset *again) {
    if (!intake->commit_active)
        return -EINVAL;
    rangeset_move(report, &intake->adding);
    rangeset_move(again, &intake->forgetting);
    intake->adding_bytes = 0;
    intake->commit_active = false;
    /* What was dropped in between is neither durable nor wanted again. */
    int rc = rangeset_remove_all(report, &intake->dropped);
    if (rc == 0)
        rc = rangeset_remove_all(again, &intake->dropped);
    if (rc == 0)
        rc = rangeset_remove_all(&intake->arrived, again);
    if (rc == 0)
        rc = rangeset_add_all(&intake->durable, report);
    if (rc == 0)
        rc = rangeset_add_all(&intake->settled, report);
    return rc == 0 ? rangeset_add_all(&intake->told, report) : rc;
}

int intake_drop(struct intake *intake, uint64_t first, uint64_t count) {
    struct rangeset *const sets[] = {&intake->arrived, &intake->dropped, &intake->settled,
                                     &intake->told, NULL};
    if (first > intake->units || count > intake->units - first)
        return -EINVAL;
    bool committed = rangeset_intersects(&intake->durable, first, count) ||
                     (intake->commit_active && rangeset_intersects(&intake->adding, first, count));
    for (size_t i = 0; i < LIMIT_LANES; i++) {
        struct intake_lane *lane = &intake->lanes[i];
        if (lane->active && lane->unit >= first && lane->unit - first < count) {
            lane->active = false;
            lane->skipping = true;
        }
    }
    int rc = add_to(sets, first, count);
    if (rc == 0)
        rc = rangeset_remove(&intake->durable, first, count);
    if (rc == 0)
        rc = rangeset_remove(&intake->written, first, count);
    if (rc == 0 && intake->written.length == 0)
        intake->written_bytes = 0;
    return rc == 0 && committed ? rangeset_add(&intake->forget, first, count) : rc;
}

int intake_forget(struct intake *intake, uint64_t first, uint64_t count, uint64_t *forgotten) {
    struct rangeset lost;
    rangeset_init(&lost);
    int rc = rangeset_add(&lost, first, count);
    if (rc == 0)
        rc = rangeset_remove_all(&lost, &intake->dropped);
    if (rc == 0)
        rc = rangeset_remove_all(&intake->durable, &lost);
    if (rc == 0)
        rc = rangeset_remove_all(&intake->settled, &lost);
    if (rc == 0)
        rc = rangeset_add_all(&intake->forget, &lost);
    *forgotten = rangeset_total(&lost);
    rangeset_clear(&lost);
    return rc;
}

bool intake_is_complete(const struct intake *intake) {
    return !intake->sync_active && !intake->commit_active && intake->written.length == 0 &&
           intake->synced.length == 0 && intake->forget.length == 0 &&
           rangeset_contains(&intake->settled, 0, intake->units);
}
