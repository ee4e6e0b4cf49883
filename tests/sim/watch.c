#include "tests/sim/watch.h"

#include "base/entry.h"
#include "proto/manifest.h"
#include "proto/receiver.h"
#include "store/store_transfer.h"
#include "tests/sim/machine.h"
#include "tests/sim/trace.h"
#include "tests/sim/tree.h"
#include "tests/sim/watch_disk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct machine *machines[2];
    uint64_t seen[2]; /* changes of names at the last glance */
    char failure[512];
} watch;

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
    for (int i = 0; i < 2; i++)
        tree_print(disk_root(watch.machines[i]->disk), 1);
}

const char *watch_failure(void) {
    return watch.failure[0] == '\0' ? NULL : watch.failure;
}

void watch_begin(struct machine *const machines[2]) {
    memset(&watch, 0, sizeof watch);
    watch.machines[0] = machines[0];
    watch.machines[1] = machines[1];
}

/* ---- what commands are told ---- */

void watch_queued(struct order *order, uint64_t number) {
    trace("%s is queued as %llu", order->directory, (unsigned long long)number);
    order->queued = true;
}

/* Where somebody cancels it at the receiver, or removes the sources before they were looked at,
 * nothing need come of it. */
void watch_refused(struct order *order, int status, const char *text) {
    if (order->queued && order->meddled == NULL && !order->cancels)
        watch_fail("the queued transfer of %s ends with status %d: %s", order->directory, status,
                   text);
    order->cancelled = order->meddled != NULL || (order->queued && order->cancels);
}

void watch_cancelled(struct order *order, const char *text) {
    if (!order->cancels)
        watch_fail("%s is cancelled, and nobody did: %s", order->directory, text);
    order->cancelled = true;
}

/* What was sent may stay where the removing was interrupted, where its disk is another to the
 * system than before, and where the receiver had such files already. */
static bool may_stay(const struct order *order, const char *text) {
    return order->moves && (strstr(text, "goes on with the next start") != NULL ||
                            order->disk_moves != disk_moves(order->from->disk) ||
                            order->to->exists != MACHINE_RENAME);
}

void watch_delivered(struct order *order, int status, const char *text) {
    trace("the sender knows of the delivery of %s", order->directory);
    if (!order->placed)
        watch_fail("%s: delivered is known to the sender before it is so", order->directory);
    order->stays = status != 0;
    if (status != 0 && order->meddled == NULL && !may_stay(order, text))
        watch_fail("%s was delivered with status %d: %s", order->directory, status, text);
    order->delivered = true;
    task_at(task_clock(), order->when_delivered, order);
}

/* What was delivered nobody changes. */
void watch_verified(struct order *order, int status) {
    if (status != 0 && (order->verifies_there || order->meddled == NULL))
        watch_fail("%s was delivered and verify at the %s says %d", order->directory,
                   order->verifies_there ? "receiver" : "sender", status);
    order->verified = true;
}

void watch_given_up(struct order *order) {
    order->given_up = true;
}

void watch_offered(const void *id, size_t length) {
    process_now()->order = order_of_id(id, length);
}

/* ---- where the program says something ---- */

int __real_manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                                struct fail *fail);
int __wrap_manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                                struct fail *fail);

/* Every scan lists the same where nothing changes at the source. */
static void list(struct order *order, const struct entry *entry) {
    struct listed *listed = &order->listed[order->listed_count];
    uint64_t units = entry_units(entry->type, entry->size);

    for (size_t i = 0; i < order->listed_count; i++)
        if (strlen(order->listed[i].path) == entry->path_length &&
            memcmp(order->listed[i].path, entry->path, entry->path_length) == 0)
            return;
    if (order->listed_count == ORDER_FILES || order->units + units > ORDER_UNITS)
        abort();
    snprintf(listed->path, sizeof listed->path, "%.*s", (int)entry->path_length, entry->path);
    listed->size = entry->size;
    listed->first_unit = order->units;
    listed->units = units;
    order->units += units;
    order->listed_count++;
}

