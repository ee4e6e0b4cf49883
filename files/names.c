#include "files/names.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* All names in one block and 4 bytes for each to find it: a directory may have a million of them.
 */
struct names {
    char *pool;
    size_t used;
    size_t pool_room;
    uint32_t *starts;
    size_t count;
    size_t starts_room;
};

static int grow(void **block, size_t *room, size_t wanted, size_t size) {
    if (wanted <= *room)
        return 0;
    size_t larger = *room == 0 ? 64 : *room;
    while (larger < wanted)
        larger += larger / 2;
    void *moved = reallocarray(*block, larger, size);
    if (moved == NULL)
        return -ENOMEM;
    *block = moved;
    *room = larger;
    return 0;
}

static int add(struct names *names, const char *name) {
    size_t size = strlen(name) + 1;
    if (size > UINT32_MAX - names->used)
        return -EOVERFLOW;
    int error = grow((void **)&names->pool, &names->pool_room, names->used + size, 1);
    if (error == 0)
        error = grow((void **)&names->starts, &names->starts_room, names->count + 1,
                     sizeof(*names->starts));
    if (error < 0)
        return error;
    memcpy(names->pool + names->used, name, size);
    names->starts[names->count++] = (uint32_t)names->used;
    names->used += size;
    return 0;
}

static int by_bytes(const void *a, const void *b, void *pool) {
    uint32_t left;
    uint32_t right;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return strcmp((const char *)pool + left, (const char *)pool + right);
}

static int read_all(struct names *names, DIR *directory) {
    for (;;) {
        errno = 0;
        const struct dirent *found = readdir(directory);
        if (found == NULL)
            return -errno;
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        int error = add(names, found->d_name);
        if (error < 0)
            return error;
    }
}

int names_read(struct names **out, DIR *directory) {
    struct names *names = calloc(1, sizeof(*names));
    if (names == NULL)
        return -ENOMEM;
    int error = read_all(names, directory);
    if (error < 0) {
        names_free(names);
        return error;
    }
    if (names->count > 1)
        qsort_r(names->starts, names->count, sizeof(*names->starts), by_bytes, names->pool);
    *out = names;
    return 0;
}

void names_free(struct names *names) {
    if (names == NULL)
        return;
    free(names->pool);
    free(names->starts);
    free(names);
}

size_t names_count(const struct names *names) {
    return names->count;
}

const char *names_get(const struct names *names, size_t index) {
    return names->pool + names->starts[index];
}
