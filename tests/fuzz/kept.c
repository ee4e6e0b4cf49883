/* A receipt as it is kept of a transfer, whose manifest is the first part of it: what is taken for
 * one can be looked up. */
#include "base/io.h"
#include "files/receipt.h"
#include "node/session/catalog.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What was recorded of the manifest: u16be length, u16be entries, u32be bytes, u16be units. */
#define HEAD 10u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact) {
    if (!fact)
        abort();
}

static void look_up(int fd, const struct manifest_checker *checker,
                    const struct receipt_marks *marks) {
    const struct manifest_summary *summary = manifest_checker_summary(checker);
    const struct manifest_item *item = NULL;
    struct catalog *catalog = NULL;
    struct fail fail;

    must(catalog_new(&catalog, fd, manifest_checker_index(checker)) == 0);
    for (uint32_t i = 0; i < summary->entries; i++) {
        must(catalog_by_entry(catalog, i, &item, &fail) == 0 && item->number == i);
        (void)receipt_marks_name(marks, i);
    }
    must(rangeset_total(&marks->failed) <= summary->entries);
    catalog_free(catalog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct manifest_summary recorded = {0};
    struct manifest_checker *checker = NULL;
    struct receipt_layout layout;
    struct receipt_marks marks;
    struct fail fail;
    int fd = memfd_create("receipt", MFD_CLOEXEC);

    must(sodium_init() >= 0 && fd >= 0);
    receipt_marks_init(&marks);
    if (size < HEAD)
        goto out;
    recorded.length = (uint64_t)data[0] << 8 | data[1];
    recorded.entries = (uint32_t)data[2] << 8 | data[3];
    recorded.bytes =
        (uint64_t)data[4] << 24 | (uint64_t)data[5] << 16 | (uint64_t)data[6] << 8 | data[7];
    recorded.units = (uint64_t)data[8] << 8 | data[9];
    data += HEAD;
    size -= HEAD;
    must(io_pwrite_full(fd, data, size, 0) == 0);
    if (recorded.length <= size)
        crypto_generichash(recorded.hash, sizeof recorded.hash, data, recorded.length, NULL, 0);
    if (catalog_check_first(&checker, fd, &recorded, &fail) != 0)
        goto out;
    layout = receipt_lay_out(recorded.length, recorded.units, recorded.entries, true);
    if (receipt_marks_read(&marks, fd, layout.marks, recorded.entries) == 0)
        look_up(fd, checker, &marks);
out:
    receipt_marks_clear(&marks);
    manifest_checker_free(checker);
    close(fd);
    return 0;
}
