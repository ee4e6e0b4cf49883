#include "tests/sim/region.h"

#include "tests/sim/fiber.h"
#include "tests/sim/real.h"

#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROOM ((size_t)8 << 30) /* of address space */
#define CLASSES 64
#define AREAS 8

#if defined(__SANITIZE_ADDRESS__)
#define REGION_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REGION_CHECKED 1
#endif
#endif

/* A piece of memory and what it held. */
struct area {
    char *begin;
    size_t length;
    char *kept;
    size_t room;
};

struct spare {
    struct spare *next;
};

static char *base;
static size_t used;
static struct spare *spares[CLASSES];
static struct area areas[AREAS];
static size_t area_count;

/* Lengths are powers of two. */
static size_t class_of(size_t length) {
    size_t class = 4;

    while (((size_t)1 << class) < length)
        class ++;
    return class;
}

static void *cut(size_t length) {
    void *block = NULL;

    if (base == NULL) {
        base = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
        if (base == MAP_FAILED)
            abort();
    }
    if (length > ROOM - used)
        abort();
    block = base + used;
    used += length;
    return block;
}

void *region_take(size_t length) {
    size_t class = class_of(length);
    struct spare *spare = spares[class];

#ifdef REGION_CHECKED
    return __real_malloc(length);
#endif
    if (spare == NULL)
        return cut((size_t)1 << class);
    spares[class] = spare->next;
    return spare;
}

void region_give(void *block, size_t length) {
    size_t class = class_of(length);
    struct spare *spare = block;

#ifdef REGION_CHECKED
    __real_free(block);
    return;
#endif
    spare->next = spares[class];
    spares[class] = spare;
}

/* ---- keeping ---- */

static void add_area(void *begin, size_t length) {
    struct area *area = &areas[area_count];

    if (area_count == AREAS)
        abort();
    area_count++;
    area->begin = begin;
    area->length = length;
    if (area->room >= length)
        return;
    area->kept = __real_realloc(area->kept, length);
    area->room = length;
    if (area->kept == NULL)
        abort();
}

static uintptr_t after_constants(const struct dl_phdr_info *library) {
    uintptr_t end = 0;

    for (size_t i = 0; i < library->dlpi_phnum; i++)
        if (library->dlpi_phdr[i].p_type == PT_GNU_RELRO)
            end = library->dlpi_phdr[i].p_vaddr + library->dlpi_phdr[i].p_memsz;
    return (end + 4095) & ~(uintptr_t)4095;
}

/* The variables of SQLite. */
static int add_library(struct dl_phdr_info *library, size_t size, void *arg) {
    uintptr_t first = after_constants(library);

    (void)size;
    (void)arg;
    if (strstr(library->dlpi_name, "libsqlite3") == NULL)
        return 0;
    for (size_t i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        uintptr_t end = part->p_vaddr + part->p_memsz;
        uintptr_t begin = part->p_vaddr > first ? part->p_vaddr : first;

        if (part->p_type == PT_LOAD && (part->p_flags & PF_W) != 0 && begin < end)
            add_area((void *)(library->dlpi_addr + begin), end - begin); /* NOLINT */
    }
    return 0;
}

static void copy_all(bool back) {
    for (size_t i = 0; i < area_count; i++) {
        struct area *area = &areas[i];
        memcpy(back ? area->begin : area->kept, back ? area->kept : area->begin, area->length);
    }
}

void region_keep(void) {
    extern char __data_start[];
    extern char _end[];

    area_count = 0;
    if (!fiber_keep())
        return;
    add_area(base, used);
    dl_iterate_phdr(add_library, NULL);
    add_area(__data_start, (size_t)(_end - __data_start)); /* last: what is above is in it */
    copy_all(false);
}

bool region_back(void) {
    if (area_count == 0)
        return false;
    copy_all(true);
    fiber_back();
    return true;
}
