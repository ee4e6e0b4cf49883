#include "world_parts.h"

#include <stdlib.h>
#include <string.h>

uint64_t world_dice(struct world *world, uint64_t sides) {
    world->random += 0x9e3779b97f4a7c15u;
    uint64_t z = world->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % sides;
}

void world_pipe_init(struct pipe *pipe) {
    pipe->head = NULL;
    pipe->tail = &pipe->head;
}

void world_pipe_put(struct pipe *pipe, bool is_control, const void *bytes, size_t length) {
    struct frame *frame = malloc(sizeof *frame + length);
    expect(frame != NULL);
    *frame = (struct frame){.is_control = is_control, .length = length};
    memcpy(frame->bytes, bytes, length);
    *pipe->tail = frame;
    pipe->tail = &frame->next;
}

void world_pipe_pop(struct pipe *pipe) {
    struct frame *frame = pipe->head;
    pipe->head = frame->next;
    if (pipe->head == NULL)
        pipe->tail = &pipe->head;
    free(frame);
}

void world_pipe_drain(struct pipe *pipe) {
    while (pipe->head != NULL)
        world_pipe_pop(pipe);
}

/* The manifest */

const uint8_t *world_batch(const struct world *world) {
    return world->manifest + MANIFEST_PREFIX;
}

uint64_t world_units(const struct manifest_item *item) {
    return entry_units(item->entry.type, item->entry.size);
}

void world_digest(const struct world *world, const uint64_t *hashes, uint32_t first, uint32_t count,
                  const struct rangeset *dropped, uint8_t out[LIMIT_CHUNK_HASH]) {
    uint64_t sum = 1;
    for (uint32_t i = first; i < first + count; i++) {
        const struct manifest_item *item = manifest_batch_by_entry(world->batch, i);
        for (uint64_t unit = item->first_unit; unit < item->first_unit + world_units(item); unit++)
            if (!rangeset_contains(dropped, unit, 1))
                sum = sum * 1099511628211u + hashes[unit];
    }
    memset(out, 0, LIMIT_CHUNK_HASH);
    memcpy(out, &sum, sizeof sum);
}
