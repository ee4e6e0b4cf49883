#include "tests/sim/watch.h"

#include "base/entry.h"
#include "proto/manifest.h"
#include "proto/receiver.h"
#include "store/store_transfer.h"
#include "tests/sim/machine.h"
#include "tests/sim/memory.h"
#include "tests/sim/trace.h"
#include "tests/sim/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 64
#define UNITS 256
#define BEFORE 4

/* A file that is sent, as the scan lists it. */
struct listed {
    char path[256];
    uint64_t size;
    uint64_t first_unit;
    uint64_t units;
};

static struct {
    struct machine *sender;
    struct machine *receiver;
    struct listed listed[ENTRIES];
    size_t listed_count;
    uint64_t units;
    bool durable[UNITS];     /* was said to be */
    uint64_t pending[UNITS]; /* bytes written on this connection and not durable */
    bool queued;
    bool placed;              /* the receiver says it is delivered */
    bool delivered;           /* the sender's command knows */
    char before[BEFORE][256]; /* names that were there */
    size_t before_count;
    uint64_t seen; /* changes of names at the last glance */
    char failure[512];
} watch;

static struct inode *files(void) {
    return tree_find(disk_root(watch.receiver->disk), "files");
}

static struct inode *sources(void) {
    return tree_find(disk_root(watch.sender->disk), "src");
}

void watch_fail(const char *format, ...) {
    va_list arguments;

    if (watch.failure[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(watch.failure, sizeof watch.failure, format, arguments);
    va_end(arguments);
    trace("BROKEN: %s", watch.failure);
    if (!trace_is_on())
        return;
    tree_print(sources(), 1);
    tree_print(disk_root(watch.receiver->disk), 1);
}

const char *watch_failure(void) {
    return watch.failure[0] == '\0' ? NULL : watch.failure;
}

void watch_begin(struct machine *sender, struct machine *receiver) {
    struct inode *inode = NULL;
    const char *name = NULL;

    memset(&watch, 0, sizeof watch);
    watch.sender = sender;
    watch.receiver = receiver;
    for (size_t i = 0; (name = disk_name(files(), i, &inode)) != NULL; i++)
        snprintf(watch.before[watch.before_count++], 256, "%s", name);
}

void watch_queued(uint64_t number) {
    trace("queued as %llu", (unsigned long long)number);
    watch.queued = true;
}

void watch_refused(int status, const char *text) {
    if (watch.queued)
        watch_fail("the queued transfer ends with status %d: %s", status, text);
}

void watch_delivered(void) {
    trace("the sender knows of the delivery");
    if (!watch.placed)
        watch_fail("delivered is known to the sender before it is so");
    watch.delivered = true;
}

/* ---- where the program says something ---- */

int __real_manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                                struct fail *fail);
int __wrap_manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                                struct fail *fail);

/* Every scan lists the same: nothing changes at the source. */
static void list(const struct entry *entry) {
    struct listed *listed = &watch.listed[watch.listed_count];
    uint64_t units = entry_units(entry->type, entry->size);

    for (size_t i = 0; i < watch.listed_count; i++)
        if (strlen(watch.listed[i].path) == entry->path_length &&
            memcmp(watch.listed[i].path, entry->path, entry->path_length) == 0)
            return;
    if (watch.listed_count == ENTRIES || watch.units + units > UNITS)
        abort();
    snprintf(listed->path, sizeof listed->path, "%.*s", (int)entry->path_length, entry->path);
    listed->size = entry->size;
    listed->first_unit = watch.units;
    listed->units = units;
    watch.units += units;
    watch.listed_count++;
}

int __wrap_manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                                struct fail *fail) {
    list(entry);
    return __real_manifest_builder_add(builder, entry, fail);
}

int __real_receiver_committed(struct receiver *receiver, uint64_t now_ms);
int __wrap_receiver_committed(struct receiver *receiver, uint64_t now_ms);

/* From here on the peer may read it. */
int __wrap_receiver_committed(struct receiver *receiver, uint64_t now_ms) {
    int r = __real_receiver_committed(receiver, now_ms);

    for (uint64_t unit = 0; unit < watch.units; unit++) {
        if (!rangeset_contains(receiver_durable(receiver), unit, 1))
            continue;
        watch.durable[unit] = true;
        watch.pending[unit] = 0;
    }
    return r;
}

