/*
 * Unsigned numbers as bytes, the highest first, as they go over the wire and into files.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Writes the lowest `count` bytes of `value`, 8 at most, at `at`. */
static inline void bytes_put(uint8_t *at, uint64_t value, size_t count) {
    for (size_t i = count; i > 0; i--, value >>= 8)
        at[i - 1] = (uint8_t)value;
}

/* The number in the `count` bytes at `at`, 8 at most. */
static inline uint64_t bytes_get(const uint8_t *at, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | at[i];
    return value;
}

#endif
