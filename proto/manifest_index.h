/*
 * How an index is filled. Internal to the files that implement manifest.h.
 */
#ifndef PROTO_MANIFEST_INDEX_H
#define PROTO_MANIFEST_INDEX_H

#include "proto/manifest.h"

struct manifest_index {
    struct manifest_row *rows; /* owned */
    size_t length;
    size_t room;
};

/* Adds a copy of `row` behind the others. 0 or -ENOMEM. */
int manifest_index_add(struct manifest_index *index, const struct manifest_row *row);

/* Frees the rows. */
void manifest_index_clear(struct manifest_index *index);

#endif
