#include "proto/manifest_rules.h"

#include <errno.h>
#include <stdlib.h>

struct manifest_batch {
    struct msg_arena *arena;
    struct manifest_item *items; /* owned */
    size_t length;
    size_t room;
    struct entry_attribute *attributes; /* of all items, in order; owned */
    size_t attribute_room;
};

int manifest_batch_new(struct manifest_batch **batch) {
    struct manifest_batch *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    int rc = msg_arena_new(&made->arena, LIMIT_ARENA);
    if (rc < 0) {
        free(made);
        return rc;
    }
    *batch = made;
    return 0;
}

void manifest_batch_free(struct manifest_batch *batch) {
    if (batch == NULL)
        return;
    msg_arena_free(batch->arena);
    free(batch->items);
    free(batch->attributes);
    free(batch);
}

static int reserve_items(struct manifest_batch *batch, size_t count) {
    if (count <= batch->room)
        return 0;
    struct manifest_item *items = reallocarray(batch->items, count, sizeof *items);
    if (items == NULL)
        return -ENOMEM;
    batch->items = items;
    batch->room = count;
    return 0;
}

static int reserve_attributes(struct manifest_batch *batch, size_t count) {
    if (count <= batch->attribute_room)
        return 0;
    struct entry_attribute *attributes = reallocarray(batch->attributes, count, sizeof *attributes);
    if (attributes == NULL)
        return -ENOMEM;
    batch->attributes = attributes;
    batch->attribute_room = count;
    return 0;
}

static int reserve(struct manifest_batch *batch, const Fxnode__Wire__ManifestBatch *wire) {
    size_t attributes = 0;
    for (size_t i = 0; i < wire->n_entries; i++)
        attributes += wire->entries[i]->n_attributes;
    int rc = reserve_items(batch, wire->n_entries);
    return rc == 0 ? reserve_attributes(batch, attributes) : rc;
}

/* Fills the items; the units found must be those of the row. */
static int fill(struct manifest_batch *batch, const struct manifest_row *row,
                const Fxnode__Wire__ManifestBatch *wire, struct fail *why) {
    uint64_t unit = row->first_unit;
    struct entry_attribute *attributes = batch->attributes;
    for (uint32_t i = 0; i < row->entries; i++) {
        struct manifest_item *item = &batch->items[i];
        *item = (struct manifest_item){manifest_rules_read(wire->entries[i], attributes),
                                       row->first_entry + i, unit};
        uint64_t units = entry_units(item->entry.type, item->entry.size);
        if (manifest_rules_entry_fault(&item->entry) != NULL ||
            item->entry.original > item->number || units > row->units - (unit - row->first_unit))
            return msg_invalid(why, "entry %u of the manifest was changed", item->number);
        unit += units;
        if (item->entry.attribute_count > 0)
            attributes += item->entry.attribute_count;
    }
    if (unit - row->first_unit != row->units)
        return msg_invalid(why, "the manifest was changed near entry %u", row->first_entry);
    batch->length = row->entries;
    return 0;
}

int manifest_batch_load(struct manifest_batch *batch, const struct manifest_row *row,
                        const void *data, struct fail *why) {
    const ProtobufCMessage *base = NULL;
    batch->length = 0;
    int rc = msg_decode(batch->arena, &fxnode__wire__manifest_batch__descriptor, data, row->length,
                        &base);
    const Fxnode__Wire__ManifestBatch *wire = (const Fxnode__Wire__ManifestBatch *)base;
    if (rc == MSG_INVALID || (rc == 0 && wire->n_entries != row->entries))
        rc = msg_invalid(why, "the manifest was changed near entry %u", row->first_entry);
    if (rc == 0)
        rc = reserve(batch, wire);
    return rc == 0 ? fill(batch, row, wire, why) : rc;
}

const struct manifest_item *manifest_batch_by_entry(const struct manifest_batch *batch,
                                                    uint32_t entry) {
    if (batch->length == 0 || entry < batch->items[0].number ||
        entry - batch->items[0].number >= batch->length)
        return NULL;
    return &batch->items[entry - batch->items[0].number];
}

const struct manifest_item *manifest_batch_by_unit(const struct manifest_batch *batch,
                                                   uint64_t unit) {
    size_t low = 0;
    size_t high = batch->length;
    /* Entries without units have the first unit of the next that has some: the last of equals is
     * it. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (batch->items[middle].first_unit <= unit)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct manifest_item *item = &batch->items[low - 1];
    uint64_t units = entry_units(item->entry.type, item->entry.size);
    return unit - item->first_unit < units ? item : NULL;
}
