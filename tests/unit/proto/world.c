#include "world.h"

#include "proto/manifest.h"
#include "proto/receiver.h"
#include "proto/record.h"
#include "proto/sender.h"
#include "proto/wire.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Check's own assertions write to a file each time; here are millions of them. */
#define expect(condition) ((condition) ? (void)0 : ck_abort_msg("expected: %s", #condition))

#define expect_message(condition, ...) ((condition) ? (void)0 : ck_abort_msg(__VA_ARGS__))

#define ENTRIES_MAX 12u
#define UNITS_MAX 64u
#define STEPS_MAX 400000u

/* One frame on its way. */
struct frame {
    struct frame *next;
    bool is_control;
    size_t length;
    uint8_t bytes[];
};

struct pipe {
    struct frame *head;
    struct frame **tail;
};

struct lane {
    struct pipe out;
    bool sender_open;
    bool receiver_open;
    bool claimed;
    struct range range; /* what is left of the claim */
    uint32_t offset;    /* within its first unit */
    bool writing;
    struct record_piece piece;
};

struct world {
    struct world_troubles left;
    struct world_result result;
    uint64_t random;
    uint64_t now;
    /* what is sent */
    uint8_t manifest[4096];
    size_t manifest_length;
    struct manifest_summary summary;
    struct manifest_checker *checker;
    struct manifest_batch *batch;
    uint64_t source[UNITS_MAX];
    bool unreadable[ENTRIES_MAX];
    /* the receiver's disk and database */
    bool manifest_stored;
    bool placed;
    uint64_t disk[UNITS_MAX];
    uint64_t hashes[UNITS_MAX];
    struct rangeset database;
    /* this connection */
    struct sender *sender;
    struct receiver *receiver;
    struct pipe back;
    struct lane lanes[LIMIT_LANES];
    const struct rangeset *syncing;
    bool committing;
    bool started;
    bool finalizing;
    bool recording;
    bool held;
    enum exchange_outcome sender_end, receiver_end;
};

static uint64_t dice(struct world *world, uint64_t sides) {
    world->random += 0x9e3779b97f4a7c15u;
    uint64_t z = world->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % sides;
}

/* Pipes */

static void pipe_init(struct pipe *pipe) {
    pipe->head = NULL;
    pipe->tail = &pipe->head;
}

static void pipe_put(struct pipe *pipe, bool is_control, const void *bytes, size_t length) {
    struct frame *frame = malloc(sizeof *frame + length);
    expect(frame != NULL);
    *frame = (struct frame){.is_control = is_control, .length = length};
    memcpy(frame->bytes, bytes, length);
    *pipe->tail = frame;
    pipe->tail = &frame->next;
}

static void pipe_pop(struct pipe *pipe) {
    struct frame *frame = pipe->head;
    pipe->head = frame->next;
    if (pipe->head == NULL)
        pipe->tail = &pipe->head;
    free(frame);
}

static void pipe_drain(struct pipe *pipe) {
    while (pipe->head != NULL)
        pipe_pop(pipe);
}

/* The manifest: files of 0 to 5 chunks, directories between them. */

