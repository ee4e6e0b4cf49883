#include "node/session/overlap.h"

#include "base/path.h"

#include <stdbool.h>

static bool is_same_file(const struct entry *a, const struct entry *b) {
    return a->type == ENTRY_FILE && b->type == ENTRY_FILE && a->size == b->size &&
           a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns;
}

int overlap_next(struct overlap *overlap, struct overlap_pair *pair, struct fail *fail) {
    while (overlap->old_at < overlap->old_entries && overlap->new_at < overlap->new_entries) {
        int r = catalog_by_entry(overlap->old, overlap->old_at, &pair->old, fail);
        int order = 0;

        if (r == 0)
            r = catalog_by_entry(overlap->new, overlap->new_at, &pair->new, fail);
        if (r != 0)
            return r;
        order = path_compare(pair->old->entry.path, pair->old->entry.path_length,
                             pair->new->entry.path, pair->new->entry.path_length);
        overlap->old_at += order <= 0 ? 1 : 0;
        overlap->new_at += order >= 0 ? 1 : 0;
        if (order == 0 && is_same_file(&pair->old->entry, &pair->new->entry))
            return 0;
    }
    *pair = (struct overlap_pair){0};
    return 0;
}
