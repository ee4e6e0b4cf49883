#include "node/session/placing.h"

#include "base/crash.h"
#include "base/path.h"
#include "files/place.h"
#include "files/skipped.h"
#include "node/session/placing_finish.h"
#include "node/session/placing_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Items in one Placing message: their names fill a packet at most by three quarters. */
#define ITEMS_IN_MESSAGE 128

struct top {
    struct place_item item; /* `name` is terminated and owned */
    uint32_t index;         /* among all top-level items */
    uint32_t entry;         /* its number in the manifest */
    bool staged;            /* there is something to place */
};

struct run {
    const struct placing *placing;
    struct top *tops;
    size_t count;
    struct placing_merge *merge; /* NULL where what exists is only stepped around */
    bool resumed;
    bool complete; /* what is staged lacks nothing, for certain */
    bool missed;   /* something is neither staged nor where it was to go */
    struct fail *fail;
};

static int add_top(struct run *run, const struct manifest_item *item) {
    struct top *tops = NULL;
    char *name = NULL;

    if (run->count == PLACING_ITEMS_MAX)
        return fail_set(run->fail, 0, "more than %u items are sent at once", PLACING_ITEMS_MAX);
    tops = reallocarray(run->tops, run->count + 1, sizeof *tops);
    name = tops == NULL ? NULL : strndup(item->entry.path, item->entry.path_length);
    if (tops != NULL)
        run->tops = tops;
    if (name == NULL)
        return fail_set(run->fail, -ENOMEM, "cannot place what was received");
    tops[run->count] =
        (struct top){.item = {.name = name,
                              .name_length = item->entry.path_length,
                              .type = item->entry.type,
                              .mode = item->entry.mode,
                              .linked = catalog_has_hardlinks(run->placing->catalog)},
                     .index = (uint32_t)run->count,
                     .entry = item->number};
    run->count++;
    return 0;
}

/* Whether links that lead outside were kept is not known any more after an interruption: they are
 * not looked for later. */
static int collect_tops(struct run *run) {
    int r = 0;

    for (uint32_t i = 0; i < run->placing->entries && r == 0; i++) {
        const struct manifest_item *item = NULL;

        r = catalog_by_entry(run->placing->catalog, i, &item, run->fail);
        if (r != 0)
            return -EBADMSG;
        if (run->resumed && entry_leads_outside(&item->entry))
            r = rangeset_add(&run->placing->marks->left_out, i, 1);
        if (r == 0 &&
            path_top(item->entry.path, item->entry.path_length) == item->entry.path_length)
            r = add_top(run, item);
    }
    return r;
}

static void clear_tops(struct run *run) {
    for (size_t i = 0; i < run->count; i++)
        free((char *)(uintptr_t)run->tops[i].item.name);
    free(run->tops);
}

static int record(const struct run *run, Fxnode__Helper__ToNode *message) {
    int r = run->placing->record(run->placing->context, message);

    return r < 0 ? fail_set(run->fail, r, "the node did not record where things are placed") : 0;
}

/* Of what has no content it is not seen again later that it failed. */
static uint32_t count_failed(const struct placing *placing) {
    uint32_t now = (uint32_t)rangeset_total(placing->failed);

    return now > placing->failed_before ? now : placing->failed_before;
}

/* One Placing with the items from *next on that are staged, as many as fit. */
static int record_some(struct run *run, size_t end, size_t *next) {
    Fxnode__Helper__PlacedItem items[ITEMS_IN_MESSAGE];
    Fxnode__Helper__PlacedItem *pointers[ITEMS_IN_MESSAGE];
    Fxnode__Helper__Placing body = FXNODE__HELPER__PLACING__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    for (; *next < end && body.n_items < ITEMS_IN_MESSAGE; (*next)++) {
        struct top *top = &run->tops[*next];
        Fxnode__Helper__PlacedItem *item = &items[body.n_items];

        if (!top->staged)
            continue;
        fxnode__helper__placed_item__init(item);
        item->item = top->index;
        item->name.data = (uint8_t *)top->item.final;
        item->name.len = strlen(top->item.final);
        item->device = top->item.device;
        item->inode = top->item.inode;
        pointers[body.n_items++] = item;
    }
    body.items = pointers;
    body.more = *next < end;
    body.failed = count_failed(run->placing);
    body.exact = run->complete;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_PLACING;
    message.placing = &body;
    return record(run, &message);
}

