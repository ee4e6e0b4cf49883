#include "world_parts.h"

#include <stdio.h>
#include <string.h>

/* The manifest: files of 0 to 5 chunks, directories between them. */

static void build_manifest(struct world *world) {
    struct manifest_builder *builder = NULL;
    struct fail fail;
    const uint8_t *data = NULL;
    uint32_t count = 1 + (uint32_t)world_dice(world, ENTRIES_MAX);
    expect(manifest_builder_new(&builder) == 0);
    for (uint32_t i = 0; i < count; i++) {
        char path[16];
        int length = snprintf(path, sizeof path, "item%03u", i);
        uint64_t size = world_dice(world, 5) * LIMIT_CHUNK +
                        (world_dice(world, 2) ? 2 * world_dice(world, 400) : 0);
        struct entry entry = {.type = world_dice(world, 6) == 0 ? ENTRY_DIRECTORY : ENTRY_FILE,
                              .mode = 0644,
                              .size = size,
                              .path = path,
                              .path_length = (size_t)length};
        if (entry.type == ENTRY_DIRECTORY)
            entry.size = 0;
        expect(manifest_builder_add(builder, &entry, &fail) == MANIFEST_ADDED);
    }
    expect(manifest_builder_end(builder, &fail) == MANIFEST_BATCH_READY);
    world->manifest_length = manifest_builder_take(builder, &data);
    expect(world->manifest_length <= sizeof world->manifest);
    memcpy(world->manifest, data, world->manifest_length);
    manifest_builder_summary(builder, &world->summary);
    manifest_builder_free(builder);
    expect(world->summary.units <= UNITS_MAX);
    for (size_t i = 0; i < UNITS_MAX; i++)
        world->source[i] = 1000 + i;
}

static void load_manifest(struct world *world) {
    struct fail why;
    size_t length = world->manifest_length - MANIFEST_PREFIX;
    expect(manifest_checker_new(&world->checker, &world->summary) == 0);
    expect(manifest_checker_add(world->checker, world_batch(world), length, &why) == 0);
    expect(manifest_checker_end(world->checker, &why) == 0);
    expect(manifest_batch_new(&world->batch) == 0);
    const struct manifest_row *row = manifest_index_row(manifest_checker_index(world->checker), 0);
    expect(manifest_batch_load(world->batch, row, world_batch(world), &why) == 0);
}

/* Connections */

static void connect_both(struct world *world) {
    struct sender_config sending = {.summary = &world->summary, .lanes = world->left.lanes};
    struct receiver_config receiving = {
        .lanes = world->left.lanes,
        .batch_bytes = (1 + world_dice(world, 8)) * LIMIT_CHUNK,
        .batch_ms = 1000,
        .offer_ms = 10000,
    };
    expect(sender_new(&world->sender, &sending) == 0);
    expect(receiver_new(&world->receiver, &receiving) == 0);
    world_pipe_init(&world->back);
    for (size_t i = 0; i < LIMIT_LANES; i++) {
        world->lanes[i] = (struct lane){0};
        world_pipe_init(&world->lanes[i].out);
    }
    world->lanes[0].sender_open = true;
    world->lanes[0].receiver_open = true;
    world->syncing = NULL;
    world->committing = world->started = world->finalizing = false;
    world->recording = world->held = false;
    world->sender_end = world->receiver_end = EXCHANGE_OPEN;
    world->result.connections++;
    expect(receiver_start(world->receiver, world->now) == 0);
    expect(sender_start(world->sender, world->now) == 0);
    world_sender_act(world);
}

static void disconnect(struct world *world) {
    world_pipe_drain(&world->back);
    for (size_t i = 0; i < LIMIT_LANES; i++)
        world_pipe_drain(&world->lanes[i].out);
    sender_free(world->sender);
    receiver_free(world->receiver);
    /* What was not synced is gone. */
    for (uint64_t unit = 0; unit < world->summary.units; unit++)
        if (!rangeset_contains(&world->database, unit, 1))
            world->disk[unit] = 3;
        else if (world->left.bad_held > 0 && !world->placed && world_dice(world, 4) == 0) {
            world->left.bad_held--;
            world->disk[unit] = 5;
        }
}

