#include "node/session/originals.h"

#include <errno.h>
#include <stdlib.h>

struct originals {
    uint32_t entries;
    uint8_t bits[]; /* one for each of them */
};

static int find(struct originals *originals, struct catalog *catalog, struct fail *fail) {
    const struct manifest_item *item = NULL;
    int r = catalog_next_hardlink(catalog, 0, &item, fail);

    while (r == 0 && item != NULL) {
        uint32_t original = item->entry.original;

        originals->bits[original / 8] |= (uint8_t)(1u << original % 8);
        r = catalog_next_hardlink(catalog, item->number + 1, &item, fail);
    }
    return r > 0 ? -EBADMSG : r;
}

int originals_new(struct originals **out, struct catalog *catalog, uint32_t entries,
                  struct fail *fail) {
    struct originals *originals = calloc(1, sizeof *originals + entries / 8 + 1);
    int r = 0;

    if (originals == NULL)
        return -ENOMEM;
    originals->entries = entries;
    r = find(originals, catalog, fail);
    if (r < 0)
        originals_free(originals);
    else
        *out = originals;
    return r;
}

void originals_free(struct originals *originals) {
    free(originals);
}

bool originals_has(const struct originals *originals, uint32_t entry) {
    return entry < originals->entries && (originals->bits[entry / 8] >> entry % 8 & 1) != 0;
}
