#include "files/hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#ifdef FXNODE_XXHASH_DISPATCH
#include <xxh_x86dispatch.h> /* replaces what is called below by what chooses */
#endif

struct hash {
    XXH3_state_t *state;
};

static void put(uint8_t out[LIMIT_CHUNK_HASH], XXH128_hash_t value) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, value);
    memcpy(out, canonical.digest, LIMIT_CHUNK_HASH);
}

void hash_buffer(uint8_t out[LIMIT_CHUNK_HASH], const void *data, size_t length) {
    put(out, XXH3_128bits(data, length));
}

/* Never written: not const, for then it would be a megabyte of the program's file. */
static uint8_t zeros[LIMIT_CHUNK];
static uint8_t chunk_of_zeros[LIMIT_CHUNK_HASH];

static void hash_chunk_of_zeros(void) {
    hash_buffer(chunk_of_zeros, zeros, LIMIT_CHUNK);
}

void hash_zeros(uint8_t out[LIMIT_CHUNK_HASH], uint32_t length) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (length != LIMIT_CHUNK) {
        hash_buffer(out, zeros, length);
        return;
    }
    pthread_once(&once, hash_chunk_of_zeros);
    memcpy(out, chunk_of_zeros, LIMIT_CHUNK_HASH);
}

int hash_new(struct hash **out) {
    struct hash *hash = calloc(1, sizeof(*hash));
    if (hash == NULL)
        return -ENOMEM;
    hash->state = XXH3_createState();
    if (hash->state == NULL) {
        free(hash);
        return -ENOMEM;
    }
    hash_reset(hash);
    *out = hash;
    return 0;
}

void hash_free(struct hash *hash) {
    if (hash == NULL)
        return;
    XXH3_freeState(hash->state);
    free(hash);
}

void hash_reset(struct hash *hash) {
    (void)XXH3_128bits_reset(hash->state);
}

void hash_add(struct hash *hash, const void *data, size_t length) {
    (void)XXH3_128bits_update(hash->state, data, length);
}

void hash_add_zeros(struct hash *hash, uint32_t length) {
    hash_add(hash, zeros, length);
}

void hash_end(const struct hash *hash, uint8_t out[LIMIT_CHUNK_HASH]) {
    put(out, XXH3_128bits_digest(hash->state));
}
