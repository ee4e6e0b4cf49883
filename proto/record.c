#include "proto/record.h"

#include "base/bytes.h"

#include <string.h>

/* Where the fields of a header stand. */
enum { AT_KIND = 0, AT_ZERO = 1, AT_ENTRY = 4, AT_OFFSET = 8, AT_LENGTH = 16 };

void record_write_header(uint8_t out[RECORD_HEADER], const struct record *record) {
    memset(out, 0, RECORD_HEADER);
    out[AT_KIND] = (uint8_t)record->kind;
    bytes_put(out + AT_ENTRY, record->entry, 4);
    bytes_put(out + AT_OFFSET, record->offset, 8);
    bytes_put(out + AT_LENGTH, record->length, 8);
}

void record_cursor_init(struct record_cursor *cursor, const void *content, size_t length) {
    *cursor = (struct record_cursor){content, length};
}

/* Whether [offset, offset + length) lies within one chunk, or is the nothing of an empty file. */
static bool is_within_chunk(uint64_t offset, uint64_t length) {
    return length == 0 ? offset == 0
                       : offset <= LIMIT_FILE_SIZE && length <= LIMIT_CHUNK - offset % LIMIT_CHUNK;
}

enum record_result record_next(struct record_cursor *cursor, struct record *record) {
    static const uint8_t zero[AT_ENTRY - AT_ZERO];
    const uint8_t *at = cursor->at;
    if (cursor->left == 0)
        return RECORD_END;
    if (cursor->left < RECORD_HEADER || at[AT_KIND] > RECORD_HOLE ||
        memcmp(at + AT_ZERO, zero, sizeof zero) != 0)
        return RECORD_MALFORMED;
    *record = (struct record){
        .kind = at[AT_KIND] == RECORD_HOLE ? RECORD_HOLE : RECORD_BYTES,
        .entry = (uint32_t)bytes_get(at + AT_ENTRY, 4),
        .offset = bytes_get(at + AT_OFFSET, 8),
        .length = bytes_get(at + AT_LENGTH, 8),
    };
    size_t left = cursor->left - RECORD_HEADER;
    size_t carried = 0;
    if (!is_within_chunk(record->offset, record->length))
        return RECORD_MALFORMED;
    if (record->kind == RECORD_BYTES) {
        if (record->length > left)
            return RECORD_MALFORMED;
        carried = (size_t)record->length;
        record->bytes = at + RECORD_HEADER;
    }
    cursor->at = at + RECORD_HEADER + carried;
    cursor->left = left - carried;
    return RECORD_READ;
}

bool record_locate(const struct record *record, const struct manifest_item *item,
                   struct record_piece *piece) {
    uint64_t size = item->entry.size;
    if (item->entry.type != ENTRY_FILE || record->entry != item->number)
        return false;
    if (record->offset > size || record->length > size - record->offset)
        return false;
    if (record->length == 0 ? size != 0 : !is_within_chunk(record->offset, record->length))
        return false;
    uint64_t chunk = record->offset / LIMIT_CHUNK;
    *piece = (struct record_piece){
        .unit = item->first_unit + chunk,
        .unit_size = entry_chunk_size(size, chunk),
        .offset = (uint32_t)(record->offset % LIMIT_CHUNK),
        .length = (uint32_t)record->length,
    };
    piece->is_hole = record->kind == RECORD_HOLE && piece->length == piece->unit_size;
    return true;
}
