/* The batches of a manifest, each behind a u16be length; what is accepted has to be found again. */
#include "proto/manifest.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Looks all entries of the newest batch up. */
static void look_up(const struct manifest_checker *checker, struct manifest_batch *batch,
                    const uint8_t *data) {
    const struct manifest_index *index = manifest_checker_index(checker);
    const struct manifest_row *row = manifest_index_row(index, manifest_index_rows(index) - 1);
    struct fail why;
    if (manifest_batch_load(batch, row, data, &why) != 0)
        abort();
    for (uint32_t i = 0; i < row->entries; i++) {
        const struct manifest_item *item = manifest_batch_by_entry(batch, row->first_entry + i);
        if (item == NULL || manifest_index_by_entry(index, item->number) != row)
            abort();
        if (entry_units(item->entry.type, item->entry.size) > 0 &&
            manifest_batch_by_unit(batch, item->first_unit) != item)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct manifest_summary any = {.length = LIMIT_MANIFEST,
                                   .entries = LIMIT_ENTRIES,
                                   .bytes = LIMIT_FILE_SIZE,
                                   .units = UINT64_MAX};
    struct manifest_checker *checker = NULL;
    struct manifest_batch *batch = NULL;
    struct fail why;
    if (manifest_checker_new(&checker, &any) < 0 || manifest_batch_new(&batch) < 0)
        abort();
    while (size >= 2) {
        size_t length = (size_t)data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        length = length < size ? length : size;
        if (manifest_checker_add(checker, data, length, &why) != 0)
            break;
        look_up(checker, batch, data);
        data += length;
        size -= length;
    }
    manifest_checker_end(checker, &why);
    manifest_batch_free(batch);
    manifest_checker_free(checker);
    return 0;
}
