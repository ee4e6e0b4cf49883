/*
 * The content check: XXH3-128 in canonical (big-endian) form, LIMIT_CHUNK_HASH bytes. It finds
 * damage and change; it is no protection against forgery, which the channel gives.
 */
#ifndef FILES_HASH_H
#define FILES_HASH_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* Hash of `length` bytes at once. Any thread. */
void hash_buffer(uint8_t out[LIMIT_CHUNK_HASH], const void *data, size_t length);

/* Hash of `length` zeros, LIMIT_CHUNK at most; that many cost nothing after the first time. Any
 * thread. */
void hash_zeros(uint8_t out[LIMIT_CHUNK_HASH], uint32_t length);

/* The same piece by piece. One thread each. */
struct hash;

/* 0 or -ENOMEM; ready for the first hash_add. */
int hash_new(struct hash **out);
void hash_free(struct hash *hash);

/* Starts over with nothing added. */
void hash_reset(struct hash *hash);
void hash_add(struct hash *hash, const void *data, size_t length);

/* Adds `length` zeros, LIMIT_CHUNK at most. */
void hash_add_zeros(struct hash *hash, uint32_t length);

/* Hash of all that was added since the last reset; more may be added afterwards. */
void hash_end(const struct hash *hash, uint8_t out[LIMIT_CHUNK_HASH]);

#endif
