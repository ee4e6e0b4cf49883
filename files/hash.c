#include "files/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

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

void hash_end(const struct hash *hash, uint8_t out[LIMIT_CHUNK_HASH]) {
    put(out, XXH3_128bits_digest(hash->state));
}
