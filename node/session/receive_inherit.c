/*
 * Files are taken over some at a time, and each time in this order:
 *
 *   1. the old record forgets their units: committed
 *   2. they are renamed into the new tree, their hashes copied
 *   3. both trees and the new hashes are synced
 *   4. the new record claims their units: committed
 *
 * After a crash before 1 they are where they were and claimed there; between 1 and 4 nobody claims
 * them, wherever they are, and they are sent again; after 4 they are here. So never more than one
 * such step is lost, no record ever claims what it has not, and the next session goes on with the
 * rest. A file that was moved and is not claimed is written over like any that was never synced. As
 * with everything that is held from before, what is claimed is read again beside the transfer
 * before it is placed, and the sender confirms its digest: a source of the same size and time but
 * with other content is found out there.
 */
#include "node/session/receive_inherit.h"

#include "base/crash.h"
#include "base/io.h"
#include "files/inherit.h"
#include "node/session/overlap.h"
#include "node/session/receive_admit.h"

#include <errno.h>
#include <stdlib.h>

#define FILES 2048    /* taken over at a time: a sync each */
#define RANGES 16384u /* in which what is held may lie; what would be more is sent again */

/* Numbers of one file in both manifests. */
struct take {
    uint32_t old;
    uint32_t new;
};

struct receive_old {
    struct staging *staging;
    int manifest;
    struct manifest_checker *checker;
    struct catalog *catalog;
    struct catalog *here; /* of the new manifest */
    struct inherit *inherit;
    struct overlap overlap;
    struct rangeset forget; /* old units of the files in hand */
    struct rangeset claim;  /* and the new ones */
    struct rangeset taken;  /* all that were claimed */
    size_t count;
    struct take takes[FILES];
};

static void tell_inherited(struct receive *receive) {
    Fxnode__Helper__Inherited body = FXNODE__HELPER__INHERITED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    message.body_case = FXNODE__HELPER__TO_NODE__BODY_INHERITED;
    message.inherited = &body;
    uplink_send(receive->course.uplink, &message);
}

static void free_old(struct receive_old *old) {
    inherit_free(old->inherit);
    catalog_free(old->catalog);
    catalog_free(old->here);
    manifest_checker_free(old->checker);
    io_close(&old->manifest);
    staging_close(old->staging);
    rangeset_clear(&old->forget);
    rangeset_clear(&old->claim);
    rangeset_clear(&old->taken);
    free(old);
}

void receive_inherit_close(struct receive *receive) {
    if (receive->old != NULL)
        free_old(receive->old);
    receive->old = NULL;
}

int receive_inherit_fd(const struct receive *receive) {
    return receive->old != NULL ? staging_fd(receive->old->staging) : -1;
}

/* What was recorded counts only together with the manifest that it was recorded for. 0; whatever
 * else where nothing can be had. */
static int open_old(struct receive *receive, uint64_t *bytes, struct fail *fail) {
    const struct job *job = receive->job;
    struct receive_old *old = receive->old;
    int r = staging_open(&old->staging, receive->destination, job->replaced, false, fail);

    if (r == 0)
        r = staging_manifest_open(old->staging, &old->manifest, fail);
    if (r == 0)
        r = catalog_check(&old->checker, old->manifest, &job->replaced_manifest, fail);
    if (r == 0)
        r = catalog_new(&old->catalog, old->manifest, manifest_checker_index(old->checker));
    return r == 0 ? catalog_bytes(old->catalog, &job->replaced_extents, bytes, fail) : r;
}

int receive_inherit_open(struct receive *receive, uint64_t *bytes, struct fail *fail) {
    struct fail why = {0};
    int r = 0;

    *bytes = 0;
    if (receive->job->replaced == 0)
        return 0;
    receive->old = calloc(1, sizeof *receive->old);
    if (receive->old == NULL)
        return fail_set(fail, -ENOMEM, "cannot take over what was kept");
    receive->old->manifest = -1;
    r = open_old(receive, bytes, &why);
    if (r == 0)
        return 0;
    receive_inherit_close(receive);
    if (r == STAGING_BUSY || r == -ENOMEM) {
        *fail = why;
        return r;
    }
    *bytes = 0;
    tell_inherited(receive);
    return 0;
}

