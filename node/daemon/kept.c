#include "node/daemon/kept.h"

#include "store/store_receipt.h"

#include <stdlib.h>
#include <string.h>

/* What a receipt needs at once: all of a small one. */
static size_t room_for(uint64_t total) {
    return total < KEPT_ROOM ? (size_t)total : KEPT_ROOM + LIMIT_PACKET;
}

bool kept_add(struct kept *kept, const Fxnode__Helper__Kept *piece) {
    if (piece->position == 0) {
        kept_drop(kept);
        kept->total = piece->total;
    }
    if (piece->total != kept->total || piece->position != kept->position + kept->used ||
        piece->bytes.len > room_for(kept->total) - kept->used)
        return false;
    if (kept->bytes == NULL)
        kept->bytes = malloc(room_for(kept->total));
    if (kept->bytes == NULL)
        return false;
    memcpy(kept->bytes + kept->used, piece->bytes.data, piece->bytes.len);
    kept->used += piece->bytes.len;
    return true;
}

bool kept_is_full(const struct kept *kept) {
    return kept->used >= KEPT_ROOM;
}

struct kept kept_take(struct kept *kept) {
    struct kept taken = *kept;
    kept->bytes = NULL;
    kept->used = 0;
    kept->position += taken.used;
    return taken;
}

int kept_store(const struct kept *kept, struct store *store, uint64_t number, struct fail *fail) {
    const struct store_receipt_piece piece = {kept->position, kept->bytes, kept->used};
    return kept->used == 0 ? 0 : store_receipt_add(store, number, &piece, fail);
}

int kept_seal(const struct kept *kept, struct store *store, uint64_t number, struct fail *fail) {
    int result = 0;
    if (kept->total == 0 || kept->position + kept->used != kept->total)
        return 0;
    result = kept_store(kept, store, number, fail);
    return result == 0 ? store_receipt_seal(store, number, fail) : result;
}

void kept_drop(struct kept *kept) {
    free(kept->bytes);
    *kept = (struct kept){0};
}
