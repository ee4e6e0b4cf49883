/* The content of a data frame. */
#include "proto/record.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct manifest_item item = {
        .entry = {.type = ENTRY_FILE, .size = 3 * (uint64_t)LIMIT_CHUNK + 7}, .first_unit = 5};
    struct record_cursor cursor;
    struct record record;
    record_cursor_init(&cursor, data, size);
    while (record_next(&cursor, &record) == RECORD_READ) {
        struct record_piece piece;
        if (record.kind == RECORD_BYTES &&
            (record.bytes < data || record.length > (size_t)(data + size - record.bytes)))
            abort();
        if (!record_locate(&record, &item, &piece))
            continue;
        if (piece.unit < 5 || piece.unit > 8 || piece.offset > piece.unit_size ||
            piece.length > piece.unit_size - piece.offset)
            abort();
        if (piece.is_hole &&
            (record.kind != RECORD_HOLE || piece.offset != 0 || piece.length != piece.unit_size))
            abort();
    }
    return 0;
}
