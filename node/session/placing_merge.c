#include "node/session/placing_merge.h"

#include "base/escape.h"
#include "base/path.h"
#include "files/merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 16 /* about what is beside what exists; the rest is counted */

struct placing_merge {
    const struct placing *placing; /* borrowed */
    struct merge *merge;
    struct catalog *originals; /* for hard links */
    char path[LIMIT_PATH];     /* of the directory that was moved as a whole last */
    size_t path_length;
    bool kept; /* what exists stays, and may be other than what was sent */
    uint64_t same;
    uint64_t replaced;
    uint64_t beside;
};

int placing_merge_new(struct placing_merge **out, const struct placing *placing) {
    struct placing_merge *merge = calloc(1, sizeof *merge);
    int r = merge == NULL ? -ENOMEM : 0;

    if (r == 0) {
        merge->placing = placing;
        r = merge_new(&merge->merge, placing->staging,
                      placing->exists == FXNODE__HELPER__EXISTS__EXISTS_OVERWRITE);
    }
    if (r == 0)
        r = catalog_again(&merge->originals, placing->catalog);
    if (r < 0)
        placing_merge_free(merge);
    else
        *out = merge;
    return r;
}

void placing_merge_free(struct placing_merge *merge) {
    if (merge == NULL)
        return;
    merge_free(merge->merge);
    catalog_free(merge->originals);
    free(merge);
}

/* The entry as it is placed: a hard link as what it is another name of. 0 or negative. */
static int find(struct placing_merge *merge, uint32_t number, struct entry *entry,
                struct fail *fail) {
    const struct manifest_item *item = NULL;
    int r = catalog_by_entry(merge->placing->catalog, number, &item, fail);

    if (r != 0)
        return -EBADMSG;
    *entry = item->entry;
    if (entry->type != ENTRY_HARDLINK)
        return 0;
    r = catalog_by_entry(merge->originals, entry->original, &item, fail);
    if (r != 0)
        return -EBADMSG;
    entry->type = ENTRY_FILE;
    entry->size = item->entry.size;
    entry->mtime_s = item->entry.mtime_s;
    entry->mtime_ns = item->entry.mtime_ns;
    return 0;
}

int placing_merge_fits(struct placing_merge *merge, uint32_t number, struct fail *fail) {
    struct entry entry;
    int r = find(merge, number, &entry, fail);

    if (r == 0)
        r = merge_look(merge->merge, &entry, fail);
    else
        return r;
    return r < 0 ? r : r == MERGE_SAME || r == MERGE_REPLACED || r == MERGE_INSIDE;
}

static void note_beside(struct placing_merge *merge, const struct entry *entry, const char *final) {
    const struct placing *placing = merge->placing;
    char line[512];
    char path[ESCAPE_ROOM(48)];
    char name[ESCAPE_ROOM(48)];

    if (++merge->beside > LINES || placing->note == NULL)
        return;
    snprintf(line, sizeof line, "%s exists and is another: what came is called %s",
             escape_bytes(path, sizeof path, entry->path, entry->path_length),
             escape_text(name, sizeof name, final));
    placing->note(placing->context, line);
}

static int put_beside(struct placing_merge *merge, uint32_t number, const struct entry *entry,
                      struct fail *fail) {
    char final[LIMIT_COMPONENT + 1];
    int r = merge_beside(merge->merge, entry, final, fail);

    if (r != MERGE_PLACED)
        return r;
    note_beside(merge, entry, final);
    r = receipt_marks_add_name(merge->placing->marks, number, final, strlen(final));
    return r < 0 ? fail_set(fail, r, "cannot place what was received") : MERGE_PLACED;
}

/* What is in it went with it, now or before. */
static void leave_out(struct placing_merge *merge, const struct entry *entry) {
    if (entry->type != ENTRY_DIRECTORY)
        return;
    memcpy(merge->path, entry->path, entry->path_length);
    merge->path_length = entry->path_length;
}

static bool is_left_out(const struct placing_merge *merge, const struct entry *entry) {
    return path_is_below(entry->path, entry->path_length, merge->path, merge->path_length);
}

/* A link to the same target is the same, any other content is taken for it by size and time. */
static bool may_differ(const struct entry *entry, int outcome) {
    if (outcome == MERGE_SAME && entry->type == ENTRY_FILE)
        return true;
    return (outcome == MERGE_SAME || outcome == MERGE_INSIDE) && entry->attribute_count > 0;
}