static void open_or_cut_lane(struct world *world) {
    uint32_t number = 1 + (uint32_t)world_dice(world, LIMIT_LANES - 1);
    struct lane *lane = &world->lanes[number];
    if (!lane->sender_open && lane->receiver_open && !lane->writing) {
        /* The receiver notices, with more or less of what was under way. */
        lane->receiver_open = false;
        world_pipe_drain(&lane->out);
        expect(receiver_lane_lost(world->receiver, number) == 0);
    } else if (!lane->sender_open && !lane->receiver_open && world->started &&
               world->sender_end == EXCHANGE_OPEN && number < world->left.lanes) {
        if (sender_lane_opened(world->sender, number) != 0)
            return; /* not as many were wanted */
        expect(receiver_lane_opened(world->receiver, number) == 0);
        lane->sender_open = lane->receiver_open = true;
    } else if (lane->sender_open && world->left.lane_cuts > 0 && world_dice(world, 20) == 0) {
        world->left.lane_cuts--;
        lane->sender_open = false;
        lane->claimed = false;
        expect(sender_lane_lost(world->sender, number) == 0);
    }
}

static void make_unreadable(struct world *world) {
    if (world->left.failures == 0 || world_dice(world, 50) != 0)
        return;
    world->left.failures--;
    world->unreadable[world_dice(world, world->summary.entries)] = true;
}

static void step(struct world *world) {
    world->now += world_dice(world, 10);
    if (world->sender_end == EXCHANGE_OPEN)
        world_sender_step(world);
    switch (world_dice(world, 8)) {
    case 0:
        world_sync_or_commit(world);
        break;
    case 1:
        world_finalize(world);
        break;
    case 2:
        if (world->started && world_dice(world, 30) == 0)
            world_verify_held(world);
        break;
    case 3:
        open_or_cut_lane(world);
        break;
    case 4:
        make_unreadable(world);
        break;
    default:
        world_receive(world, (uint32_t)world_dice(world, world->left.lanes));
    }
    world_receiver_act(world);
    expect(sender_tick(world->sender, world->now) == 0);
    expect(receiver_tick(world->receiver, world->now) == 0);
    world_sender_act(world);
    world_receiver_act(world);
}

static void check_delivered(const struct world *world, uint64_t seed) {
    for (uint64_t unit = 0; unit < world->summary.units; unit++) {
        const struct manifest_item *item = manifest_batch_by_unit(world->batch, unit);
        bool there = rangeset_contains(&world->database, unit, 1);
        expect_message(there || world->unreadable[item->number], "seed %ju: unit %ju is missing",
                       (uintmax_t)seed, (uintmax_t)unit);
        expect_message(!there || world->disk[unit] == world->source[unit],
                       "seed %ju: unit %ju has other content", (uintmax_t)seed, (uintmax_t)unit);
    }
}

static void run_connection(struct world *world, uint64_t seed) {
    uint64_t steps = 0;
    uint64_t cut = world->left.cuts > 0 ? world_dice(world, 500) : STEPS_MAX;
    connect_both(world);
    while (world->sender_end == EXCHANGE_OPEN && steps < cut) {
        step(world);
        expect_message(++steps < STEPS_MAX, "seed %ju: it goes on for ever", (uintmax_t)seed);
    }
    if (world->left.cuts > 0)
        world->left.cuts--;
    expect_message(world->sender_end == EXCHANGE_OPEN || world->sender_end == EXCHANGE_COMPLETE,
                   "seed %ju: the sender ended with %s", (uintmax_t)seed,
                   exchange_outcome_name(world->sender_end));
    expect_message(world->receiver_end == EXCHANGE_OPEN || world->receiver_end == EXCHANGE_COMPLETE,
                   "seed %ju: the receiver ended with %s", (uintmax_t)seed,
                   exchange_outcome_name(world->receiver_end));
}

struct world_result world_run(uint64_t seed, const struct world_troubles *troubles) {
    static struct world only; /* large, and there is one at a time */
    struct world *world = &only;
    memset(world, 0, sizeof *world);
    world->random = seed;
    world->left = *troubles;
    build_manifest(world);
    load_manifest(world);
    do {
        run_connection(world, seed);
        if (world->sender_end == EXCHANGE_COMPLETE)
            check_delivered(world, seed);
        disconnect(world);
    } while (world->sender_end != EXCHANGE_COMPLETE);
    world->result.units = world->summary.units;
    struct world_result result = world->result;
    rangeset_clear(&world->database);
    manifest_batch_free(world->batch);
    manifest_checker_free(world->checker);
    return result;
}
