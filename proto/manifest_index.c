#include "proto/manifest_index.h"

#include <errno.h>
#include <stdlib.h>

int manifest_index_add(struct manifest_index *index, const struct manifest_row *row) {
    if (index->length == index->room) {
        size_t room = index->room == 0 ? 16 : index->room * 2;
        struct manifest_row *rows = reallocarray(index->rows, room, sizeof *rows);
        if (rows == NULL)
            return -ENOMEM;
        index->rows = rows;
        index->room = room;
    }
    index->rows[index->length++] = *row;
    return 0;
}

void manifest_index_clear(struct manifest_index *index) {
    free(index->rows);
    *index = (struct manifest_index){0};
}

size_t manifest_index_rows(const struct manifest_index *index) {
    return index->length;
}

const struct manifest_row *manifest_index_row(const struct manifest_index *index, size_t row) {
    return &index->rows[row];
}

unsigned manifest_index_has(const struct manifest_index *index) {
    unsigned has = 0;
    for (size_t i = 0; i < index->length; i++)
        has |= index->rows[i].has;
    return has;
}

const struct manifest_row *manifest_index_by_entry(const struct manifest_index *index,
                                                   uint32_t entry) {
    size_t low = 0;
    size_t high = index->length;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->rows[middle].first_entry <= entry)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || entry - index->rows[low - 1].first_entry >= index->rows[low - 1].entries)
        return NULL;
    return &index->rows[low - 1];
}

const struct manifest_row *manifest_index_by_unit(const struct manifest_index *index,
                                                  uint64_t unit) {
    size_t low = 0;
    size_t high = index->length;
    /* Rows without units have the first unit of the next that has some: the last of equals is it.
     */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->rows[middle].first_unit <= unit)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || unit - index->rows[low - 1].first_unit >= index->rows[low - 1].units)
        return NULL;
    return &index->rows[low - 1];
}
