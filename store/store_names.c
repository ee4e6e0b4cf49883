#include "store/store_names.h"

#include "base/bytes.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void store_names_clear(struct store_names *names) {
    free(names->items);
    *names = (struct store_names){0};
}

int store_names_encode(const struct store_name *items, size_t count, uint8_t **blob,
                       size_t *length) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].length > UINT16_MAX)
            return -ERANGE;
        total += 2 + items[i].length;
    }
    uint8_t *at = malloc(total + 1); /* never nothing: an empty list is not NULL */
    if (at == NULL)
        return -ENOMEM;
    *blob = at;
    *length = total;
    for (size_t i = 0; i < count; i++) {
        bytes_put(at, items[i].length, 2);
        at += 2;
        if (items[i].length > 0)
            memcpy(at, items[i].bytes, items[i].length);
        at += items[i].length;
    }
    return 0;
}

/* The string at the front of a blob; false where it does not fit. Moves the blob on. */
static bool take(const uint8_t **blob, size_t *length, struct store_name *name) {
    if (*length < 2)
        return false;
    name->length = (size_t)bytes_get(*blob, 2);
    name->bytes = (const char *)*blob + 2;
    if (*length - 2 < name->length)
        return false;
    *blob += 2 + name->length;
    *length -= 2 + name->length;
    return true;
}

int store_names_decode(struct store_names *names, const uint8_t *blob, size_t length) {
    struct store_name name, *borrowed = NULL;
    size_t count = 0, left = length;
    const uint8_t *at = blob;
    *names = (struct store_names){0};
    while (left > 0) {
        if (!take(&at, &left, &name))
            return -EBADMSG;
        count++;
    }
    if (count == 0)
        return 0;
    borrowed = calloc(count, sizeof(*borrowed));
    if (borrowed == NULL)
        return -ENOMEM;
    at = blob;
    left = length;
    for (size_t i = 0; i < count && take(&at, &left, &borrowed[i]); i++)
        continue;
    int rc = store_names_copy(names, borrowed, count);
    free(borrowed);
    return rc;
}

int store_names_copy(struct store_names *names, const struct store_name *items, size_t count) {
    size_t total = 0;
    *names = (struct store_names){0};
    for (size_t i = 0; i < count; i++)
        total += items[i].length;
    if (count == 0)
        return 0;
    names->items = malloc(count * sizeof(*names->items) + total);
    if (names->items == NULL)
        return -ENOMEM;
    names->length = count;
    char *at = (char *)(names->items + count);
    for (size_t i = 0; i < count; i++) {
        names->items[i] = (struct store_name){.bytes = at, .length = items[i].length};
        if (items[i].length > 0)
            memcpy(at, items[i].bytes, items[i].length);
        at += items[i].length;
    }
    return 0;
}

static int compare(const void *a, const void *b) {
    const struct store_name *left = a, *right = b;
    size_t shorter = left->length < right->length ? left->length : right->length;
    int order = shorter > 0 ? memcmp(left->bytes, right->bytes, shorter) : 0;
    if (order != 0)
        return order;
    return left->length < right->length ? -1 : left->length > right->length;
}

static void hash_name(crypto_generichash_state *state, const struct store_name *name) {
    uint8_t prefix[4];
    bytes_put(prefix, name->length, sizeof(prefix));
    crypto_generichash_update(state, prefix, sizeof(prefix));
    crypto_generichash_update(state, (const uint8_t *)name->bytes, name->length);
}

int store_names_digest(const struct store_name *items, size_t count,
                       uint8_t digest[STORE_NAMES_DIGEST]) {
    crypto_generichash_state state;
    struct store_name *sorted = malloc(count * sizeof(*sorted) + 1);
    if (sorted == NULL)
        return -ENOMEM;
    if (count > 0) {
        memcpy(sorted, items, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare);
    }
    crypto_generichash_init(&state, NULL, 0, STORE_NAMES_DIGEST);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare(&sorted[i - 1], &sorted[i]) != 0)
            hash_name(&state, &sorted[i]);
    crypto_generichash_final(&state, digest, STORE_NAMES_DIGEST);
    free(sorted);
    return 0;
}
