/*
 * A world for the files that it is made of: world.c (what is sent, connections, the order of
 * things), world_wire.c (dice, frames, the manifest and digests), world_sender.c and
 * world_receiver.c (the two sessions). Not for its users.
 */
#ifndef TESTS_UNIT_PROTO_WORLD_PARTS_H
#define TESTS_UNIT_PROTO_WORLD_PARTS_H

#include "proto/manifest.h"
#include "proto/receiver.h"
#include "proto/record.h"
#include "proto/sender.h"
#include "world.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

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
    uint64_t unit;   /* that it has begun */
    uint32_t offset; /* within its first unit */
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

/* A number below `sides`. */
uint64_t world_dice(struct world *world, uint64_t sides);

/* Frames under way; a frame that is popped is freed. */
void world_pipe_init(struct pipe *pipe);
void world_pipe_put(struct pipe *pipe, bool is_control, const void *bytes, size_t length);
void world_pipe_pop(struct pipe *pipe);
void world_pipe_drain(struct pipe *pipe);

/* The manifest's only batch, and how many units an entry has. */
const uint8_t *world_batch(const struct world *world);
uint64_t world_units(const struct manifest_item *item);

/* Digest over what is known of the units of [first, first + count), without failed entries. */
void world_digest(const struct world *world, const uint64_t *hashes, uint32_t first, uint32_t count,
                  const struct rangeset *dropped, uint8_t out[LIMIT_CHUNK_HASH]);

/* Does what the sender asks for; and something that its session may do, whatever it is. */
void world_sender_act(struct world *world);
void world_sender_step(struct world *world);

/* Does what the receiver asks for; and each of the things that its session may do, where there is
 * something to do: takes from a lane, syncs or commits, re-reads what was held, places. */
void world_receiver_act(struct world *world);
void world_receive(struct world *world, uint32_t number);
void world_sync_or_commit(struct world *world);
void world_verify_held(struct world *world);
void world_finalize(struct world *world);

#endif
