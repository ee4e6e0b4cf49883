/*
 * Entries of a manifest as tests write them down. Texts are borrowed.
 */
#ifndef TESTS_PROTO_ENTRIES_H
#define TESTS_PROTO_ENTRIES_H

#include "base/entry.h"

#include <stddef.h>
#include <stdint.h>

struct entry entries_file(const char *path, uint64_t size);
struct entry entries_directory(const char *path);
struct entry entries_link(const char *path, const char *target);
struct entry entries_hardlink(const char *path, uint32_t original);

/* The file "a" with these attributes, borrowed. */
struct entry entries_with(const struct entry_attribute *attributes, size_t count);

/* A name of an attribute that is acceptable but for its length, LIMIT_ATTRIBUTE_NAME + 1 bytes, not
 * terminated: one byte less is as long as can be. */
const char *entries_long_name(void);

#endif