int __wrap_manifest_builder_add(struct manifest_builder *builder, const struct entry *entry,
                                struct fail *fail) {
    const char *slash = memchr(entry->path, '/', entry->path_length);
    struct order *order = order_of_name(entry->path, slash == NULL ? entry->path_length
                                                                   : (size_t)(slash - entry->path));

    if (order != NULL && !order->meddles)
        list(order, entry);
    return __real_manifest_builder_add(builder, entry, fail);
}

int __real_receiver_committed(struct receiver *receiver, uint64_t now_ms);
int __wrap_receiver_committed(struct receiver *receiver, uint64_t now_ms);

/* What the session that runs receives; where its sources change, only what arrives is looked at. */
static struct order *mine(void) {
    struct order *order = process_now()->order;

    return order == NULL || order->meddles || order->given_up ? NULL : order;
}

/* What the receiver had already is not sent, and looked for anew each time. */
static bool is_skipped(const struct receiver *receiver, const struct order *order, uint64_t unit) {
    for (size_t i = 0; i < order->listed_count; i++)
        if (unit - order->listed[i].first_unit < order->listed[i].units)
            return rangeset_contains(receiver_skipped_entries(receiver), i, 1);
    return true;
}

/* From here on the peer may read it. */
int __wrap_receiver_committed(struct receiver *receiver, uint64_t now_ms) {
    int r = __real_receiver_committed(receiver, now_ms);
    struct order *order = mine();

    for (uint64_t unit = 0; order != NULL && unit < order->units; unit++) {
        if (!rangeset_contains(receiver_durable(receiver), unit, 1) ||
            is_skipped(receiver, order, unit))
            continue;
        order->durable[unit] = true;
        order->pending[unit] = 0;
    }
    return r;
}

int __real_receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                            const struct record_piece *piece, bool *completed);
int __wrap_receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                            const struct record_piece *piece, bool *completed);

static void look_at_written(struct order *order, const struct record_piece *piece) {
    uint64_t pending = 0;

    if (piece->unit >= order->units)
        return;
    if (order->durable[piece->unit])
        watch_fail("%s: unit %llu was durable and is sent again", order->directory,
                   (unsigned long long)piece->unit);
    order->pending[piece->unit] += piece->length;
    for (uint64_t unit = 0; unit < order->units; unit++)
        pending += order->pending[unit];
    if (pending > WATCH_LANES * LIMIT_CHUNK)
        watch_fail("%s: %llu bytes are written and not durable", order->directory,
                   (unsigned long long)pending);
}

/* All that an interruption can cost is what is sent again: no more than a batch, which is a chunk
 * at least, and nothing that was durable. */
int __wrap_receiver_written(struct receiver *receiver, uint64_t now_ms, uint32_t lane,
                            const struct record_piece *piece, bool *completed) {
    if (mine() != NULL)
        look_at_written(mine(), piece);
    return __real_receiver_written(receiver, now_ms, lane, piece, completed);
}

int __real_receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                             uint64_t units);
int __wrap_receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                             uint64_t units);

int __wrap_receiver_held_bad(struct receiver *receiver, uint32_t entry, uint64_t first_unit,
                             uint64_t units) {
    if (mine() != NULL)
        watch_fail("unit %llu is held and not as it was sent", (unsigned long long)first_unit);
    return __real_receiver_held_bad(receiver, entry, first_unit, units);
}

/* The receiver says so, from here on. */
static void place(struct order *order) {
    if (!order->placed && order->when_placed != NULL)
        task_at(task_clock(), order->when_placed, order);
    order->placed = true;
}

int __real_receiver_admit(struct receiver *receiver, uint64_t now_ms,
                          const struct receiver_admission *admission);
int __wrap_receiver_admit(struct receiver *receiver, uint64_t now_ms,
                          const struct receiver_admission *admission);