/* Records the names of items [first, end). */
static int record_names(struct run *run, size_t first, size_t end) {
    int r = 0;

    do
        r = record_some(run, end, &first);
    while (r == 0 && first < end);
    if (r == 0)
        crash_point("placing-committed");
    return r;
}

static void keep_name(struct top *top) {
    memcpy(top->item.final, top->item.name, top->item.name_length + 1);
    top->staged = true;
}

/* What is there already, and what goes into or over what is there, keeps its name. */
static int choose_one(struct run *run, struct top *top) {
    int r = place_choose(run->placing->staging, &top->item, run->fail);

    if (r < 0)
        return r;
    top->staged = r == PLACE_DONE;
    if (run->merge != NULL && rangeset_contains(run->placing->skipped, top->entry, 1) &&
        !rangeset_contains(run->placing->failed, top->entry, 1)) {
        keep_name(top);
    } else if (run->merge != NULL && top->staged) {
        r = placing_merge_fits(run->merge, top->entry, run->fail);
        if (r < 0)
            return r;
        if (r == 1)
            keep_name(top);
    }
    return 0;
}

static int choose_all(struct run *run) {
    int r = 0;

    for (size_t i = 0; i < run->count && r == 0; i++)
        r = choose_one(run, &run->tops[i]);
    return r < 0 ? r : record_names(run, 0, run->count);
}

/* With what has its name already; 1 where it does not go together with that, or nothing has. */
static int merge_one(struct run *run, const struct top *top) {
    if (run->merge == NULL || strcmp(top->item.final, top->item.name) != 0)
        return 1;
    return placing_merge_item(run->merge, top->entry, run->fail);
}

/* A name that somebody took meanwhile is recorded anew before the next try. */
static int place_one(struct run *run, size_t index) {
    struct top *top = &run->tops[index];
    int r = PLACE_TAKEN;

    while (r == PLACE_TAKEN) {
        int merged = merge_one(run, top);

        if (merged != 1)
            return merged == PLACING_NO_SPACE ? STAGING_NO_SPACE : merged;
        r = place_item(run->placing->staging, &top->item, run->fail);
        if (r == PLACE_TAKEN && record_names(run, index, index + 1) < 0)
            return -ECANCELED;
    }
    if (r == PLACE_NO_SPACE)
        return STAGING_NO_SPACE;
    if (r != PLACE_MISSING)
        return r;
    /* It was placed before, as far as can be told. */
    run->missed = true;
    return 0;
}

/* What the manifest does not tell of the entries, and that is known here. */
static int mark(struct run *run) {
    const struct placing *placing = run->placing;
    struct receipt_marks *marks = placing->marks;
    int r = rangeset_add_all(&marks->failed, placing->failed);

    if (r == 0)
        r = rangeset_add_all(&marks->theirs, placing->skipped);
    for (size_t i = 0; i < run->count && r == 0; i++) {
        const struct top *top = &run->tops[i];

        if (top->staged && strcmp(top->item.final, top->item.name) != 0)
            r = receipt_marks_add_name(marks, top->entry, top->item.final, strlen(top->item.final));
    }
    marks->unsure = run->resumed;
    return r;
}

static int keep(struct run *run) {
    int r = mark(run);

    if (r == 0)
        r = run->placing->keep(run->placing->context, run->placing->marks);
    return r < 0 ? fail_set(run->fail, r, "cannot keep what was received to verify it by") : 0;
}

/* What is staged was placed, and nothing else is in its place. Of what was merged before an
 * interruption that is not known. */
static bool is_exact(const struct run *run) {
    if (run->merge == NULL)
        return !run->missed;
    return !run->resumed && !placing_merge_kept(run->merge);
}

