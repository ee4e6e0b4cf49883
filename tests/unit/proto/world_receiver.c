#include "world_parts.h"

#include <string.h>

static void check(struct world *world, const struct receiver_action *action) {
    const struct manifest_item *first = manifest_batch_by_entry(world->batch, action->entry);
    const struct manifest_item *last =
        manifest_batch_by_entry(world->batch, action->entry + action->count - 1);
    uint8_t mine[LIMIT_CHUNK_HASH];
    world_digest(world, world->hashes, action->entry, action->count,
                 receiver_dropped_units(world->receiver), mine);
    struct receiver_check answer = {
        .first_unit = first->first_unit,
        .units = last->first_unit + world_units(last) - first->first_unit,
        .match = memcmp(mine, action->digest, sizeof mine) == 0,
    };
    expect(receiver_checked(world->receiver, &answer) == 0);
}

static void admit(struct world *world) {
    struct receiver_admission asked = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ASKED};
    struct receiver_admission admission = {
        .answer = world->placed ? FXNODE__WIRE__VERDICT__ANSWER__DELIVERED
                                : FXNODE__WIRE__VERDICT__ANSWER__ACCEPT,
        .held = &world->database,
    };
    struct fail why;
    if (world_dice(world, 2) == 0)
        expect(receiver_admit(world->receiver, world->now, &asked) == 0);
    if (world->manifest_stored)
        expect(receiver_manifest_load(world->receiver, world_batch(world),
                                      world->manifest_length - MANIFEST_PREFIX, &why) == 0);
    world->held = world->database.length > 0;
    expect(receiver_admit(world->receiver, world->now, &admission) == 0);
}

static void drop(struct world *world, uint32_t entry) {
    const struct manifest_item *item = manifest_batch_by_entry(world->batch, entry);
    world->result.failed++;
    expect(receiver_dropped(world->receiver, item->first_unit, world_units(item)) == 0);
}

void world_receiver_act(struct world *world) {
    struct receiver_action action;
    while (receiver_next(world->receiver, &action)) {
        switch (action.kind) {
        case RECEIVER_SEND:
            world_pipe_put(&world->back, true, action.message, action.length);
            break;
        case RECEIVER_OFFERED:
            admit(world);
            break;
        case RECEIVER_SYNC_MANIFEST:
            world->manifest_stored = true;
            expect(receiver_manifest_synced(world->receiver) == 0);
            break;
        case RECEIVER_COMMIT:
            expect(!world->committing);
            world->committing = true;
            /* Taken into the database at once, reported later. */
            expect(rangeset_remove_all(&world->database, action.forget) == 0);
            expect(rangeset_add_all(&world->database, action.add) == 0);
            break;
        case RECEIVER_CHECK:
            check(world, &action);
            break;
        case RECEIVER_DROP:
            drop(world, action.entry);
            break;
        case RECEIVER_FINALIZE:
            world->finalizing = true;
            break;
        case RECEIVER_END:
            world->receiver_end = action.end->outcome;
            break;
        default:
            break;
        }
    }
}

static void written(struct world *world, uint32_t number) {
    struct lane *lane = &world->lanes[number];
    bool completed = false;
    uint64_t unit = lane->piece.unit;
    lane->writing = false;
    expect(receiver_written(world->receiver, world->now, number, &lane->piece, &completed) == 0);
    if (!completed)
        return;
    /* Nothing durable is ever written over. */
    expect(!rangeset_contains(&world->database, unit, 1));
    world->result.written++;
    world->hashes[unit] = world->source[unit];
    if (world->left.bad_writes > 0 && world_dice(world, 8) == 0) {
        world->left.bad_writes--;
        world->hashes[unit] = 7;
    }
    world->disk[unit] = world->hashes[unit];
}

static void receive_data(struct world *world, uint32_t number) {
    struct lane *lane = &world->lanes[number];
    struct record_cursor cursor;
    struct record record;
    record_cursor_init(&cursor, lane->out.head->bytes, lane->out.head->length);
    expect(record_next(&cursor, &record) == RECORD_READ);
    const struct manifest_item *item = manifest_batch_by_entry(world->batch, record.entry);
    expect(record_locate(&record, item, &lane->piece));
    switch (receiver_record(world->receiver, world->now, number, &lane->piece)) {
    case RECEIVER_WRITE:
        lane->writing = true;
        world_pipe_pop(&lane->out);
        break;
    case RECEIVER_DISCARD:
        world_pipe_pop(&lane->out);
        break;
    case RECEIVER_WAIT:
        break;
    case RECEIVER_REFUSED:
        expect_message(world->receiver_end != EXCHANGE_OPEN, "data was refused");
        break;
    }
}

void world_receive(struct world *world, uint32_t number) {
    struct lane *lane = &world->lanes[number];
    if (lane->writing) {
        written(world, number);
    } else if (lane->receiver_open && lane->out.head != NULL) {
        if (lane->out.head->is_control) {
            expect(receiver_control(world->receiver, world->now, lane->out.head->bytes,
                                    lane->out.head->length) == 0);
            world_receiver_act(world);
            world_pipe_pop(&lane->out);
        } else {
            receive_data(world, number);
        }
    }
}

void world_sync_or_commit(struct world *world) {
    if (world->syncing != NULL && world_dice(world, 2) == 0) {
        world->syncing = NULL;
        expect(receiver_synced(world->receiver, world->now) == 0);
    } else if (world->committing && world_dice(world, 2) == 0) {
        world->committing = false;
        expect(receiver_committed(world->receiver, world->now) == 0);
    } else if (world->syncing == NULL && receiver_sync_due(world->receiver, world->now)) {
        expect(receiver_sync_begin(world->receiver, &world->syncing) == 0);
    }
}

/* What was held is compared with the disk, at some time. */
void world_verify_held(struct world *world) {
    if (!world->held || world->receiver_end != EXCHANGE_OPEN)
        return;
    for (uint64_t unit = 0; unit < world->summary.units; unit++) {
        const struct manifest_item *item = manifest_batch_by_unit(world->batch, unit);
        if (rangeset_contains(receiver_durable(world->receiver), unit, 1) &&
            world->disk[unit] != world->hashes[unit])
            expect(receiver_held_bad(world->receiver, item->number, unit, 1) == 0);
    }
    world->held = false;
    expect(receiver_held_verified(world->receiver) == 0);
}

void world_finalize(struct world *world) {
    if (!world->finalizing || world_dice(world, 3) != 0)
        return;
    world->finalizing = false;
    world->placed = true;
    expect(receiver_placed(world->receiver, world->summary.names, world->summary.names_shown, 0,
                           true) == 0);
}