static void look_at_held(const struct order *order, const struct rangeset *held) {
    for (uint64_t unit = 0; unit < order->units; unit++)
        if (order->durable[unit] && (held == NULL || !rangeset_contains(held, unit, 1)))
            watch_fail("%s: unit %llu was durable and is not held", order->directory,
                       (unsigned long long)unit);
}

/* After an interruption: what was said to be durable is not asked for again. */
int __wrap_receiver_admit(struct receiver *receiver, uint64_t now_ms,
                          const struct receiver_admission *admission) {
    struct order *order = process_now()->order;

    if (order != NULL)
        memset(order->pending, 0, sizeof order->pending);
    if (mine() != NULL && admission->answer == FXNODE__WIRE__VERDICT__ANSWER__ACCEPT)
        look_at_held(order, admission->held);
    if (order != NULL && admission->answer == FXNODE__WIRE__VERDICT__ANSWER__DELIVERED)
        place(order);
    return __real_receiver_admit(receiver, now_ms, admission);
}

int __real_receiver_placed(struct receiver *receiver, const struct manifest_name *names,
                           size_t count, uint32_t lacking, bool exact);
int __wrap_receiver_placed(struct receiver *receiver, const struct manifest_name *names,
                           size_t count, uint32_t lacking, bool exact);

int __wrap_receiver_placed(struct receiver *receiver, const struct manifest_name *names,
                           size_t count, uint32_t lacking, bool exact) {
    if (process_now()->order != NULL)
        place(process_now()->order);
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
    const struct order *order = order_of_id(transfer_id, LIMIT_TRANSFER_ID);

    if (r == STORE_NONE && order != NULL && order->queued)
        watch_fail("the queued transfer of %s is forgotten", order->directory);
    return r;
}

/* ---- at any time, and at the end ---- */

void watch_look(void) {
    for (int i = 0; i < 2; i++) {
        watch_disk_final(watch.machines[i]);
        watch_disk_sources(watch.machines[i]);
    }
    for (size_t i = 0; i < order_count(); i++)
        if (!order_list()[i].cancelled && !order_list()[i].given_up)
            watch_disk_durable(&order_list()[i]);
}

void watch_glance(const struct machine *machine) {
    uint64_t *seen = &watch.seen[machine == watch.machines[1]];

    if (watch.machines[0] == NULL || disk_changed(machine->disk) == *seen)
        return;
    *seen = disk_changed(machine->disk);
    watch_disk_final(machine);
    watch_disk_sources(machine);
}

static bool is_empty(struct inode *directory) {
    struct inode *child = NULL;

    return directory == NULL || disk_name(directory, 0, &child) == NULL;
}

/* A receiver that was away when its sender gave up waits for it for days. */
static bool may_wait(const struct machine *machine) {
    for (size_t i = 0; i < order_count(); i++)
        if (order_list()[i].to == machine && order_list()[i].cancelled)
            return true;
    return false;
}

static bool is_tidy(const struct machine *machine) {
    struct inode *root = disk_root(machine->disk);

    return (tree_find(root, "files/.fxnode") == NULL || may_wait(machine)) &&
           is_empty(tree_find(root, "state/outgoing"));
}

bool watch_is_tidy(void) {
    return is_tidy(watch.machines[0]) && is_tidy(watch.machines[1]);
}

static void end_order(const struct order *order) {
    if (!order->delivered && !order->cancelled)
        watch_fail("%s was never delivered", order->directory);
    if (order->delivered && order->moves && order->meddled == NULL && !order->stays &&
        !watch_disk_has_moved(order))
        watch_fail("%s was delivered and is not removed", order->directory);
    if (order->delivered && order->verifies && !order->verified)
        watch_fail("%s was delivered and is not to be verified", order->directory);
}

void watch_end(void) {
    for (size_t i = 0; i < order_count(); i++)
        end_order(&order_list()[i]);
    if (!watch_is_tidy())
        watch_fail("something is left behind");
    watch_look();
}
