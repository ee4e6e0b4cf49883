#include "base/lineage.h"

#include <string.h>

void lineage_add(struct lineage *lineage, const uint8_t *id) {
    if (lineage->count < LIMIT_LINEAGE)
        memcpy(lineage->ids[lineage->count++], id, LIMIT_TRANSFER_ID);
}

struct lineage lineage_of(const uint8_t *id, const struct lineage *before) {
    struct lineage lineage = {0};
    lineage_add(&lineage, id);
    for (size_t i = 0; i < before->count; i++)
        lineage_add(&lineage, before->ids[i]);
    return lineage;
}

bool lineage_has(const struct lineage *lineage, const uint8_t *id) {
    for (size_t i = 0; i < lineage->count; i++)
        if (memcmp(lineage->ids[i], id, LIMIT_TRANSFER_ID) == 0)
            return true;
    return false;
}
