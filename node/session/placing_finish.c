#include "node/session/placing_finish.h"

#include "base/crash.h"
#include "base/escape.h"
#include "files/finish.h"

#include <errno.h>
#include <stdio.h>

#define LINES 1000u /* about what cannot be made */

static bool is_failed(const struct placing *placing, uint32_t entry) {
    return rangeset_contains(placing->failed, entry, 1);
}

static bool is_skipped(const struct placing *placing, uint32_t entry) {
    return rangeset_contains(placing->skipped, entry, 1);
}

static int broken_link(const struct manifest_item *item, struct fail *fail) {
    char shown[ESCAPE_ROOM(96)];

    return fail_set(fail, -EBADMSG, "%s is another name of a file that the sender did not send",
                    escape_bytes(shown, sizeof shown, item->entry.path, item->entry.path_length));
}

/* Before each entry: there may be millions. */
static int go_on(const struct placing *placing, struct fail *fail) {
    if (!placing->stopped(placing->context))
        return 0;
    return fail_set(fail, -ECANCELED, "what was received is not placed yet");
}

/* Hard links come first, as long as every directory may be searched. That one is not delivered
 * where its original is not is for the sender to say, and was. */
static int make_hardlinks(const struct placing *placing, struct finish *finish,
                          struct catalog *originals, struct fail *fail) {
    const struct manifest_item *item = NULL;
    int r = catalog_next_hardlink(placing->catalog, 0, &item, fail);

    while (r == 0 && item != NULL) {
        const struct manifest_item *original = NULL;
        uint32_t number = item->number;

        r = go_on(placing, fail);
        if (r == 0 && !is_failed(placing, number)) {
            r = catalog_by_entry(originals, item->entry.original, &original, fail);
            if (r == 0 && is_failed(placing, original->number))
                return broken_link(item, fail);
            if (r == 0)
                r = finish_hardlink(finish, &item->entry, &original->entry, fail);
        }
        if (r == 0)
            r = catalog_next_hardlink(placing->catalog, number + 1, &item, fail);
    }
    return r;
}

/* The sender names them. */
static void note_left_out(const struct placing *placing, uint64_t count) {
    char line[160];

    if (count == 0)
        return;
    snprintf(line, sizeof line, "%llu symbolic %s outside and %s left out, as it is configured",
             (unsigned long long)count, count == 1 ? "link leads" : "links lead",
             count == 1 ? "is" : "are");
    placing->note(placing->context, line);
}

/* A link that cannot be made there does not keep the rest from being delivered. All of them are
 * counted. */
static int finish_one(const struct placing *placing, struct finish *finish,
                      const struct manifest_item *item, struct fail *fail) {
    int r = finish_entry(finish, &item->entry, fail);

    if (r != STAGING_BAD_NAME || item->entry.type != ENTRY_SYMLINK)
        return r;
    if (rangeset_total(placing->failed) < LINES)
        placing->note(placing->context, fail->text);
    r = rangeset_add(placing->failed, item->number, 1);
    return r < 0 ? fail_set(fail, r, "cannot finish what was received") : 0;
}

static int finish_entries(const struct placing *placing, struct finish *finish, struct fail *fail) {
    struct rangeset *left_out = &placing->marks->left_out;
    int r = 0;

    for (uint32_t i = 0; i < placing->entries && r == 0; i++) {
        const struct manifest_item *item = NULL;

        if (is_skipped(placing, i))
            continue;
        r = go_on(placing, fail);
        if (r != 0)
            break;
        r = catalog_by_entry(placing->catalog, i, &item, fail);
        if (r != 0)
            r = -EBADMSG;
        else if (is_failed(placing, i))
            r = item->entry.type == ENTRY_DIRECTORY
                    ? finish_failed_directory(finish, &item->entry, fail)
                    : 0;
        else if (!placing->outside_links && entry_leads_outside(&item->entry))
            r = rangeset_add(left_out, i, 1);
        else
            r = finish_one(placing, finish, item, fail);
    }
    if (r == 0)
        note_left_out(placing, rangeset_total(left_out));
    return r;
}

int placing_finish(const struct placing *placing, uint32_t *lacking, struct fail *fail) {
    const struct finish_sink sink = {.context = placing->context, .note = placing->note};
    struct finish *finish = NULL;
    struct catalog *originals = NULL;
    int r = finish_new(&finish, placing->staging, &sink, placing->bytes);

    if (r == 0)
        r = catalog_again(&originals, placing->catalog);
    if (r < 0)
        fail_set(fail, r, "cannot finish what was received");
    /* What had failed is gone from the staging, and that is not durable yet. */
    if (r == 0 && placing->begun && placing->failed->length == 0)
        finish_all_synced(finish);
    if (r == 0)
        r = make_hardlinks(placing, finish, originals, fail);
    if (r == 0)
        r = finish_entries(placing, finish, fail);
    if (r == 0)
        r = finish_end(finish, fail);
    if (r == 0)
        crash_point("finished");
    if (r == 0)
        *lacking = finish_lacking(finish);
    catalog_free(originals);
    finish_free(finish);
    return r;
}
