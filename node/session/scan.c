#include "base/io.h"
#include "files/filter.h"
#include "files/items.h"
#include "files/secret.h"
#include "files/stamps.h"
#include "files/walk.h"
#include "node/session/job.h"
#include "proto/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SCAN: the paths are walked, and what is found is written as `manifest` and `stat` into the work
 * directory. */
struct scan {
    struct uplink *uplink;
    int work;
    int manifest;
    int stat;
    uint64_t length;
    uint32_t skipped; /* found and no entries */
    uint32_t partial; /* entries without some of their attributes */
    struct manifest_builder *builder;
    struct stamps *stamps;
    struct fail *fail;
};

static int open_files(struct scan *scan, const struct job *job) {
    const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;

    scan->work = open(job->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (scan->work >= 0)
        scan->manifest = openat(scan->work, "manifest", flags, 0600);
    if (scan->manifest >= 0)
        scan->stat = openat(scan->work, "stat", flags, 0600);
    if (scan->stat < 0)
        return fail_set(scan->fail, -errno, "cannot write into the directory of this transfer");
    if (stamps_new(&scan->stamps, scan->stat) < 0 || manifest_builder_new(&scan->builder) < 0)
        return fail_set(scan->fail, -ENOMEM, "cannot list what is to be sent");
    return 0;
}

static int write_batch(struct scan *scan) {
    const uint8_t *data = NULL;
    size_t length = manifest_builder_take(scan->builder, &data);
    int r = io_pwrite_full(scan->manifest, data, length, scan->length);

    scan->length += length;
    return r < 0 ? fail_set(scan->fail, r, "cannot store the list of files") : 0;
}

static int add_entry(void *context, const struct entry *entry, const struct stamp *stamp) {
    struct scan *scan = context;
    int r = manifest_builder_add(scan->builder, entry, scan->fail);

    if (r == MANIFEST_BATCH_READY)
        r = write_batch(scan);
    if (r == 0) {
        scan->partial += stamp->partial;
        r = stamps_add(scan->stamps, stamp);
        if (r < 0)
            fail_set(scan->fail, r, "cannot store the list of files");
    }
    return r;
}

static void skip(void *context, const char *path, size_t length, const char *line,
                 enum walk_loss loss) {
    struct scan *scan = context;

    scan->skipped += loss != WALK_PARTIAL;
    uplink_note_entry(scan->uplink, line, loss != WALK_LEFT_OUT, path, length);
}

/* The directory itself is synced too: the node refers to these files from now on. */
static int end_files(struct scan *scan) {
    int r = manifest_builder_end(scan->builder, scan->fail);

    if (r == MANIFEST_BATCH_READY)
        r = write_batch(scan);
    if (r < 0)
        return r;
    r = stamps_flush(scan->stamps);
    if (r == 0 && (fsync(scan->manifest) < 0 || fsync(scan->stat) < 0 || fsync(scan->work) < 0))
        r = -errno;
    return r < 0 ? fail_set(scan->fail, r, "cannot store the list of files") : 0;
}

static void report(const struct scan *scan) {
    struct manifest_summary summary;
    ProtobufCBinaryData names[LIMIT_OFFER_NAMES];
    Fxnode__Helper__Scanned scanned = FXNODE__HELPER__SCANNED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    manifest_builder_summary(scan->builder, &summary);
    for (uint32_t i = 0; i < summary.names_shown; i++)
        names[i] = (ProtobufCBinaryData){.len = summary.names[i].length,
                                         .data = (uint8_t *)summary.names[i].bytes};
    scanned.manifest_hash = (ProtobufCBinaryData){.len = LIMIT_HASH, .data = summary.hash};
    scanned.manifest_length = summary.length;
    scanned.entries = summary.entries;
    scanned.bytes = summary.bytes;
    scanned.units = summary.units;
    scanned.n_names = summary.names_shown;
    scanned.names = names;
    scanned.name_count = summary.name_count;
    scanned.skipped = scan->skipped;
    scanned.partial = scan->partial;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_SCANNED;
    message.scanned = &scanned;
    uplink_send(scan->uplink, &message);
}

static int walk(struct scan *scan, const struct job *job) {
    const struct walk_sink sink = {.context = scan, .entry = add_entry, .skipped = skip};
    struct walk_rules rules = {.one_file_system = job->one_file_system};
    struct filter *filter = NULL;
    struct secret *secret = NULL;
    struct items *items = NULL;
    int r = items_new(&items, (const char *const *)job->paths, job->path_count, scan->fail);

    if (r == 0 && filter_new(&filter, (const char *const *)job->exclude, job->exclude_count) < 0)
        r = fail_set(scan->fail, -ENOMEM, "cannot list what is to be sent");
    if (r == 0) {
        r = secret_new(&secret, job->state);
        if (r < 0)
            fail_set(scan->fail, r, "cannot look at this node's state directory");
    }
    rules.exclude = filter;
    rules.secret = secret;
    if (r == 0)
        r = walk_items(items, &rules, &sink, scan->fail);
    secret_free(secret);
    filter_free(filter);
    items_free(items);
    return r;
}

void job_scan(struct job *job, struct uplink *uplink) {
    struct fail fail = {0};
    struct scan scan = {.uplink = uplink, .work = -1, .manifest = -1, .stat = -1, .fail = &fail};
    int r = open_files(&scan, job);

    if (r == 0)
        r = walk(&scan, job);
    if (r == 0)
        r = end_files(&scan);
    if (r == 0)
        report(&scan);
    uplink_ended(uplink, r == 0 ? UPLINK_ENDED(COMPLETE) : UPLINK_ENDED(FAILED), fail.text);
    manifest_builder_free(scan.builder);
    stamps_free(scan.stamps);
    io_close(&scan.stat);
    io_close(&scan.manifest);
    io_close(&scan.work);
}
