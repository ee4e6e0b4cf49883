#include "world_parts.h"

void world_sender_act(struct world *world) {
    struct sender_action action;
    while (sender_next(world->sender, &action)) {
        switch (action.kind) {
        case SENDER_SEND:
            world_pipe_put(&world->lanes[0].out, true, action.message, action.length);
            break;
        case SENDER_STREAM_MANIFEST:
            expect(sender_manifest_batch(world->sender, world_batch(world),
                                         world->manifest_length - MANIFEST_PREFIX) == 0);
            break;
        case SENDER_START:
            world->started = true;
            break;
        case SENDER_REWIND: {
            const struct manifest_item *item = manifest_batch_by_unit(world->batch, action.unit);
            world->result.agains++;
            expect(item != NULL);
            expect(sender_rewind(world->sender, item->number) == 0);
            break;
        }
        case SENDER_DELIVERED:
            world->recording = true;
            break;
        case SENDER_END:
            world->sender_end = action.end->outcome;
            break;
        default:
            break;
        }
    }
}

static void fail_entry(struct world *world, const struct manifest_item *item) {
    struct sender_failure failure = {
        .entry = item->number,
        .first_unit = item->first_unit,
        .units = world_units(item),
        .reason = FXNODE__WIRE__FAILED__REASON__VANISHED,
    };
    expect(sender_failed(world->sender, &failure) == 0);
    world_sender_act(world);
}

/* A lane begins a unit, after claiming or taking over some where it has none. */
static void claim(struct world *world, uint32_t number) {
    struct lane *lane = &world->lanes[number];
    struct range range;
    lane->offset = 0;
    lane->claimed = sender_begin(world->sender, number, &lane->unit);
    if (lane->claimed)
        return;
    int rc = sender_claim(world->sender, number, 1 + world_dice(world, 4), &range);
    expect(rc >= 0);
    if (rc == 0)
        expect(sender_steal(world->sender, number) >= 0);
}

/* A lane sends half of a chunk, all of one that is a hole, or an empty file. */
static void lane_send(struct world *world, uint32_t number) {
    struct lane *lane = &world->lanes[number];
    uint8_t bytes[RECORD_HEADER];
    if (!lane->sender_open || !world->started)
        return;
    if (!lane->claimed) {
        claim(world, number);
        return;
    }
    uint64_t unit = lane->unit;
    const struct manifest_item *item = manifest_batch_by_unit(world->batch, unit);
    if (lane->offset == 0 && world->unreadable[item->number])
        fail_entry(world, item);
    uint64_t chunk = unit - item->first_unit;
    uint32_t size = entry_chunk_size(item->entry.size, chunk);
    if (!sender_is_durable(world->sender, unit, 1)) {
        uint32_t length = size - lane->offset;
        if (lane->offset == 0 && size > 1 && world_dice(world, 4) > 0)
            length = size / 2;
        struct record record = {.kind = RECORD_HOLE,
                                .entry = item->number,
                                .offset = chunk * LIMIT_CHUNK + lane->offset,
                                .length = length};
        record_write_header(bytes, &record);
        world_pipe_put(&lane->out, false, bytes, sizeof bytes);
        lane->offset += length;
    } else {
        lane->offset = size;
    }
    if (lane->offset == size) {
        lane->offset = 0;
        lane->claimed = false;
    }
}

static void confirm(struct world *world) {
    uint32_t first = sender_confirm_next(world->sender);
    uint32_t most = 1 + (uint32_t)world_dice(world, 4);
    struct rangeset dropped;
    struct sender_confirmation confirmation = {.first_entry = first};
    rangeset_init(&dropped);
    if (!world->started || first >= world->summary.entries)
        return;
    confirmation.first_unit = manifest_batch_by_entry(world->batch, first)->first_unit;
    for (uint32_t i = first; i < world->summary.entries && confirmation.count < most; i++) {
        const struct manifest_item *item = manifest_batch_by_entry(world->batch, i);
        uint64_t units = world_units(item);
        if (!sender_is_durable(world->sender, item->first_unit, units))
            break;
        if (world->unreadable[i] && units > 0) {
            fail_entry(world, item);
            expect(rangeset_add(&dropped, item->first_unit, units) == 0);
        }
        confirmation.count++;
        confirmation.units += units;
    }
    world_digest(world, world->source, first, confirmation.count, &dropped, confirmation.digest);
    rangeset_clear(&dropped);
    if (confirmation.count > 0)
        expect(sender_confirm(world->sender, &confirmation) == 0);
}

void world_sender_step(struct world *world) {
    switch (world_dice(world, 4)) {
    case 0:
        if (world->back.head != NULL) {
            expect(sender_control(world->sender, world->now, world->back.head->bytes,
                                  world->back.head->length) == 0);
            world_pipe_pop(&world->back);
        }
        break;
    case 1:
        confirm(world);
        break;
    case 2:
        if (world->recording) {
            world->recording = false;
            expect(sender_recorded(world->sender) == 0);
        }
        break;
    default:
        lane_send(world, (uint32_t)world_dice(world, world->left.lanes));
    }
    world_sender_act(world);
}
