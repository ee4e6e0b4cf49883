#include "tests/sim/heap.h"

#include "tests/sim/region.h"
#include "tests/sim/task.h"

#include <stdalign.h>
#include <stdint.h>

#define STEP 16u     /* rooms differ by so much */
#define CLASSES 513u /* rooms of 0 to 8192 bytes are kept by the heap */
#define CHUNK (65536u - 64u)
#define LONGEST ((size_t)1 << 32)

#if defined(__SANITIZE_ADDRESS__)
#define LARGEST 0u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LARGEST 0u
#endif
#endif
#ifndef LARGEST
#define LARGEST ((CLASSES - 1) * STEP)
#endif

/* In front of each block. */
struct block {
    struct heap *heap; /* NULL: it has memory of its own */
    size_t room;
    alignas(16) char content[];
};

/* A block that is free. */
struct spare {
    struct spare *next;
};

/* One with memory of its own. */
struct large {
    struct large *next;
    struct large **before; /* what points here */
    void *base;            /* what the region gave */
    size_t length;
    alignas(16) struct block block;
};

struct chunk {
    struct chunk *next;
    alignas(16) char content[CHUNK];
};

struct heap {
    struct heap *next; /* of those that ended */
    struct chunk *chunks;
    size_t used; /* of the first */
    struct large *large;
    struct spare *spare[CLASSES];
};

static struct heap own; /* of the simulation */
static struct heap *ended;
static struct chunk *chunks; /* that nobody uses */

struct heap *heap_own(void) {
    return &own;
}

struct heap *heap_now(void) {
    struct process *process = process_now();
    struct heap *heap = NULL;

    if (process == NULL)
        return &own;
    if (process->heap == NULL) {
        heap = ended != NULL ? ended : region_take(sizeof *heap);
        ended = heap == ended ? heap->next : ended;
        *heap = (struct heap){0};
        process->heap = heap;
    }
    return process->heap;
}

static struct block *block_of(const void *content) {
    return (struct block *)((uintptr_t)content - offsetof(struct block, content));
}

static struct large *large_of(struct block *block) {
    return (struct large *)((uintptr_t)block - offsetof(struct large, block));
}

static void *take_large(struct heap *heap, size_t alignment, size_t length) {
    size_t header = offsetof(struct large, block.content);
    struct large *large = NULL;
    char *base = NULL;

    if (length > LONGEST)
        return NULL;
    base = region_take(header + alignment + length);
    large = large_of(block_of(
        (void *)(((uintptr_t)base + header + alignment - 1) & ~(uintptr_t)(alignment - 1))));
    *large = (struct large){.next = heap->large,
                            .before = &heap->large,
                            .base = base,
                            .length = header + alignment + length};
    large->block.room = length;
    if (large->next != NULL)
        large->next->before = &large->next;
    heap->large = large;
    return large->block.content;
}

/* Of the first chunk, which is a new one where it is full. */
static void *cut(struct heap *heap, size_t room) {
    size_t length = offsetof(struct block, content) + room;
    struct block *block = NULL;

    if (heap->chunks == NULL || length > CHUNK - heap->used) {
        struct chunk *chunk = chunks != NULL ? chunks : region_take(sizeof *chunk);
        chunks = chunk == chunks ? chunk->next : chunks;
        chunk->next = heap->chunks;
        heap->chunks = chunk;
        heap->used = 0;
    }
    block = (struct block *)(void *)(heap->chunks->content + heap->used);
    heap->used += length;
    block->heap = heap;
    block->room = room;
    return block->content;
}

void *heap_take(struct heap *heap, size_t alignment, size_t length) {
    size_t class = (length + STEP - 1) / STEP;
    struct spare *spare = NULL;

    if (length > LARGEST || alignment > STEP)
        return take_large(heap, alignment, length);
    if (class == 0)
        class = 1;
    spare = heap->spare[class];
    if (spare == NULL)
        return cut(heap, class * STEP);
    heap->spare[class] = spare->next;
    return spare;
}

static void give_large(struct large *large) {
    *large->before = large->next;
    if (large->next != NULL)
        large->next->before = large->before;
    region_give(large->base, large->length);
}

void heap_give(void *content) {
    struct block *block = block_of(content);
    struct spare *spare = content;

    if (content == NULL)
        return;
    if (block->heap == NULL) {
        give_large(large_of(block));
        return;
    }
    spare->next = block->heap->spare[block->room / STEP];
    block->heap->spare[block->room / STEP] = spare;
}

size_t heap_room(const void *content) {
    return block_of(content)->room;
}

void heap_end(struct heap *heap) {
    while (heap->large != NULL)
        give_large(heap->large);
    while (heap->chunks != NULL) {
        struct chunk *chunk = heap->chunks;
        heap->chunks = chunk->next;
        chunk->next = chunks;
        chunks = chunk;
    }
    heap->next = ended;
    ended = heap;
}