int __real_receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                            const struct record_piece *piece, bool *completed);
int __wrap_receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                            const struct record_piece *piece, bool *completed);

/* All that an interruption can cost is what is sent again: no more than a batch, which is a chunk
 * at least, and nothing that was durable. */
int __wrap_receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                            const struct record_piece *piece, bool *completed) {
    uint64_t pending = 0;

    if (piece->unit < watch.units && watch.durable[piece->unit])
        watch_fail("unit %llu was durable and is sent again", (unsigned long long)piece->unit);
    if (piece->unit < watch.units)
        watch.pending[piece->unit] += piece->length;
    for (uint64_t unit = 0; unit < watch.units; unit++)
        pending += watch.pending[unit];
    if (pending > WATCH_LANES * LIMIT_CHUNK)
        watch_fail("%llu bytes are written and not durable", (unsigned long long)pending);
    return __real_receiver_written(receiver, now_ms, lane, piece, completed);
}

int __real_receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                             uint64_t units);
int __wrap_receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                             uint64_t units);

int __wrap_receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                             uint64_t units) {
    watch_fail("unit %llu is held and not as it was sent", (unsigned long long)first_unit);
    return __real_receiver_held_bad(receiver, entry, first_unit, units);
}

int __real_receiver_admit(struct receiver *receiver, uint64_t now_ms,
                          const struct receiver_admission *admission);
int __wrap_receiver_admit(struct receiver *receiver, uint64_t now_ms,
                          const struct receiver_admission *admission);

/* After an interruption: what was said to be durable is not asked for again. */
int __wrap_receiver_admit(struct receiver *receiver, uint64_t now_ms,
                          const struct receiver_admission *admission) {
    memset(watch.pending, 0, sizeof watch.pending);
    if (admission->answer == FXNODE__WIRE__VERDICT__ANSWER__ACCEPT)
        for (uint64_t unit = 0; unit < watch.units; unit++)
            if (watch.durable[unit] &&
                (admission->held == NULL || !rangeset_contains(admission->held, unit, 1)))
                watch_fail("unit %llu was durable and is not held", (unsigned long long)unit);
    if (admission->answer == FXNODE__WIRE__VERDICT__ANSWER__DELIVERED)
        watch.placed = true;
    return __real_receiver_admit(receiver, now_ms, admission);
}

int __real_receiver_placed(struct receiver *receiver, const struct manifest_name *names,
                           size_t count, uint32_t lacking, bool exact);
int __wrap_receiver_placed(struct receiver *receiver, const struct manifest_name *names,
                           size_t count, uint32_t lacking, bool exact);

int __wrap_receiver_placed(struct receiver *receiver, const struct manifest_name *names,
                           size_t count, uint32_t lacking, bool exact) {
    watch.placed = true;
    watch_look();
    return __real_receiver_placed(receiver, names, count, lacking, exact);
}

int __real_store_transfer_find_sent(struct store *store,
                                    const uint8_t transfer_id[LIMIT_TRANSFER_ID],
                                    struct store_transfer *out, struct fail *fail);
int __wrap_store_transfer_find_sent(struct store *store,
                                    const uint8_t transfer_id[LIMIT_TRANSFER_ID],
                                    struct store_transfer *out, struct fail *fail);

int __wrap_store_transfer_find_sent(struct store *store,
                                    const uint8_t transfer_id[LIMIT_TRANSFER_ID],
                                    struct store_transfer *out, struct fail *fail) {
    int r = __real_store_transfer_find_sent(store, transfer_id, out, fail);

    if (r == STORE_NONE && watch.queued)
        watch_fail("the queued transfer is forgotten");
    return r;
}

/* ---- what is on the disk ---- */

static bool was_before(const char *name) {
    for (size_t i = 0; i < watch.before_count; i++)
        if (strcmp(watch.before[i], name) == 0)
            return true;
    return false;
}

/* The item at the source that a final name belongs to: "a (2).b" is one of "a.b". */
static struct inode *source_of(const char *name) {
    struct inode *source = disk_find(sources(), name);
    const char *mark = strstr(name, " (");
    char plain[256];

