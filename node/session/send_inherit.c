/* What a sender has from the transfer that this one replaces: the hashes of chunks that it has read
 * already, so that what the receiver takes over need not be read again to be agreed upon. The files
 * were given over by the node; where something is wrong with them the sources are read again, so
 * nothing here fails. */
#include "base/io.h"
#include "base/log.h"
#include "node/common/human.h"
#include "node/common/inherited.h"
#include "node/session/overlap.h"
#include "node/session/send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Hashes of adjacent units that go to adjacent ones. */
struct run {
    uint64_t from;
    uint64_t to;
    uint64_t count;
};

struct inherit {
    struct send *send;
    int manifest;
    int stat;
    struct hashes *hashes;
    struct manifest_checker *checker;
    struct catalog *old;
    struct catalog *new;
    struct stamps *old_stamps;
    struct stamps *new_stamps;
    struct run run;
};

static int add_batch(void *context, const void *batch, size_t length, struct fail *fail) {
    return manifest_checker_add(context, batch, length, fail);
}

/* It is our own, and nobody's offer: there is nothing to compare it with. */
static int read_manifest(struct inherit *inherit, struct fail *fail) {
    static const struct manifest_summary any = {
        .length = LIMIT_MANIFEST, .entries = LIMIT_ENTRIES, .bytes = LIMIT_FILE_SIZE};
    int r = manifest_checker_new(&inherit->checker, &any);

    return r < 0 ? r : catalog_read(inherit->manifest, add_batch, inherit->checker, fail);
}

static int open_all(struct inherit *inherit, struct fail *fail) {
    struct send *send = inherit->send;
    int r = 0;

    inherit->stat = openat(send->work, INHERITED_STAT, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (inherit->stat < 0)
        return -errno;
    r = hashes_open(&inherit->hashes, send->work, INHERITED_HASHES);
    if (r == 0)
        r = read_manifest(inherit, fail);
    if (r == 0)
        r = catalog_new(&inherit->old, inherit->manifest, manifest_checker_index(inherit->checker));
    if (r == 0)
        r = catalog_again(&inherit->new, send->lookup);
    if (r == 0)
        r = stamps_new(&inherit->old_stamps, inherit->stat);
    return r == 0 ? stamps_new(&inherit->new_stamps, send->stat) : r;
}

static void close_all(struct inherit *inherit) {
    stamps_free(inherit->new_stamps);
    stamps_free(inherit->old_stamps);
    catalog_free(inherit->new);
    catalog_free(inherit->old);
    manifest_checker_free(inherit->checker);
    hashes_close(inherit->hashes);
    io_close(&inherit->stat);
    io_close(&inherit->manifest);
}

static int flush(struct inherit *inherit) {
    struct run run = inherit->run;

    inherit->run = (struct run){0};
    return hashes_copy(inherit->send->hashes, run.to, inherit->hashes, run.from, run.count);
}

/* Only of the very same file, which has not been written since: a time of modification can be set,
 * that of the last change cannot. One that was seen just after a change may have been changed once
 * more, after it was read, without another time. 1 or 0; negative. */
static int is_untouched(struct inherit *inherit, const struct overlap_pair *pair) {
    struct stamp then = {0};
    struct stamp now = {0};
    int r = stamps_get(inherit->old_stamps, pair->old->number, &then);

    if (r == 0)
        r = stamps_get(inherit->new_stamps, pair->new->number, &now);
    if (r < 0)
        return r;
    return !then.fresh && then.device == now.device && then.inode == now.inode &&
           then.ctime_s == now.ctime_s && then.ctime_ns == now.ctime_ns;
}

static int take(struct inherit *inherit, const struct overlap_pair *pair) {
    uint64_t units = entry_units(pair->new->entry.type, pair->new->entry.size);
    struct run *run = &inherit->run;
    int r = is_untouched(inherit, pair);

    if (r <= 0)
        return r;
    if (run->count > 0 && (run->from + run->count != pair->old->first_unit ||
                           run->to + run->count != pair->new->first_unit))
        r = flush(inherit);
    if (run->count == 0)
        *run = (struct run){.from = pair->old->first_unit, .to = pair->new->first_unit};
    run->count += units;
    return r < 0 ? r : 0;
}

static int take_all(struct inherit *inherit, struct fail *fail) {
    struct overlap overlap = {.old = inherit->old,
                              .new = inherit->new,
                              .old_entries = manifest_checker_summary(inherit->checker)->entries,
                              .new_entries =
                                  manifest_checker_summary(inherit->send->checker)->entries};
    struct overlap_pair pair = {0};
    int r = 0;

    do {
        r = overlap_next(&overlap, &pair, fail);
        if (r == 0 && pair.new != NULL)
            r = take(inherit, &pair);
    } while (r == 0 && pair.new != NULL);
    return r == 0 ? flush(inherit) : r;
}

void send_inherit(struct send *send) {
    static const char *const names[] = {INHERITED_MANIFEST, INHERITED_HASHES, INHERITED_STAT};
    struct inherit inherit = {.send = send, .stat = -1};
    struct fail fail = {0};
    int r = 0;

    inherit.manifest = openat(send->work, INHERITED_MANIFEST, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (inherit.manifest < 0)
        return;
    r = open_all(&inherit, &fail);
    if (r == 0)
        r = take_all(&inherit, &fail);
    if (r != 0)
        log_warn("what was read before is read again: the files of the transfer that is replaced "
                 "are of no use");
    close_all(&inherit);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlinkat(send->work, names[i], 0);
}

/* What the receiver has from elsewhere is nothing that was taken over. */
static int without_skipped(struct send *send, struct rangeset *units,
                           const struct rangeset *skipped, struct fail *fail) {
    int r = 0;

    for (size_t i = 0; i < skipped->length && r == 0; i++) {
        const struct range *range = &skipped->ranges[i];

        for (uint64_t entry = range->first; r == 0 && entry < range->first + range->count;
             entry++) {
            const struct manifest_item *item = NULL;

            r = catalog_by_entry(send->lookup, (uint32_t)entry, &item, fail);
            if (r == 0)
                r = rangeset_remove(units, item->first_unit,
                                    entry_units(item->entry.type, item->entry.size));
        }
    }
    return r;
}

void send_inherit_tell(struct send *send, const struct rangeset *held,
                       const struct rangeset *skipped) {
    struct rangeset units;
    struct fail fail = {0};
    uint64_t bytes = 0;
    char held_text[HUMAN_ROOM];
    char all[HUMAN_ROOM];
    char line[160];
    int r = 0;

    if (send->job->lineage.count == 0 || !send->begins)
        return;
    rangeset_init(&units);
    r = rangeset_add_all(&units, held);
    if (r == 0)
        r = without_skipped(send, &units, skipped, &fail);
    if (r == 0)
        r = catalog_bytes(send->lookup, &units, &bytes, &fail);
    if (r == 0 && units.length > 0) {
        snprintf(line, sizeof line,
                 "the receiver has %s of %s from the transfer that this one replaces",
                 human_bytes(held_text, bytes), human_bytes(all, send->job->manifest.bytes));
        uplink_news(send->course.uplink, line);
    }
    rangeset_clear(&units);
}