static int record_done(struct run *run) {
    Fxnode__Helper__Done body = FXNODE__HELPER__DONE__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;
    int r = 0;

    body.failed = count_failed(run->placing);
    body.exact = run->complete && is_exact(run);
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_DONE;
    message.done = &body;
    r = record(run, &message);
    if (r == 0)
        crash_point("done-committed");
    return r;
}

static void fill_result(const struct run *run, struct placing_result *result) {
    result->count = 0;
    result->failed = count_failed(run->placing);
    result->exact = is_exact(run) && (run->complete || !run->resumed);
    for (size_t i = 0; i < run->count && result->count < LIMIT_OFFER_NAMES; i++) {
        struct manifest_name *name = &result->names[result->count];

        if (!run->tops[i].staged)
            continue;
        name->length = (uint8_t)strlen(run->tops[i].item.final);
        memcpy(name->bytes, run->tops[i].item.final, name->length);
        result->count++;
    }
}

static int place_all(struct run *run, struct placing_result *result) {
    int r = 0;

    for (size_t i = 0; i < run->count && r == 0; i++)
        if (run->tops[i].staged)
            r = place_one(run, i);
    if (r == 0)
        r = place_sync(run->placing->staging, run->fail);
    if (r == 0 && run->merge != NULL)
        r = placing_merge_end(run->merge, run->fail);
    if (r == 0)
        r = keep(run);
    if (r == 0)
        r = record_done(run);
    if (r == 0)
        fill_result(run, result);
    return r;
}

/* What both ways begin with. */
static int begin(struct run *run) {
    struct placing_merge *merge = NULL;
    int r = 0;

    if (run->placing->exists != FXNODE__HELPER__EXISTS__EXISTS_RENAME)
        r = placing_merge_new(&merge, run->placing);
    run->merge = merge;
    if (r == 0)
        return collect_tops(run);
    fail_set(run->fail, r, "cannot place what was received");
    return r;
}

static void end(struct run *run) {
    clear_tops(run);
    placing_merge_free(run->merge);
}

int placing_run(const struct placing *placing, struct placing_result *result, struct fail *fail) {
    struct run run = {.placing = placing, .fail = fail};
    int r = placing_finish(placing, &result->lacking, fail);

    if (r == 0 && placing->exists != FXNODE__HELPER__EXISTS__EXISTS_RENAME)
        r = skipped_write(placing->staging, placing->skipped, fail);
    run.complete = result->lacking == 0;
    if (r == 0)
        r = begin(&run);
    if (r == 0)
        r = choose_all(&run);
    if (r == 0)
        r = place_all(&run, result);
    end(&run);
    return r;
}

int placing_resume(const struct placing *placing, const struct job_name *names, size_t count,
                   struct placing_result *result, struct fail *fail) {
    struct run run = {
        .placing = placing, .resumed = true, .complete = placing->exact_before, .fail = fail};
    int r = begin(&run);

    result->lacking = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        struct top *top = names[i].item < run.count ? &run.tops[names[i].item] : NULL;

        if (top == NULL) {
            r = fail_set(fail, 0, "the recorded names do not belong to this transfer");
            break;
        }
        top->staged = true;
        top->item.device = names[i].device;
        top->item.inode = names[i].inode;
        memcpy(top->item.final, names[i].name.bytes, names[i].name.length);
        top->item.final[names[i].name.length] = '\0';
    }
    if (r == 0)
        r = place_all(&run, result);
    end(&run);
    return r;
}

int placing_failed(struct catalog *catalog, uint32_t entries, const struct rangeset *extents,
                   struct rangeset *failed, struct fail *fail) {
    int r = 0;

    for (uint32_t i = 0; i < entries && r == 0; i++) {
        const struct manifest_item *item = NULL;
        uint64_t units = 0;

        r = catalog_by_entry(catalog, i, &item, fail);
        if (r != 0)
            break;
        units = entry_units(item->entry.type, item->entry.size);
        if (units > 0 && !rangeset_contains(extents, item->first_unit, units))
            r = rangeset_add(failed, i, 1);
    }
    return r;
}
