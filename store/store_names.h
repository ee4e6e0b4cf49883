/*
 * Lists of byte strings: names and paths are bytes, not text. In the database a list is one blob:
 * for each string u16be length || bytes.
 */
#ifndef STORE_STORE_NAMES_H
#define STORE_STORE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define STORE_NAMES_DIGEST 32

struct store_name {
    const char *bytes; /* not terminated */
    size_t length;     /* UINT16_MAX at most */
};

struct store_names {
    struct store_name *items; /* owned, the bytes too: one allocation */
    size_t length;
};

/* Frees what the list holds and empties it; an empty one is nothing. */
void store_names_clear(struct store_names *names);

/* A blob of the strings, for free(). 0; -ERANGE where one is too long; -ENOMEM. An empty list is an
 * empty blob (*blob not NULL). */
int store_names_encode(const struct store_name *items, size_t count, uint8_t **blob,
                       size_t *length);

/* The list in a blob, for store_names_clear(). 0; -EBADMSG where it is malformed; -ENOMEM. */
int store_names_decode(struct store_names *names, const uint8_t *blob, size_t length);

/* A list with copies of the strings. 0 or -ENOMEM. */
int store_names_copy(struct store_names *names, const struct store_name *items, size_t count);

/* BLAKE2b-256 of the strings as a set: sorted by their bytes, each once, each as u32be length ||
 * bytes. 0 or -ENOMEM. */
int store_names_digest(const struct store_name *items, size_t count,
                       uint8_t digest[STORE_NAMES_DIGEST]);

#endif