    if (source != NULL || mark == NULL)
        return source;
    snprintf(plain, sizeof plain, "%.*s%s", (int)(mark - name), name, strchr(mark, ')') + 1);
    return disk_find(sources(), plain);
}

/* The one under the name that it has as `top`, or NULL. */
static struct inode *find_under(struct inode *directory, const char *top, const char *path) {
    struct inode *item = disk_find(directory, top);
    const char *rest = strchr(path, '/');

    if (item == NULL || rest == NULL)
        return item;
    return tree_find(item, rest + 1);
}

static bool is_durable(const struct listed *listed, uint64_t unit) {
    uint64_t offset = (unit - listed->first_unit) * LIMIT_CHUNK;
    uint64_t length = entry_chunk_size(listed->size, unit - listed->first_unit);
    struct inode *source = tree_find(sources(), listed->path);
    struct inode *area = disk_find(files(), ".fxnode");
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; area != NULL && disk_name(area, i, &child) != NULL; i++) {
        struct inode *staged = tree_find(tree_find(child, "tree"), listed->path);
        if (staged != NULL && tree_same_bytes(source, staged, offset, length))
            return true;
    }
    for (size_t i = 0; (name = disk_name(files(), i, &child)) != NULL; i++) {
        struct inode *placed = NULL;
        if (was_before(name) || strcmp(name, ".fxnode") == 0)
            continue;
        placed = find_under(files(), name, listed->path);
        if (placed != NULL && tree_same_bytes(source, placed, offset, length))
            return true;
    }
    return false;
}

static void look_at_durable(void) {
    for (size_t i = 0; i < watch.listed_count; i++) {
        const struct listed *listed = &watch.listed[i];
        for (uint64_t unit = listed->first_unit; unit < listed->first_unit + listed->units; unit++)
            if (watch.durable[unit] && !is_durable(listed, unit))
                watch_fail("%s: unit %llu was said to be durable and is not on the disk",
                           listed->path, (unsigned long long)unit);
    }
}

/* How often an item arrived. */
static unsigned count_arrived(const struct inode *source) {
    struct inode *child = NULL;
    const char *name = NULL;
    unsigned count = 0;

    for (size_t i = 0; (name = disk_name(files(), i, &child)) != NULL; i++)
        count += !was_before(name) && source_of(name) == source;
    return count;
}

static void look_at_final(void) {
    struct inode *child = NULL;
    const char *name = NULL;

    for (size_t i = 0; (name = disk_name(files(), i, &child)) != NULL; i++) {
        struct inode *source = NULL;
        if (was_before(name) || strcmp(name, ".fxnode") == 0)
            continue;
        source = source_of(name);
        if (source == NULL)
            watch_fail("%s was not sent", name);
        else if (!tree_same(source, child))
            watch_fail("%s is not whole", name);
    }
    for (size_t i = 0; (name = disk_name(sources(), i, &child)) != NULL; i++) {
        unsigned count = count_arrived(child);
        if (count > 1)
            watch_fail("%s arrived %u times", name, count);
        if (count == 0 && watch.placed)
            watch_fail("%s was delivered and is not there", name);
    }
    for (size_t i = 0; i < watch.before_count; i++)
        if (disk_find(files(), watch.before[i]) == NULL)
            watch_fail("%s was there before and is gone", watch.before[i]);
}

void watch_look(void) {
    look_at_final();
    look_at_durable();
}

void watch_glance(void) {
    uint64_t changed = disk_changed(watch.receiver->disk);

    if (changed == watch.seen)
        return;
    watch.seen = changed;
    look_at_final();
}

static bool is_empty(struct inode *directory) {
    struct inode *child = NULL;

    return directory == NULL || disk_name(directory, 0, &child) == NULL;
}

bool watch_is_tidy(void) {
    return disk_find(files(), ".fxnode") == NULL &&
           is_empty(tree_find(disk_root(watch.sender->disk), "state/outgoing"));
}

void watch_end(void) {
    if (!watch.delivered)
        watch_fail("it was never delivered");
    if (!watch_is_tidy())
        watch_fail("something is left behind");
    watch_look();
}
