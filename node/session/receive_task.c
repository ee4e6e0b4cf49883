#include "base/escape.h"
#include "base/io.h"
#include "files/hash.h"
#include "node/session/originals.h"
#include "node/session/receive.h"
#include "node/session/receive_inherit.h"

#include <errno.h>
#include <string.h>

#define HASHES 1024 /* read at once */

/* What was staged by a placing that was interrupted and must not be there now: until the next one
 * every file has one name, and whether links that lead outside are kept may be answered anew. */
static bool is_premature(const struct entry *entry) {
    return entry->type == ENTRY_HARDLINK || entry_leads_outside(entry);
}

/* In the order of the manifest, so that each comes after the one it is in. */
static int make_directories(struct receive *receive, struct stage_writer *writer,
                            struct catalog *catalog, struct fail *fail) {
    uint32_t entries = receive->offer->summary.entries;
    int r = 0;

    for (uint32_t i = 0; i < entries && r == 0; i++) {
        const struct manifest_item *item = NULL;

        if (atomic_load(&receive->course.ended))
            return -ECANCELED;
        r = catalog_by_entry(catalog, i, &item, fail);
        if (r != 0)
            return -EBADMSG;
        if (item->entry.type == ENTRY_DIRECTORY)
            r = stage_writer_directory(writer, &item->entry, fail);
        else if (is_premature(&item->entry))
            r = stage_writer_drop(writer, &item->entry, fail);
    }
    return r;
}

/* An original that has another name after that was linked to by what is placed: where the record
 * does not know of the placing, as when it was set back, that is somebody's file now, and nothing
 * is written into it. */
static int leave_placed(struct receive *receive, struct stage_writer *writer,
                        struct catalog *catalog, struct fail *fail) {
    uint32_t entries = receive->offer->summary.entries;
    struct originals *originals = NULL;
    int r = 0;

    if (!catalog_has_hardlinks(catalog))
        return 0;
    r = originals_new(&originals, catalog, entries, fail);
    for (uint32_t i = 0; i < entries && r == 0; i++) {
        const struct manifest_item *item = NULL;

        if (!originals_has(originals, i))
            continue;
        r = atomic_load(&receive->course.ended) ? -ECANCELED
                                                : catalog_by_entry(catalog, i, &item, fail);
        if (r == 0)
            r = stage_writer_drop_linked(writer, &item->entry, fail);
    }
    originals_free(originals);
    return r > 0 ? -EBADMSG : r;
}

int receive_directories(struct receive *receive, struct fail *fail) {
    struct stage_writer *writer = NULL;
    struct catalog *catalog = NULL;
    int r = stage_writer_open(&writer, receive->staging);

    if (r == 0)
        r = catalog_new(&catalog, receive->manifest, receiver_index(receive->receiver));
    if (r < 0)
        fail_set(fail, r, "cannot prepare %s", staging_shown(receive->staging));
    if (r == 0)
        r = make_directories(receive, writer, catalog, fail);
    if (r == 0)
        r = leave_placed(receive, writer, catalog, fail);
    if (r == 0)
        r = staging_sync_directories(receive->staging, fail);
    catalog_free(catalog);
    stage_writer_close(writer);
    return r;
}

