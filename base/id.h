/*
 * Names that identify: a node's id is its public key with a check, written for people.
 *
 * Text form: base32 (RFC 4648 alphabet, lower case, no padding) of the 32 key bytes and the first
 * 3 bytes of BLAKE2b-256 of the key: 35 bytes, exactly 56 characters.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_TEXT 56         /* characters of an id */
#define ID_TEXT_ROOM 57    /* with its NUL */
#define ID_GROUPED_ROOM 63 /* seven groups of eight, with '-' between and a NUL */
#define ID_SHORT_ROOM 9    /* first eight characters and a NUL */
#define ID_PREFIX_MIN 8    /* characters of a prefix that may stand for an id */

/* Writes the id of `key` (LIMIT_KEY bytes) with its NUL. */
void id_format(char out[ID_TEXT_ROOM], const uint8_t *key);

/* The same in groups of eight with '-' between: what people are shown. */
void id_format_grouped(char out[ID_GROUPED_ROOM], const uint8_t *key);

/* The first eight characters: enough to tell peers apart in a list, never to identify. */
void id_format_short(char out[ID_SHORT_ROOM], const uint8_t *key);

/* Reads an id in either form and either case. False where it is not 56 characters of base32, or
 * the check does not match. */
bool id_parse(uint8_t key[LIMIT_KEY], const char *text);

/* Whether `text` (either case, '-' ignored, at least ID_PREFIX_MIN characters of base32) is a
 * prefix of the id of `key`. */
bool id_has_prefix(const uint8_t *key, const char *text);

/* Whether two keys are the same, in constant time. */
bool id_equal(const uint8_t *a, const uint8_t *b);

#endif