static void build_manifest(struct world *world) {
    struct manifest_builder *builder = NULL;
    struct fail fail;
    const uint8_t *data = NULL;
    uint32_t count = 1 + (uint32_t)dice(world, ENTRIES_MAX);
    expect(manifest_builder_new(&builder) == 0);
    for (uint32_t i = 0; i < count; i++) {
        char path[16];
        int length = snprintf(path, sizeof path, "item%03u", i);
        uint64_t size = dice(world, 5) * LIMIT_CHUNK + (dice(world, 2) ? 2 * dice(world, 400) : 0);
        struct entry entry = {.type = dice(world, 6) == 0 ? ENTRY_DIRECTORY : ENTRY_FILE,
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

static const uint8_t *batch_bytes(const struct world *world) {
    return world->manifest + MANIFEST_PREFIX;
}

static void load_manifest(struct world *world) {
    struct fail why;
    size_t length = world->manifest_length - MANIFEST_PREFIX;
    expect(manifest_checker_new(&world->checker, &world->summary) == 0);
    expect(manifest_checker_add(world->checker, batch_bytes(world), length, &why) == 0);
    expect(manifest_checker_end(world->checker, &why) == 0);
    expect(manifest_batch_new(&world->batch) == 0);
    const struct manifest_row *row = manifest_index_row(manifest_checker_index(world->checker), 0);
    expect(manifest_batch_load(world->batch, row, batch_bytes(world), &why) == 0);
}

static uint64_t units_of(const struct manifest_item *item) {
    return entry_units(item->entry.type, item->entry.size);
}

/* Digest over what is known of the units of [first, first + count), without failed entries. */
static void digest(const struct world *world, const uint64_t *hashes, uint32_t first,
                   uint32_t count, const struct rangeset *dropped, uint8_t out[LIMIT_CHUNK_HASH]) {
    uint64_t sum = 1;
    for (uint32_t i = first; i < first + count; i++) {
        const struct manifest_item *item = manifest_batch_by_entry(world->batch, i);
        for (uint64_t unit = item->first_unit; unit < item->first_unit + units_of(item); unit++)
            if (!rangeset_contains(dropped, unit, 1))
                sum = sum * 1099511628211u + hashes[unit];
    }
    memset(out, 0, LIMIT_CHUNK_HASH);
    memcpy(out, &sum, sizeof sum);
}

/* The sender's session */

static void sender_actions(struct world *world) {
    struct sender_action action;
    while (sender_next(world->sender, &action)) {
        switch (action.kind) {
        case SENDER_SEND:
            pipe_put(&world->lanes[0].out, true, action.message, action.length);
            break;
        case SENDER_STREAM_MANIFEST:
            expect(sender_manifest_batch(world->sender, batch_bytes(world),
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
        .units = units_of(item),
        .reason = FXNODE__WIRE__FAILED__REASON__VANISHED,
    };
    expect(sender_failed(world->sender, &failure) == 0);
    sender_actions(world);
}

/* A lane sends half of a chunk, all of one that is a hole, or an empty file. */
static void lane_send(struct world *world, uint32_t number) {
    struct lane *lane = &world->lanes[number];
    uint8_t bytes[RECORD_HEADER];
    if (!lane->sender_open || !world->started)
        return;
    if (!lane->claimed) {
        int rc = sender_claim(world->sender, number, 1 + dice(world, 4), &lane->range);
        expect(rc >= 0);
        lane->claimed = rc == 1;
        lane->offset = 0;
        return;
    }
    uint64_t unit = lane->range.first;
    const struct manifest_item *item = manifest_batch_by_unit(world->batch, unit);
    if (lane->offset == 0 && world->unreadable[item->number])
        fail_entry(world, item);
    uint64_t chunk = unit - item->first_unit;
    uint32_t size = entry_chunk_size(item->entry.size, chunk);
    if (sender_wants(world->sender, number, unit)) {
        uint32_t length = size - lane->offset;
        if (lane->offset == 0 && size > 1 && dice(world, 4) > 0)
            length = size / 2;
        struct record record = {.kind = RECORD_HOLE,
                                .entry = item->number,
                                .offset = chunk * LIMIT_CHUNK + lane->offset,
                                .length = length};
        record_write_header(bytes, &record);
        pipe_put(&lane->out, false, bytes, sizeof bytes);
        lane->offset += length;
    } else {
        lane->offset = size;
    }
    if (lane->offset == size) {
        lane->offset = 0;
        lane->range.first++;
        lane->claimed = --lane->range.count > 0;
    }
}

static void confirm(struct world *world) {
    uint32_t first = sender_confirm_next(world->sender);
    uint32_t most = 1 + (uint32_t)dice(world, 4);
    struct rangeset dropped;
    struct sender_confirmation confirmation = {.first_entry = first};
    rangeset_init(&dropped);
    if (!world->started || first >= world->summary.entries)
        return;
    confirmation.first_unit = manifest_batch_by_entry(world->batch, first)->first_unit;
    for (uint32_t i = first; i < world->summary.entries && confirmation.count < most; i++) {
        const struct manifest_item *item = manifest_batch_by_entry(world->batch, i);
        uint64_t units = units_of(item);
        if (!sender_is_durable(world->sender, item->first_unit, units))
            break;
        if (world->unreadable[i] && units > 0) {
            fail_entry(world, item);
            expect(rangeset_add(&dropped, item->first_unit, units) == 0);
        }
        confirmation.count++;
        confirmation.units += units;
    }
    digest(world, world->source, first, confirmation.count, &dropped, confirmation.digest);
    rangeset_clear(&dropped);
    if (confirmation.count > 0)
        expect(sender_confirm(world->sender, &confirmation) == 0);
}

/* The receiver's session */

static void check(struct world *world, const struct receiver_action *action) {
    const struct manifest_item *first = manifest_batch_by_entry(world->batch, action->entry);
    const struct manifest_item *last =
        manifest_batch_by_entry(world->batch, action->entry + action->count - 1);
    uint8_t mine[LIMIT_CHUNK_HASH];
    digest(world, world->hashes, action->entry, action->count,
           receiver_dropped_units(world->receiver), mine);
    struct receiver_check answer = {
        .first_unit = first->first_unit,
        .units = last->first_unit + units_of(last) - first->first_unit,
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
    if (dice(world, 2) == 0)
        expect(receiver_admit(world->receiver, world->now, &asked) == 0);
    if (world->manifest_stored)
        expect(receiver_manifest_load(world->receiver, batch_bytes(world),
                                      world->manifest_length - MANIFEST_PREFIX, &why) == 0);
    world->held = world->database.length > 0;
    expect(receiver_admit(world->receiver, world->now, &admission) == 0);
}

static void drop(struct world *world, uint32_t entry) {
    const struct manifest_item *item = manifest_batch_by_entry(world->batch, entry);
    world->result.failed++;
    expect(receiver_dropped(world->receiver, item->first_unit, units_of(item)) == 0);
}

static void receiver_actions(struct world *world) {
    struct receiver_action action;
    while (receiver_next(world->receiver, &action)) {
        switch (action.kind) {
        case RECEIVER_SEND:
            pipe_put(&world->back, true, action.message, action.length);
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
    if (world->left.bad_writes > 0 && dice(world, 8) == 0) {
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
        pipe_pop(&lane->out);
        break;
    case RECEIVER_DISCARD:
        pipe_pop(&lane->out);
        break;
    case RECEIVER_WAIT:
        break;
    case RECEIVER_REFUSED:
        expect_message(world->receiver_end != EXCHANGE_OPEN, "data was refused");
        break;
    }
}

static void receive(struct world *world, uint32_t number) {
    struct lane *lane = &world->lanes[number];
    if (lane->writing) {
        written(world, number);
    } else if (lane->receiver_open && lane->out.head != NULL) {
        if (lane->out.head->is_control) {
            expect(receiver_control(world->receiver, world->now, lane->out.head->bytes,
                                    lane->out.head->length) == 0);
            receiver_actions(world);
            pipe_pop(&lane->out);
        } else {
            receive_data(world, number);
        }
    }
}

static void sync_or_commit(struct world *world) {
    if (world->syncing != NULL && dice(world, 2) == 0) {
        world->syncing = NULL;
        expect(receiver_synced(world->receiver, world->now) == 0);
    } else if (world->committing && dice(world, 2) == 0) {
        world->committing = false;
        expect(receiver_committed(world->receiver, world->now) == 0);
    } else if (world->syncing == NULL && receiver_sync_due(world->receiver, world->now)) {
        expect(receiver_sync_begin(world->receiver, &world->syncing) == 0);
    }
}

/* What was held is compared with the disk, at some time. */
static void verify_held(struct world *world) {
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

static void finalize(struct world *world) {
    if (!world->finalizing || dice(world, 3) != 0)
        return;
    world->finalizing = false;
    world->placed = true;
    expect(receiver_placed(world->receiver, world->summary.names, world->summary.names_shown) == 0);
}

/* Connections */

static void connect_both(struct world *world) {
    struct sender_config sending = {.summary = &world->summary, .lanes = world->left.lanes};
    struct receiver_config receiving = {
        .lanes = world->left.lanes,
        .batch_bytes = (1 + dice(world, 8)) * LIMIT_CHUNK,
        .batch_ms = 1000,
        .offer_ms = 10000,
    };
    expect(sender_new(&world->sender, &sending) == 0);
    expect(receiver_new(&world->receiver, &receiving) == 0);
    pipe_init(&world->back);
    for (size_t i = 0; i < LIMIT_LANES; i++) {
        world->lanes[i] = (struct lane){0};
        pipe_init(&world->lanes[i].out);
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
    sender_actions(world);
}

static void disconnect(struct world *world) {
    pipe_drain(&world->back);
    for (size_t i = 0; i < LIMIT_LANES; i++)
        pipe_drain(&world->lanes[i].out);
    sender_free(world->sender);
    receiver_free(world->receiver);
    /* What was not synced is gone. */
    for (uint64_t unit = 0; unit < world->summary.units; unit++)
        if (!rangeset_contains(&world->database, unit, 1))
            world->disk[unit] = 3;
        else if (world->left.bad_held > 0 && !world->placed && dice(world, 4) == 0) {
            world->left.bad_held--;
            world->disk[unit] = 5;
        }
}

static void open_or_cut_lane(struct world *world) {
    uint32_t number = 1 + (uint32_t)dice(world, LIMIT_LANES - 1);
    struct lane *lane = &world->lanes[number];
    if (!lane->sender_open && lane->receiver_open && !lane->writing) {
        /* The receiver notices, with more or less of what was under way. */
        lane->receiver_open = false;
        pipe_drain(&lane->out);
        expect(receiver_lane_lost(world->receiver, number) == 0);
    } else if (!lane->sender_open && !lane->receiver_open && world->started &&
               world->sender_end == EXCHANGE_OPEN && number < world->left.lanes) {
        if (sender_lane_opened(world->sender, number) != 0)
            return; /* not as many were wanted */
        expect(receiver_lane_opened(world->receiver, number) == 0);
        lane->sender_open = lane->receiver_open = true;
    } else if (lane->sender_open && world->left.lane_cuts > 0 && dice(world, 20) == 0) {
        world->left.lane_cuts--;
        lane->sender_open = false;
        lane->claimed = false;
        expect(sender_lane_lost(world->sender, number) == 0);
    }
}

static void make_unreadable(struct world *world) {
    if (world->left.failures == 0 || dice(world, 50) != 0)
        return;
    world->left.failures--;
    world->unreadable[dice(world, world->summary.entries)] = true;
}

static void sender_step(struct world *world) {
    switch (dice(world, 4)) {
    case 0:
        if (world->back.head != NULL) {
            expect(sender_control(world->sender, world->now, world->back.head->bytes,
                                  world->back.head->length) == 0);
            pipe_pop(&world->back);
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
        lane_send(world, (uint32_t)dice(world, world->left.lanes));
    }
    sender_actions(world);
}

static void step(struct world *world) {
    world->now += dice(world, 10);
    if (world->sender_end == EXCHANGE_OPEN)
        sender_step(world);
    switch (dice(world, 8)) {
    case 0:
        sync_or_commit(world);
        break;
    case 1:
        finalize(world);
        break;
    case 2:
        if (world->started && dice(world, 30) == 0)
            verify_held(world);
        break;
    case 3:
        open_or_cut_lane(world);
        break;
    case 4:
        make_unreadable(world);
        break;
    default:
        receive(world, (uint32_t)dice(world, world->left.lanes));
    }
    receiver_actions(world);
    expect(sender_tick(world->sender, world->now) == 0);
    expect(receiver_tick(world->receiver, world->now) == 0);
    sender_actions(world);
    receiver_actions(world);
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
    uint64_t cut = world->left.cuts > 0 ? dice(world, 500) : STEPS_MAX;
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
