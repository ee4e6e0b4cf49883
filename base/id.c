#include "base/id.h"

#include <sodium.h>
#include <string.h>

#define ID_CHECK 3
#define ID_BYTES (LIMIT_KEY + ID_CHECK)
#define ID_GROUP 8

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

static void id_bytes(uint8_t out[ID_BYTES], const uint8_t *key) {
    uint8_t hash[32];
    crypto_generichash_blake2b(hash, sizeof hash, key, LIMIT_KEY, NULL, 0);
    memcpy(out, key, LIMIT_KEY);
    memcpy(out + LIMIT_KEY, hash, ID_CHECK);
}

/* 35 bytes are exactly 56 groups of 5 bits. */
void id_format(char out[ID_TEXT_ROOM], const uint8_t *key) {
    uint8_t bytes[ID_BYTES];
    id_bytes(bytes, key);
    for (size_t i = 0; i < ID_TEXT; i++) {
        size_t bit = i * 5;
        unsigned pair = (unsigned)bytes[bit / 8] << 8;
        if (bit / 8 + 1 < ID_BYTES)
            pair |= bytes[bit / 8 + 1];
        out[i] = alphabet[pair >> (11 - bit % 8) & 31u];
    }
    out[ID_TEXT] = '\0';
}

void id_format_grouped(char out[ID_GROUPED_ROOM], const uint8_t *key) {
    char text[ID_TEXT_ROOM];
    size_t used = 0;
    id_format(text, key);
    for (size_t i = 0; i < ID_TEXT; i++) {
        if (i > 0 && i % ID_GROUP == 0)
            out[used++] = '-';
        out[used++] = text[i];
    }
    out[used] = '\0';
}

void id_format_short(char out[ID_SHORT_ROOM], const uint8_t *key) {
    char text[ID_TEXT_ROOM];
    id_format(text, key);
    memcpy(out, text, ID_SHORT_ROOM - 1);
    out[ID_SHORT_ROOM - 1] = '\0';
}

/* Canonical form: lower case, no '-'. Characters, or 0 where it is too long or no base32. */
static size_t normalise(char out[ID_TEXT_ROOM], const char *text) {
    size_t used = 0;
    for (; *text != '\0'; text++) {
        char c = *text;
        if (c == '-')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (used == ID_TEXT || strchr(alphabet, c) == NULL)
            return 0;
        out[used++] = c;
    }
    out[used] = '\0';
    return used;
}

bool id_parse(uint8_t key[LIMIT_KEY], const char *text) {
    char canonical[ID_TEXT_ROOM];
    uint8_t bytes[ID_BYTES] = {0};
    uint8_t expected[ID_BYTES];

    if (normalise(canonical, text) != ID_TEXT)
        return false;
    for (size_t i = 0; i < ID_TEXT; i++) {
        unsigned value = (unsigned)(strchr(alphabet, canonical[i]) - alphabet);
        size_t bit = i * 5;
        unsigned pair = value << (11 - bit % 8);
        bytes[bit / 8] |= (uint8_t)(pair >> 8);
        if (bit / 8 + 1 < ID_BYTES)
            bytes[bit / 8 + 1] |= (uint8_t)pair;
    }
    id_bytes(expected, bytes);
    if (memcmp(bytes, expected, sizeof bytes) != 0)
        return false;
    memcpy(key, bytes, LIMIT_KEY);
    return true;
}

bool id_has_prefix(const uint8_t *key, const char *text) {
    char canonical[ID_TEXT_ROOM];
    char id[ID_TEXT_ROOM];
    size_t length = normalise(canonical, text);

    if (length < ID_PREFIX_MIN)
        return false;
    id_format(id, key);
    return memcmp(id, canonical, length) == 0;
}

bool id_equal(const uint8_t *a, const uint8_t *b) {
    return sodium_memcmp(a, b, LIMIT_KEY) == 0;
}
