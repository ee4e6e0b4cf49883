#include "proto/msg.h"

#include <errno.h>
#include <sodium.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_ROOM ((size_t)32 * 1024)

struct block {
    struct block *next;
    size_t room;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct msg_arena {
    struct block *blocks; /* newest first */
    size_t cap;
    size_t held;    /* sum of the rooms of all blocks */
    bool exhausted; /* the system refused memory, as opposed to the cap */
};

int msg_arena_new(struct msg_arena **arena, size_t cap) {
    struct msg_arena *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    made->cap = cap < LIMIT_ARENA ? cap : LIMIT_ARENA;
    *arena = made;
    return 0;
}

static void free_blocks(struct msg_arena *arena) {
    while (arena->blocks != NULL) {
        struct block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->held = 0;
}

void msg_arena_free(struct msg_arena *arena) {
    if (arena == NULL)
        return;
    free_blocks(arena);
    free(arena);
}

void msg_arena_reset(struct msg_arena *arena) {
    arena->exhausted = false;
    /* A single block of usual size is kept: most messages need no more. */
    if (arena->blocks != NULL && arena->blocks->next == NULL && arena->held <= BLOCK_ROOM)
        arena->blocks->used = 0;
    else
        free_blocks(arena);
}

void msg_arena_wipe(struct msg_arena *arena) {
    for (struct block *block = arena->blocks; block != NULL; block = block->next)
        sodium_memzero(block->bytes, block->used);
    msg_arena_reset(arena);
}

static struct block *add_block(struct msg_arena *arena, size_t size) {
    size_t left = arena->cap - arena->held;
    if (size > left)
        return NULL;
    size_t room = size > BLOCK_ROOM ? size : BLOCK_ROOM;
    if (room > left)
        room = left;
    struct block *block = malloc(sizeof *block + room);
    if (block == NULL) {
        arena->exhausted = true;
        return NULL;
    }
    *block = (struct block){.next = arena->blocks, .room = room};
    arena->blocks = block;
    arena->held += room;
    return block;
}

static void *arena_alloc(void *data, size_t size) {
    struct msg_arena *arena = data;
    struct block *block = arena->blocks;
    if (size > arena->cap)
        return NULL;
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (block == NULL || size > block->room - block->used)
        block = add_block(arena, size);
    if (block == NULL)
        return NULL;
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

/* Everything goes at once, with the arena. */
static void arena_free(void *data, void *memory) {
    (void)data;
    (void)memory;
}

int msg_decode(struct msg_arena *arena, const ProtobufCMessageDescriptor *descriptor,
               const void *data, size_t length, const ProtobufCMessage **message) {
    ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
    msg_arena_reset(arena);
    *message = protobuf_c_message_unpack(descriptor, &allocator, length, data);
    if (*message != NULL)
        return 0;
    return arena->exhausted ? -ENOMEM : MSG_INVALID;
}

int msg_encode(const ProtobufCMessage *message, void *buffer, size_t room) {
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > room || size > INT32_MAX)
        return -EMSGSIZE;
    return (int)protobuf_c_message_pack(message, buffer);
}

int msg_invalid(struct fail *why, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    why->code = 0;
    vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    return MSG_INVALID;
}
