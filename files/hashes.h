/*
 * The `hashes` file of a transfer, on either side: the hash of each unit's chunk, LIMIT_CHUNK_HASH
 * bytes at unit * LIMIT_CHUNK_HASH. All zero, or past the end of the file: unknown.
 *
 * Any thread may set and get; different units do not disturb each other.
 */
#ifndef FILES_HASHES_H
#define FILES_HASHES_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashes;

/* Opens or makes the file `name` in the directory `directory` (0600, never through a symbolic
 * link). 0; -errno. */
int hashes_open(struct hashes **out, int directory, const char *name);
void hashes_close(struct hashes *hashes);

/* 0; -errno (-ENOSPC and -EDQUOT where the disk is full). */
int hashes_set(struct hashes *hashes, uint64_t unit, const uint8_t hash[LIMIT_CHUNK_HASH]);

/* Reads `count` hashes from unit `first` into `out`; unknown ones are zero. 0 or -errno. */
int hashes_get(struct hashes *hashes, uint64_t first, size_t count, uint8_t *out);

/* Copies those that are known of `count` hashes from unit `first` of `from` on to those from unit
 * `to_first` of `to` on; what is unknown leaves alone what is there. 0 or -errno. */
int hashes_copy(struct hashes *to, uint64_t to_first, struct hashes *from, uint64_t first,
                uint64_t count);

/* Whether a hash that was read is known. */
bool hashes_is_known(const uint8_t hash[LIMIT_CHUNK_HASH]);

/* Makes what was set durable. 0 or -errno; never to be called again after it failed. */
int hashes_sync(struct hashes *hashes);

#endif