/* Waits until the node has recorded everything that it was sent. 0 or -ECANCELED. */
static int wait_recorded(struct receive *receive, bool alone) {
    struct course *course = &receive->course;
    bool missing = false;

    if (alone)
        return receive_admit_recorded(receive);
    pthread_mutex_lock(&course->lock);
    while (receive->recorded < receive->ticket && !atomic_load(&course->ended))
        course_wait(course, course->version, EXCHANGE_NEVER);
    missing = receive->recorded < receive->ticket;
    pthread_mutex_unlock(&course->lock);
    return missing ? -ECANCELED : 0;
}

/* As where the old transfer went on: a tree that was finished, but not placed, has final modes and
 * files with several names. */
static int reopen_tree(struct receive *receive, struct fail *fail) {
    struct receive_old *old = receive->old;
    uint32_t entries = receive->job->replaced_manifest.entries;
    struct stage_writer *writer = NULL;
    int r = stage_writer_open(&writer, old->staging);

    for (uint32_t i = 0; i < entries && r == 0; i++) {
        const struct manifest_item *item = NULL;

        r = atomic_load(&receive->course.ended) ? -ECANCELED
                                                : catalog_by_entry(old->catalog, i, &item, fail);
        if (r == 0 && item->entry.type == ENTRY_DIRECTORY)
            r = stage_writer_directory(writer, &item->entry, fail);
        else if (r == 0 && item->entry.type == ENTRY_HARDLINK)
            r = stage_writer_drop(writer, &item->entry, fail);
    }
    stage_writer_close(writer);
    return r;
}

/* The next maximal run of `set` in [*from, end); *from goes behind it. False where there is none.
 */
static bool next_run(const struct rangeset *set, uint64_t *from, uint64_t end, struct range *run) {
    while (*from < end) {
        struct range gap = {.first = end};

        (void)rangeset_next_gap(set, *from, end, &gap);
        *run = (struct range){.first = *from, .count = gap.first - *from};
        *from = gap.first + gap.count;
        if (run->count > 0)
            return true;
    }
    return false;
}

/* A sender, and the record, take what is held in so many pieces only. */
static bool has_room(const struct receive *receive) {
    const struct receive_old *old = receive->old;

    return receive->job->extents.length + old->taken.length + old->forget.length < RANGES;
}

/* A file is worth taking where something of it is durable there and nothing is here. One in too
 * many pieces stays. */
static int consider(struct receive *receive, const struct overlap_pair *pair) {
    const struct job *job = receive->job;
    struct receive_old *old = receive->old;
    uint64_t units = entry_units(pair->new->entry.type, pair->new->entry.size);
    uint64_t at = pair->old->first_unit;
    struct range run;
    int r = 0;

    if (rangeset_intersects(&job->extents, pair->new->first_unit, units) ||
        !rangeset_intersects(&job->replaced_extents, at, units))
        return 0;
    while (r == 0 && has_room(receive) &&
           next_run(&job->replaced_extents, &at, pair->old->first_unit + units, &run))
        r = rangeset_add(&old->forget, run.first, run.count);
    if (r == 0 && !has_room(receive))
        return rangeset_remove(&old->forget, pair->old->first_unit, units);
    old->takes[old->count++] = (struct take){pair->old->number, pair->new->number};
    return r;
}

/* The files that are next. *more: whether there may be others behind them. */
static int collect(struct receive *receive, bool *more, struct fail *fail) {
    struct receive_old *old = receive->old;
    int r = 0;

    old->count = 0;
    rangeset_clear(&old->forget);
    rangeset_clear(&old->claim);
    *more = true;
    while (r == 0 && *more && old->count < FILES) {
        struct overlap_pair pair;

        if (atomic_load(&receive->course.ended))
            return -ECANCELED;
        r = overlap_next(&old->overlap, &pair, fail);
        *more = r == 0 && pair.new != NULL;
        if (*more)
            r = consider(receive, &pair);
    }
    return r;
}

