/* The marks of a receipt: what is taken for some is encoded to the same. */
#include "files/receipt.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact) {
    if (!fact)
        abort();
}

static void check_ranges(const struct rangeset *set) {
    for (size_t i = 0; i < set->length; i++)
        must(set->ranges[i].count > 0 && set->ranges[i].first < ENTRIES &&
             set->ranges[i].count <= ENTRIES - set->ranges[i].first);
}

static void check_names(const struct receipt_marks *marks) {
    for (size_t i = 0; i < marks->name_count; i++) {
        const struct receipt_name *name = &marks->names[i];
        must(name->length > 0 && memchr(name->bytes, '/', name->length) == NULL);
        must(name->entry < ENTRIES && receipt_marks_name(marks, name->entry) == name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct receipt_marks marks;
    struct receipt_marks again;
    uint8_t *bytes = NULL;
    size_t length = 0;

    receipt_marks_init(&marks);
    receipt_marks_init(&again);
    if (receipt_marks_decode(&marks, data, size, ENTRIES) == 0) {
        check_ranges(&marks.failed);
        check_ranges(&marks.theirs);
        check_ranges(&marks.left_out);
        check_names(&marks);
        must(receipt_marks_encode(&marks, &bytes, &length) == 0);
        must(receipt_marks_decode(&again, bytes, length, ENTRIES) == 0);
        must(again.name_count == marks.name_count && again.unsure == marks.unsure);
        must(rangeset_total(&again.failed) == rangeset_total(&marks.failed));
    }
    free(bytes);
    receipt_marks_clear(&marks);
    receipt_marks_clear(&again);
    return 0;
}
