/*
 * One entry of a manifest: the plain value that the walk makes, the wire carries and the staging
 * area receives.
 *
 * Progress is counted in units. A file of `size` bytes has one unit per chunk of LIMIT_CHUNK bytes
 * begun, and an empty file one, so that its creation counts; directories and links have none. Units
 * are numbered through the manifest in its order, so "what is durable" of a transfer with a million
 * files is one set of ranges.
 */
#ifndef BASE_ENTRY_H
#define BASE_ENTRY_H

#include "base/limits.h"
#include "base/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum entry_type { ENTRY_FILE = 1, ENTRY_DIRECTORY = 2, ENTRY_SYMLINK = 3, ENTRY_HARDLINK = 4 };

/* An extended attribute. Neither part is terminated; both are borrowed. */
struct entry_attribute {
    const char *name; /* begins with ENTRY_ATTRIBUTE_PREFIX */
    size_t name_length;
    const void *value;
    size_t value_length;
};

#define ENTRY_ATTRIBUTE_PREFIX "user."

struct entry {
    enum entry_type type;
    uint32_t mode;     /* permission bits, 0777 at most */
    uint64_t size;     /* bytes; 0 unless a file */
    int64_t mtime_s;   /* since 1970 */
    uint32_t mtime_ns; /* below 1e9 */
    uint32_t original; /* of a hard link: the number of the file that it is another name of, whose
                        * mode, time and attributes are its own too; else 0 */
    const char *path;  /* relative, not terminated, borrowed */
    size_t path_length;
    const char *target; /* of a symbolic link, not terminated, borrowed; else NULL */
    size_t target_length;
    /* Of a file or directory, by the bytes of their names, borrowed. */
    const struct entry_attribute *attributes;
    size_t attribute_count;
};

/* Units of an entry. */
static inline uint64_t entry_units(enum entry_type type, uint64_t size) {
    if (type != ENTRY_FILE)
        return 0;
    return size == 0 ? 1 : (size - 1) / LIMIT_CHUNK + 1;
}

/* Whether an entry is a symbolic link that leads out of its top-level item: a receiver may leave it
 * out. */
static inline bool entry_leads_outside(const struct entry *entry) {
    return entry->type == ENTRY_SYMLINK &&
           !path_link_is_inside(entry->path, entry->path_length, entry->target,
                                entry->target_length);
}

/* Bytes of chunk `chunk` of a file of `size` bytes. */
static inline uint32_t entry_chunk_size(uint64_t size, uint64_t chunk) {
    uint64_t left = size - chunk * LIMIT_CHUNK;
    return left < LIMIT_CHUNK ? (uint32_t)left : LIMIT_CHUNK;
}

#endif