/* The record of what was durable there says nothing of this file any more. */
static int claim(struct receive *receive, const struct overlap_pair *pair, struct fail *fail) {
    struct receive_old *old = receive->old;
    uint64_t at = pair->old->first_unit;
    uint64_t end = at + entry_units(pair->old->entry.type, pair->old->entry.size);
    struct range run;
    int r = 0;

    while (r == 0 && next_run(&old->forget, &at, end, &run)) {
        uint64_t to = run.first - pair->old->first_unit + pair->new->first_unit;

        r = inherit_hashes(old->inherit, run.first, to, run.count, fail);
        if (r == 0)
            r = rangeset_add(&old->claim, to, run.count);
    }
    return r;
}

static int move_one(struct receive *receive, const struct take *take, struct fail *fail) {
    struct receive_old *old = receive->old;
    struct overlap_pair pair;
    int r = catalog_by_entry(old->catalog, take->old, &pair.old, fail);

    if (r == 0)
        r = catalog_by_entry(old->here, take->new, &pair.new, fail);
    if (r != 0)
        return r;
    r = inherit_file(old->inherit, &pair.new->entry);
    return r == 0 ? claim(receive, &pair, fail) : 0;
}

/* One round of the order above, with the files that were collected. */
static int take_over(struct receive *receive, bool alone, struct fail *fail) {
    struct receive_old *old = receive->old;
    int r = 0;

    receive_send_forget_replaced(receive, &old->forget);
    r = wait_recorded(receive, alone);
    if (r == 0)
        crash_point("inherit-forgotten");
    for (size_t i = 0; i < old->count && r == 0; i++)
        r = move_one(receive, &old->takes[i], fail);
    if (r == 0)
        r = inherit_sync(old->inherit, fail);
    if (r != 0)
        return r;
    receive_send_commit(receive, &old->claim, NULL);
    r = wait_recorded(receive, alone);
    if (r == 0)
        crash_point("inherit-claimed");
    return r < 0 ? r : rangeset_add_all(&old->taken, &old->claim);
}

static int take_over_all(struct receive *receive, bool alone, struct fail *fail) {
    bool more = true;
    int r = reopen_tree(receive, fail);

    while (r == 0 && more) {
        r = collect(receive, &more, fail);
        if (r == 0 && receive->old->count > 0)
            r = take_over(receive, alone, fail);
    }
    return r;
}

/* What was taken is held from now on. */
static int hold_taken(struct receive *receive, bool alone) {
    const struct rangeset *taken = &receive->old->taken;
    int r = rangeset_add_all(&receive->job->extents, taken);

    if (r < 0 || alone)
        return r;
    pthread_mutex_lock(&receive->course.lock);
    r = receiver_inherit(receive->receiver, taken);
    pthread_mutex_unlock(&receive->course.lock);
    return r;
}

int receive_inherit(struct receive *receive, bool alone, struct fail *fail) {
    struct receive_old *old = receive->old;
    int r = 0;

    if (old == NULL)
        return 0;
    receive->begun = false;
    r = catalog_new(&old->here, receive->manifest, receiver_index(receive->receiver));
    if (r == 0)
        r = inherit_new(&old->inherit, old->staging, receive->staging);
    old->overlap = (struct overlap){.old = old->catalog,
                                    .new = old->here,
                                    .old_entries = receive->job->replaced_manifest.entries,
                                    .new_entries = receive->offer->summary.entries};
    if (r == 0)
        r = take_over_all(receive, alone, fail);
    if (r == 0)
        r = hold_taken(receive, alone);
    if (r != 0)
        return r < 0 && fail->text[0] == '\0'
                   ? fail_set(fail, r, "cannot take over what was received before")
                   : r;
    receive_inherit_close(receive);
    tell_inherited(receive);
    return 0;
}