static int count(struct placing_merge *merge, uint32_t number, const struct entry *entry,
                 int outcome, struct fail *fail) {
    if (outcome == MERGE_SAME)
        merge->same++;
    else if (outcome == MERGE_REPLACED)
        merge->replaced++;
    if (!may_differ(entry, outcome))
        return outcome;
    merge->kept = true;
    if (entry->type == ENTRY_FILE && rangeset_add(&merge->placing->marks->theirs, number, 1) < 0)
        return fail_set(fail, -ENOMEM, "cannot place what was received");
    return outcome;
}

/* 0; PLACING_NO_SPACE; negative. */
static int place_inside(struct placing_merge *merge, uint32_t number, const struct entry *entry,
                        struct fail *fail) {
    int r = 0;

    if (is_left_out(merge, entry))
        return 0;
    r = merge_entry(merge->merge, entry, fail);
    if (r == MERGE_UNFIT)
        r = put_beside(merge, number, entry, fail);
    r = count(merge, number, entry, r, fail);
    if (r == MERGE_PLACED || r == MERGE_GONE)
        leave_out(merge, entry);
    if (r == MERGE_NO_SPACE)
        return PLACING_NO_SPACE;
    return r < 0 ? r : 0;
}

/* A directory that failed is staged where something in it was delivered, and gone where not. */
static bool is_delivered(const struct placing *placing, uint32_t number,
                         const struct entry *entry) {
    return (entry->type == ENTRY_DIRECTORY || !rangeset_contains(placing->failed, number, 1)) &&
           !rangeset_contains(placing->skipped, number, 1);
}

/* All entries in the top-level directory that is entry `number`. */
static int place_content(struct placing_merge *merge, uint32_t number, struct fail *fail) {
    char top[LIMIT_COMPONENT];
    struct entry entry;
    size_t length = 0;
    int r = find(merge, number, &entry, fail);

    if (r < 0)
        return r;
    length = entry.path_length;
    memcpy(top, entry.path, length);
    for (uint32_t i = number + 1; i < merge->placing->entries && r == 0; i++) {
        r = find(merge, i, &entry, fail);
        if (r < 0 || !path_is_below(entry.path, entry.path_length, top, length))
            return r;
        if (is_delivered(merge->placing, i, &entry))
            r = place_inside(merge, i, &entry, fail);
    }
    return r;
}

int placing_merge_item(struct placing_merge *merge, uint32_t number, struct fail *fail) {
    int r = placing_merge_fits(merge, number, fail);
    struct entry entry;

    if (r < 1)
        return r < 0 ? r : 1;
    r = find(merge, number, &entry, fail);
    if (r < 0)
        return r;
    r = merge_entry(merge->merge, &entry, fail);
    r = count(merge, number, &entry, r, fail);
    switch (r) {
    case MERGE_INSIDE:
        return place_content(merge, number, fail);
    case MERGE_PLACED:
    case MERGE_SAME:
    case MERGE_REPLACED:
        return 0;
    case MERGE_NO_SPACE:
        return PLACING_NO_SPACE;
    default:
        return r < 0 ? r : 1;
    }
}

bool placing_merge_kept(const struct placing_merge *merge) {
    return merge->kept;
}

static void note_count(const struct placing *placing, uint64_t number, const char *one,
                       const char *more) {
    char line[160];

    if (number == 0)
        return;
    snprintf(line, sizeof line, "%llu %s", (unsigned long long)number, number == 1 ? one : more);
    placing->note(placing->context, line);
}

int placing_merge_end(struct placing_merge *merge, struct fail *fail) {
    const struct placing *placing = merge->placing;
    int r = merge_sync(merge->merge, fail);

    if (r < 0 || placing->note == NULL)
        return r;
    note_count(placing, merge->same + rangeset_total(placing->skipped),
               "file was there already, with the same size and time",
               "files were there already, with the same size and time");
    note_count(placing, merge->replaced, "file that was there was replaced",
               "files that were there were replaced");
    note_count(placing, merge->beside > LINES ? merge->beside - LINES : 0,
               "more has another name, beside what exists",
               "more have other names, beside what exists");
    return 0;
}
