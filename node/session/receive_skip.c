/* Which directories nothing goes into; and what the destination has already, by size and time, and
 * need not be sent. It is looked for anew with each connection, so nothing of it has to be
 * remembered until the rest is placed. */
#include "base/path.h"
#include "files/merge.h"
#include "node/session/originals.h"
#include "node/session/receive.h"
#include "proto/features.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ranges of entries that are skipped. What lies in more pieces comes, and is compared when it is
 * placed. */
#define RANGES 16384u

struct skip {
    struct receive *receive;
    struct merge *merge;
    struct catalog *catalog;
    struct stage_writer *writer;
    struct originals *originals; /* these are wanted for what is linked to them */
    struct rangeset entries;
    struct rangeset units;
    char closed[LIMIT_PATH]; /* the directory that goes beside, or where nothing is, last found */
    size_t closed_length;
};

static bool is_closed(const struct skip *skip, const struct entry *entry) {
    return path_is_below(entry->path, entry->path_length, skip->closed, skip->closed_length);
}

/* What is in a directory that will not go into one that exists has to be in it. */
static void consider_directory(struct skip *skip, const struct entry *entry) {
    if (merge_enters(skip->merge, entry))
        return;
    memcpy(skip->closed, entry->path, entry->path_length);
    skip->closed_length = entry->path_length;
}

static bool may_be_left_out(struct skip *skip, const struct manifest_item *item, uint64_t units) {
    return item->entry.type == ENTRY_FILE &&
           !rangeset_intersects(&skip->receive->job->extents, item->first_unit, units) &&
           !originals_has(skip->originals, item->number) && merge_has(skip->merge, &item->entry);
}

/* Something of it may be staged that was never recorded; that must not be placed. */
static int consider(struct skip *skip, const struct manifest_item *item, struct fail *fail) {
    uint64_t units = entry_units(item->entry.type, item->entry.size);
    int r = 0;

    if (is_closed(skip, &item->entry))
        return 0;
    if (item->entry.type == ENTRY_DIRECTORY)
        consider_directory(skip, &item->entry);
    if (!may_be_left_out(skip, item, units))
        return 0;
    r = stage_writer_drop(skip->writer, &item->entry, fail);
    if (r == 0)
        r = rangeset_add(&skip->entries, item->number, 1);
    return r != 0 ? r : rangeset_add(&skip->units, item->first_unit, units);
}

static int consider_all(struct skip *skip, struct fail *fail) {
    uint32_t entries = skip->receive->offer->summary.entries;
    int r = 0;

    for (uint32_t i = 0; i < entries && r == 0 && skip->entries.length < RANGES; i++) {
        const struct manifest_item *item = NULL;

        if (atomic_load(&skip->receive->course.ended))
            return -ECANCELED;
        r = catalog_by_entry(skip->catalog, i, &item, fail);
        if (r != 0)
            return -EBADMSG;
        r = consider(skip, item, fail);
    }
    return r;
}

static int tell(struct skip *skip) {
    struct receive *receive = skip->receive;
    int r = 0;

    pthread_mutex_lock(&receive->course.lock);
    r = receiver_skip(receive->receiver, &skip->entries, &skip->units);
    pthread_mutex_unlock(&receive->course.lock);
    return r;
}

int receive_skip(struct receive *receive, struct fail *fail) {
    struct skip skip = {.receive = receive};
    int r = 0;

    if (receive->exists == FXNODE__HELPER__EXISTS__EXISTS_RENAME ||
        (receive->features & FEATURE_SKIPS) == 0)
        return 0;
    r = catalog_new(&skip.catalog, receive->manifest, receiver_index(receive->receiver));
    if (r == 0)
        r = merge_new(&skip.merge, receive->staging, false);
    if (r == 0)
        r = stage_writer_open(&skip.writer, receive->staging);
    if (r == 0)
        r = originals_new(&skip.originals, skip.catalog, receive->offer->summary.entries, fail);
    if (r == 0)
        r = consider_all(&skip, fail);
    if (r == 0)
        r = tell(&skip);
    if (r < 0 && fail->text[0] == '\0')
        fail_set(fail, r, "cannot look for what exists in %s",
                 destination_shown(receive->destination));
    stage_writer_close(skip.writer);
    merge_free(skip.merge);
    catalog_free(skip.catalog);
    originals_free(skip.originals);
    rangeset_clear(&skip.entries);
    rangeset_clear(&skip.units);
    return r;
}

int receive_bar(struct receive *receive, struct fail *fail) {
    const struct job *job = receive->job;
    int r = receive->destination == NULL
                ? 0
                : destination_bar(receive->destination, job->paths, job->path_count);

    return r < 0 ? fail_set(fail, r, "cannot open the destination") : 0;
}

/* 1 or 0; negative. */
static int holds(struct merge *merge, struct catalog *catalog, const struct range *range,
                 struct fail *fail) {
    for (uint64_t i = range->first; i < range->first + range->count; i++) {
        const struct manifest_item *item = NULL;

        if (catalog_by_entry(catalog, (uint32_t)i, &item, fail) != 0)
            return -EBADMSG;
        if (!merge_has(merge, &item->entry))
            return 0;
    }
    return 1;
}

int receive_skip_holds(struct receive *receive, struct catalog *catalog, struct fail *fail) {
    /* Not changed any more once there is data. */
    const struct rangeset *skipped = receiver_skipped_entries(receive->receiver);
    struct merge *merge = NULL;
    int r = merge_new(&merge, receive->staging, false);

    if (r < 0)
        return fail_set(fail, r, "cannot place what was received");
    r = 1;
    for (size_t i = 0; i < skipped->length && r == 1; i++)
        r = holds(merge, catalog, &skipped->ranges[i], fail);
    merge_free(merge);
    return r;
}
