/*
 * Data records: the content of a data frame, behind its type byte. A frame carries any number of
 * them.
 *
 *   u8 kind (0 bytes, 1 hole), 3 zero bytes, u32be entry, u64be offset, u64be length, then for kind
 * 0 `length` bytes
 *
 * A record lies within one chunk of LIMIT_CHUNK bytes. Length 0 is only the content of an empty
 * file. No I/O, no ownership.
 */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include "base/limits.h"
#include "proto/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEADER 24u

/* The most bytes that one record can carry in a frame whose first byte is its type. */
#define RECORD_BYTES_MAX (LIMIT_FRAME - 1u - RECORD_HEADER)

enum record_kind { RECORD_BYTES = 0, RECORD_HOLE = 1 };

struct record {
    enum record_kind kind;
    uint32_t entry;
    uint64_t offset;
    uint64_t length;
    const uint8_t *bytes; /* borrowed from the frame; NULL for a hole */
};

/* Writes the header of `record` to `out`; its bytes follow it in the frame, put there by the
 * caller. */
void record_write_header(uint8_t out[RECORD_HEADER], const struct record *record);

/* Reads the records of one frame in order. */
struct record_cursor {
    const uint8_t *at;
    size_t left;
};

enum record_result { RECORD_END, RECORD_READ, RECORD_MALFORMED };

/* Starts at the content of a data frame, behind its type byte. */
void record_cursor_init(struct record_cursor *cursor, const void *content, size_t length);

/* Reads one: RECORD_READ fills *record with one that keeps the rules above; RECORD_END where
 * nothing is left; RECORD_MALFORMED where the rest is not a record. */
enum record_result record_next(struct record_cursor *cursor, struct record *record);

/* Where the bytes of a record belong, in units. */
struct record_piece {
    uint64_t unit;
    uint32_t unit_size; /* bytes of the whole unit; 0 for an empty file */
    uint32_t offset;    /* within the unit */
    uint32_t length;
    bool is_hole; /* the unit is nothing but this hole */
};

/* Whether `record` lies within `item` (which is the entry it names, and a file). Fills *piece if
 * so. */
bool record_locate(const struct record *record, const struct manifest_item *item,
                   struct record_piece *piece);

#endif
