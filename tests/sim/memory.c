#define XXH_STATIC_LINKING_ONLY
#define ZSTD_STATIC_LINKING_ONLY
#include "tests/sim/memory.h"

#include "tests/sim/heap.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

static void *allocate(size_t alignment, size_t length) {
    void *content = heap_take(heap_now(), alignment, length);

    if (content == NULL)
        errno = ENOMEM;
    return content;
}

void *__wrap_malloc(size_t length) {
    return allocate(16, length);
}

void __wrap_free(void *content) {
    heap_give(content);
}

void *__wrap_calloc(size_t count, size_t size) {
    void *content = NULL;
    size_t length = 0;

    if (__builtin_mul_overflow(count, size, &length)) {
        errno = ENOMEM;
        return NULL;
    }
    content = allocate(16, length);
    return content == NULL ? NULL : memset(content, 0, length);
}

void *__wrap_realloc(void *old, size_t length) {
    void *content = allocate(16, length);

    if (content != NULL && old != NULL) {
        size_t kept = heap_room(old);
        memcpy(content, old, kept < length ? kept : length);
        heap_give(old);
    }
    return content;
}

void *__wrap_reallocarray(void *old, size_t count, size_t size) {
    size_t length = 0;

    if (__builtin_mul_overflow(count, size, &length)) {
        errno = ENOMEM;
        return NULL;
    }
    return __wrap_realloc(old, length);
}

void *__wrap_aligned_alloc(size_t alignment, size_t length) {
    return allocate(alignment, length);
}

char *__wrap_strndup(const char *text, size_t most) {
    size_t length = strnlen(text, most);
    char *copy = allocate(16, length + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *__wrap_strdup(const char *text) {
    return __wrap_strndup(text, SIZE_MAX);
}

/* Without guard pages: those are for secrets of a real machine, and cost most of a seed. */
void *__wrap_sodium_malloc(size_t length) {
    return allocate(16, length);
}

void __wrap_sodium_free(void *content) {
    heap_give(content);
}

static void *zstd_allocate(void *context, size_t length) {
    (void)context;
    return allocate(16, length);
}

static void zstd_release(void *context, void *content) {
    (void)context;
    heap_give(content);
}

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void) {
    return ZSTD_createCCtx_advanced((ZSTD_customMem){zstd_allocate, zstd_release, NULL});
}

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void) {
    return ZSTD_createDCtx_advanced((ZSTD_customMem){zstd_allocate, zstd_release, NULL});
}

XXH3_state_t *__wrap_XXH3_createState(void) {
    XXH3_state_t *state = allocate(64, sizeof *state);

    if (state != NULL)
        XXH3_INITSTATE(state);
    return state;
}

XXH_errorcode __wrap_XXH3_freeState(XXH3_state_t *state) {
    heap_give(state);
    return XXH_OK;
}

static void *sqlite_malloc(int length) {
    return allocate(16, (size_t)length);
}

static void *sqlite_realloc(void *old, int length) {
    return __wrap_realloc(old, (size_t)length);
}

static int sqlite_size(void *content) {
    return content == NULL ? 0 : (int)heap_room(content);
}

static int sqlite_round(int length) {
    return (length + 7) & ~7;
}

static int sqlite_start(void *context) {
    (void)context;
    return SQLITE_OK;
}

static void sqlite_end(void *context) {
    (void)context;
}

void memory_init(void) {
    static const sqlite3_mem_methods methods = {.xMalloc = sqlite_malloc,
                                                .xFree = heap_give,
                                                .xRealloc = sqlite_realloc,
                                                .xSize = sqlite_size,
                                                .xRoundup = sqlite_round,
                                                .xInit = sqlite_start,
                                                .xShutdown = sqlite_end};

    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK)
        abort();
}

void *memory_grow(void *block, size_t length) {
    void *grown = heap_take(heap_own(), 16, length);

    if (grown == NULL)
        abort();
    if (block != NULL) {
        size_t kept = heap_room(block);
        memcpy(grown, block, kept < length ? kept : length);
        heap_give(block);
    }
    return grown;
}

void memory_release(void *block) {
    heap_give(block);
}

/* ---- for a seed ---- */

#define SLAB (1u << 18)

struct slab {
    struct slab *next;
    size_t used;
    alignas(16) char content[];
};

static struct slab *slabs; /* the first is the one in use */
static struct slab *spare;

void *memory_lasting(size_t length) {
    void *content = NULL;

    length = (length + 15) & ~(size_t)15;
    if (slabs == NULL || length > SLAB - slabs->used) {
        struct slab *slab = spare;
        if (slab != NULL)
            spare = slab->next;
        else
            slab = memory_grow(NULL, sizeof *slab + SLAB);
        slab->next = slabs;
        slab->used = 0;
        slabs = slab;
    }
    content = slabs->content + slabs->used;
    slabs->used += length;
    return memset(content, 0, length);
}

char *memory_lasting_name(const char *name) {
    size_t length = strlen(name) + 1;
    return memcpy(memory_lasting(length), name, length);
}

void memory_lasting_end(void) {
    while (slabs != NULL) {
        struct slab *slab = slabs;
        slabs = slab->next;
        slab->next = spare;
        spare = slab;
    }
}
