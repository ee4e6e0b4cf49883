/* Sources whose disk is not mounted: they are not deleted, so the transfer waits for it. */
#include "base/escape.h"
#include "base/path.h"
#include "node/session/send.h"

#include <errno.h>
#include <string.h>

#define SHOWN 256 /* room for a path in a message */

static int away(const char *path, size_t length, struct fail *fail) {
    char shown[SHOWN];

    fail_set(fail, 0,
             "the disk that %s is on is not there; once it is the transfer goes on by itself",
             escape_bytes(shown, sizeof shown, path, length));
    return -ENODEV;
}

/* The device of something in an item, or 0 where there is nothing in it but directories. */
static uint64_t find_device(struct send *send, const struct item *item) {
    uint32_t entries = manifest_checker_summary(send->checker)->entries;
    const struct manifest_item *at = NULL;
    struct stamps *stamps = NULL;
    struct stamp stamp = {0};
    struct fail fail = {0};
    int r = stamps_new(&stamps, send->stat);

    for (uint32_t i = 0; i < entries && r == 0; i++) {
        r = catalog_by_entry(send->lookup, i, &at, &fail);
        if (r == 0 && at->entry.type != ENTRY_DIRECTORY &&
            path_top(at->entry.path, at->entry.path_length) == item->name_length &&
            memcmp(at->entry.path, item->name, item->name_length) == 0) {
            r = stamps_get(stamps, i, &stamp);
            break;
        }
    }
    stamps_free(stamps);
    return r == 0 ? stamp.device : 0;
}

int send_away_look(struct send *send, struct fail *fail) {
    for (size_t i = 0; i < items_count(send->items); i++) {
        struct item item = items_get(send->items, i);
        uint64_t device = 0;
        uint64_t before = disks_is_bare(send->disks, i, &device) ? find_device(send, &item) : 0;

        if (before != 0 && before != device)
            return away(item.path, strlen(item.path), fail);
    }
    return 0;
}

bool send_away_stops(struct send *send, const struct entry *entry) {
    struct fail fail = {0};

    if (!disks_is_gone(send->disks, entry->path, entry->path_length))
        return false;
    send_stop(send, away(entry->path, entry->path_length, &fail), fail.text);
    return true;
}