static void sync_manifest(struct receive *receive) {
    struct fail fail = {0};
    int r = staging_manifest_commit(receive->staging, receive->manifest, &fail);

    if (r == 0)
        r = receive_directories(receive, &fail);
    if (r == 0)
        r = receive_inherit(receive, false, &fail);
    if (r == 0)
        r = receive_skip(receive, &fail);
    pthread_mutex_lock(&receive->course.lock);
    receive->prepared = r == 0;
    if (r != 0)
        receive_stop_locked(receive, r, fail.text);
    else if (receiver_manifest_synced(receive->receiver) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    pthread_mutex_unlock(&receive->course.lock);
}

/* Adds the kept hashes of units [first, first + count). 1: all of them are known; 0; negative. */
static int add_hashes(struct receive *receive, struct hash *digest, uint64_t first,
                      uint64_t count) {
    uint8_t hashes[HASHES * LIMIT_CHUNK_HASH];

    for (uint64_t at = 0; at < count; at += HASHES) {
        size_t n = count - at < HASHES ? (size_t)(count - at) : HASHES;
        int r = hashes_get(staging_hashes(receive->staging), first + at, n, hashes);

        if (r < 0)
            return r;
        for (size_t i = 0; i < n; i++)
            if (!hashes_is_known(hashes + i * LIMIT_CHUNK_HASH))
                return 0;
        hash_add(digest, hashes, n * LIMIT_CHUNK_HASH);
    }
    return 1;
}

/* The units of entries [first, first + count). 0 or as catalog_by_entry(). */
static int units_of(struct catalog *catalog, uint32_t first, uint32_t count, struct range *units,
                    struct fail *fail) {
    const struct manifest_item *item = NULL;
    int r = catalog_by_entry(catalog, first, &item, fail);

    if (r != 0)
        return r;
    units->first = item->first_unit;
    r = catalog_by_entry(catalog, first + count - 1, &item, fail);
    if (r != 0)
        return r;
    units->count =
        item->first_unit + entry_units(item->entry.type, item->entry.size) - units->first;
    return 0;
}

/* The digest over all entries of a check but those of `without`. As add_hashes(); -EBADMSG where
 * the manifest does not have such entries. */
static int digest_without(struct receive *receive, struct catalog *catalog,
                          const struct rangeset *without, struct hash *digest, struct fail *fail) {
    const struct receive_task *task = &receive->task;
    uint64_t end = (uint64_t)task->entry + task->count;
    uint64_t from = task->entry;
    struct range gap;
    int r = 1;

    while (r == 1 && rangeset_next_gap(without, from, end, &gap)) {
        struct range units = {0};

        if (units_of(catalog, (uint32_t)gap.first, (uint32_t)gap.count, &units, fail) != 0)
            return -EBADMSG;
        r = add_hashes(receive, digest, units.first, units.count);
        from = gap.first + gap.count;
    }
    return r;
}

/* Without what failed or is skipped. Only this thread makes entries fail. */
static int compute_digest(struct receive *receive, struct catalog *catalog, struct hash *digest,
                          struct fail *fail) {
    struct rangeset without;
    int r = 0;

    rangeset_init(&without);
    r = rangeset_add_all(&without, receiver_skipped_entries(receive->receiver));
    if (r == 0)
        r = rangeset_add_all(&without, receiver_failed_entries(receive->receiver));
    if (r == 0)
        r = digest_without(receive, catalog, &without, digest, fail);
    rangeset_clear(&without);
    return r;
}

static void check(struct receive *receive, struct catalog *catalog) {
    struct receive_task *task = &receive->task;
    struct receiver_check check = {0};
    struct range units = {0};
    uint8_t digest[LIMIT_CHUNK_HASH];
    struct hash *hash = NULL;
    struct fail fail = {0};
    int r = hash_new(&hash);

    if (r == 0)
        r = units_of(catalog, task->entry, task->count, &units, &fail) == 0 ? 0 : -EBADMSG;
    if (r == 0)
        r = compute_digest(receive, catalog, hash, &fail);
    if (r >= 0) {
        hash_end(hash, digest);
        check.first_unit = units.first;
        check.units = units.count;
        check.match = r == 1 && memcmp(digest, task->digest, sizeof digest) == 0;
    } else if (fail.text[0] == '\0') {
        fail_set(&fail, r, "cannot read the hashes in %s", staging_shown(receive->staging));
    }
    hash_free(hash);
    pthread_mutex_lock(&receive->course.lock);
    if (r < 0)
        receive_stop_locked(receive, r, fail.text);
    else if (receiver_checked(receive->receiver, &check) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    pthread_mutex_unlock(&receive->course.lock);
}

static bool is_busy(const struct receive *receive, uint32_t entry) {
    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        if (receive->busy[i] == entry)
            return true;
    return false;
}

/* From receiver_dropped() on no lane begins to write the entry; one that is about to is awaited, so
 * that nothing of it is left or made again. */
static bool leave_entry(struct receive *receive, const struct range *units) {
    struct course *course = &receive->course;
    bool ended = false;

    pthread_mutex_lock(&course->lock);
    if (receiver_dropped(receive->receiver, units->first, units->count) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    receive->dropping = true;
    while (!atomic_load(&course->ended) && is_busy(receive, receive->task.entry))
        course_wait(course, course->version, EXCHANGE_NEVER);
    receive->dropping = false;
    ended = atomic_load(&course->ended);
    pthread_mutex_unlock(&course->lock);
    return !ended;
}

static void note_drop(struct receive *receive, const struct entry *entry) {
    struct fail note = {0};
    char shown[ESCAPE_ROOM(40)];

    fail_set(&note, 0, "%s was not sent: at the sender it %s",
             escape_bytes(shown, sizeof shown, entry->path, entry->path_length),
             receive->task.text);
    uplink_note_entry(receive->course.uplink, note.text, true, entry->path, entry->path_length);
}

static void drop(struct receive *receive, struct stage_writer *writer, struct catalog *catalog) {
    const struct manifest_item *item = NULL;
    struct range units = {0};
    struct fail fail = {0};
    int r = catalog_by_entry(catalog, receive->task.entry, &item, &fail);

    if (r == 0) {
        units.first = item->first_unit;
        units.count = entry_units(item->entry.type, item->entry.size);
        if (!leave_entry(receive, &units))
            return;
        r = stage_writer_drop(writer, &item->entry, &fail);
        note_drop(receive, &item->entry);
    }
    if (r != 0)
        receive_stop(receive, r < 0 ? r : -EBADMSG, fail.text);
}

void receive_do_task(struct receive *receive, struct stage_writer *writer,
                     struct catalog *catalog) {
    enum receiver_action_kind kind = receive->task.kind;

    if (kind == RECEIVER_SYNC_MANIFEST)
        sync_manifest(receive);
    else if (kind == RECEIVER_CHECK && catalog != NULL)
        check(receive, catalog);
    else if (kind == RECEIVER_DROP && catalog != NULL)
        drop(receive, writer, catalog);
    receive->task.kind = RECEIVER_NONE;
}
