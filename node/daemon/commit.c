/* What a receiving session asks to be recorded. It goes on only after "committed", which is said
 * when it is durable; where it cannot be recorded the session ends, and its peer starts again from
 * what is. */
#include "node/daemon/receiving.h"

#include "base/escape.h"
#include "base/io.h"
#include "base/log.h"
#include "base/weaken.h"
#include "node/common/landing.h"
#include "node/daemon/clean.h"
#include "node/daemon/database.h"
#include "node/daemon/replaced.h"
#include "store/store_extent.h"

#include <stdlib.h>
#include <string.h>

#define COMMIT_ITEMS 65536u /* top-level items of one transfer */
#define COMMIT_JOBS 256u    /* of one session at a time; one that keeps the rules needs a few */

enum commit_kind {
    COMMIT_EXTENTS,
    COMMIT_PLACING,
    COMMIT_MORE_PLACING,
    COMMIT_KEPT,
    COMMIT_DONE,
    COMMIT_END
};

struct commit {
    struct receiving *receiving;
    enum commit_kind kind;
    uint64_t number;
    uint64_t ticket;
    int64_t now;
    struct range *ranges; /* to add, then to forget */
    size_t add_count;
    size_t forget_count;
    struct store_placing_item *items;
    size_t item_count;
    uint32_t failed;
    bool exact;
    struct kept kept;
    int result;
    struct fail fail;
};

static void drop_items(struct store_placing_item *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        free((char *)items[i].name.bytes);
    free(items);
}

void commit_drop_items(struct receiving *receiving) {
    drop_items(receiving->items, receiving->item_count);
    receiving->items = NULL;
    receiving->item_count = 0;
}

static void commit_free(struct commit *commit) {
    drop_items(commit->items, commit->item_count);
    kept_drop(&commit->kept);
    free(commit->ranges);
    free(commit);
}

static int start_placing(struct store *store, struct commit *commit) {
    const struct store_placing placing = {commit->items, commit->item_count, commit->failed};
    int result = store_begin(store, &commit->fail);
    if (result != 0)
        return result;
    result = store_placing_start(store, commit->number, &placing, commit->now, &commit->fail);
    if (result == 0)
        result = store_placing_set_exact(store, commit->number, commit->exact, &commit->fail);
    return store_end(store, result, &commit->fail);
}

/* What is kept of it is there from the moment on in which it is delivered. */
static int finish(struct store *store, struct commit *commit) {
    int result = store_begin(store, &commit->fail);
    if (result != 0)
        return result;
    result = kept_seal(&commit->kept, store, commit->number, &commit->fail);
    if (result == 0)
        result =
            store_placing_done(store, commit->number, commit->failed, commit->now, &commit->fail);
    if (result == 0)
        result = store_placing_set_exact(store, commit->number, commit->exact, &commit->fail);
    return store_end(store, result, &commit->fail);
}

static void run(struct store *store, void *arg) {
    struct commit *commit = arg;
    struct store_extent_change change = {.add_count = commit->add_count,
                                         .forget_count = commit->forget_count};
    if (commit->ranges != NULL) {
        change.add = commit->ranges;
        change.forget = commit->ranges + commit->add_count;
    }
    switch (commit->kind) {
    case COMMIT_EXTENTS:
        commit->result =
            store_extent_commit(store, commit->number, &change, commit->now, &commit->fail);
        break;
    case COMMIT_PLACING:
        commit->result = start_placing(store, commit);
        break;
    case COMMIT_MORE_PLACING:
        commit->result = store_placing_update(store, commit->number, commit->items,
                                              commit->item_count, &commit->fail);
        break;
    case COMMIT_KEPT:
        commit->result = kept_store(&commit->kept, store, commit->number, &commit->fail);
        break;
    case COMMIT_DONE:
        commit->result = finish(store, commit);
        break;
    case COMMIT_END:
        commit->result = store_transfer_confirm(store, commit->number, commit->now, &commit->fail);
        break;
    }
}

static void show(const struct commit *commit) {
    struct transfer *transfer = commit->receiving->transfer;
    char peer[ESCAPE_ROOM(LIMIT_NAME)];
    char landing[PATH_MAX];
    if (commit->kind == COMMIT_PLACING || commit->kind == COMMIT_DONE) {
        transfer->record.failed = commit->failed;
        transfer->record.exact = commit->exact;
    }
    if (commit->kind == COMMIT_PLACING)
        transfer_has_state(transfer, STORE_PLACING, "");
    if (commit->kind != COMMIT_DONE)
        return;
    transfer->done = transfer->record.bytes;
    transfer_has_state(transfer, STORE_DELIVERED, "");
    escape_text(peer, sizeof peer, transfer->record.peer_name);
    log_info("transfer %llu from %s: delivered to %s", (unsigned long long)commit->number, peer,
             landing_plain(landing, transfer->record.destination));
}

static void acknowledge(const struct commit *commit) {
    struct worker *worker = commit->receiving->worker;
    if (worker != NULL && commit->kind != COMMIT_END && commit->kind != COMMIT_KEPT)
        worker_send_committed(worker, commit->ticket);
}

/* Its session died before it heard that it is delivered, and removes nothing any more. */
static void tidy_after(const struct commit *commit) {
    struct receiving *receiving = commit->receiving;
    if (commit->kind != COMMIT_DONE || receiving->worker != NULL)
        return;
    clean_transfer(receiving->node, &receiving->transfer->record);
    replaced_end_by(receiving, commit->number);
}

static void committed(void *arg) {
    struct commit *commit = arg;
    struct receiving *receiving = commit->receiving;
    if (commit->result == 0) {
        show(commit);
        tidy_after(commit);
        if (!weakened("early-acknowledge"))
            acknowledge(commit);
    } else if (commit->kind != COMMIT_END) {
        log_error("cannot record progress of transfer %llu: %s", (unsigned long long)commit->number,
                  commit->result < 0 ? commit->fail.text : "its state does not allow it");
        if (receiving->worker != NULL)
            worker_give_up(receiving->worker,
                           commit->result < 0 ? commit->fail.text : "it was ended before");
    }
    commit_free(commit);
    receiving_release(receiving);
}

static struct commit *commit_new(struct receiving *receiving, enum commit_kind kind,
                                 uint64_t ticket) {
    struct commit *commit = calloc(1, sizeof *commit);
    if (commit == NULL)
        return NULL;
    commit->receiving = receiving;
    commit->kind = kind;
    commit->ticket = ticket;
    commit->now = io_wall_s();
    commit->number =
        receiving->transfer != NULL ? receiving->transfer->record.number : receiving->offer.number;
    return commit;
}

static bool submit(struct commit *commit) {
    struct receiving *receiving = commit->receiving;
    if (receiving->jobs >= COMMIT_JOBS ||
        database_submit(receiving->node->database, run, committed, commit) != 0) {
        commit_free(commit);
        return false;
    }
    receiving_hold(receiving);
    if (weakened("early-acknowledge"))
        acknowledge(commit);
    return true;
}

static bool owns(const struct receiving *receiving) {
    return receiving->accepted && receiving->transfer->receiving == receiving;
}

static void copy_ranges(struct range *out, Fxnode__Helper__Extent *const *extents, size_t count) {
    for (size_t i = 0; i < count; i++)
        out[i] = (struct range){extents[i]->first, extents[i]->count};
}

/* What is to be forgotten of the transfer that this one takes over from. */
static bool forget_replaced(struct receiving *receiving, const Fxnode__Helper__Commit *from) {
    struct commit *commit =
        receiving->inherits != 0 ? commit_new(receiving, COMMIT_EXTENTS, from->ticket) : NULL;
    if (commit == NULL)
        return false;
    commit->ranges = calloc(from->n_forget_replaced, sizeof *commit->ranges);
    if (commit->ranges == NULL) {
        commit_free(commit);
        return false;
    }
    commit->number = receiving->inherits;
    commit->forget_count = from->n_forget_replaced;
    copy_ranges(commit->ranges, from->forget_replaced, from->n_forget_replaced);
    return submit(commit);
}

bool commit_extents(struct receiving *receiving, const Fxnode__Helper__Commit *from) {
    if (owns(receiving) && from->n_forget_replaced > 0)
        return forget_replaced(receiving, from);
    struct commit *commit =
        owns(receiving) ? commit_new(receiving, COMMIT_EXTENTS, from->ticket) : NULL;
    if (commit == NULL)
        return false;
    commit->ranges = calloc(from->n_add + from->n_forget + 1, sizeof *commit->ranges);
    if (commit->ranges == NULL) {
        commit_free(commit);
        return false;
    }
    commit->add_count = from->n_add;
    commit->forget_count = from->n_forget;
    copy_ranges(commit->ranges, from->add, from->n_add);
    copy_ranges(commit->ranges + from->n_add, from->forget, from->n_forget);
    return submit(commit);
}

static bool add_items(struct receiving *receiving, const Fxnode__Helper__Placing *placing) {
    size_t count = receiving->item_count;
    if (placing->n_items > COMMIT_ITEMS - count)
        return false;
    struct store_placing_item *grown =
        reallocarray(receiving->items, count + placing->n_items + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    receiving->items = grown;
    for (size_t i = 0; i < placing->n_items; i++) {
        const Fxnode__Helper__PlacedItem *from = placing->items[i];
        char *name = malloc(from->name.len + 1);
        if (name == NULL)
            return false;
        memcpy(name, from->name.data, from->name.len);
        grown[receiving->item_count++] = (struct store_placing_item){
            from->item, {name, from->name.len}, from->device, from->inode};
    }
    return true;
}

bool commit_placing(struct receiving *receiving, const Fxnode__Helper__Placing *placing) {
    struct transfer *transfer = receiving->transfer;
    if (!owns(receiving) || !add_items(receiving, placing))
        return false;
    if (placing->more)
        return true;
    bool first = transfer->record.state != STORE_PLACING;
    struct commit *commit =
        commit_new(receiving, first ? COMMIT_PLACING : COMMIT_MORE_PLACING, placing->ticket);
    if (commit == NULL)
        return false;
    commit->failed = placing->failed;
    commit->exact = placing->exact;
    commit->items = receiving->items;
    commit->item_count = receiving->item_count;
    receiving->items = NULL;
    receiving->item_count = 0;
    return submit(commit);
}

bool commit_kept(struct receiving *receiving, const Fxnode__Helper__Kept *kept) {
    if (!owns(receiving) || !kept_add(&receiving->kept, kept))
        return false;
    if (!kept_is_full(&receiving->kept))
        return true;
    struct commit *commit = commit_new(receiving, COMMIT_KEPT, 0);
    if (commit == NULL)
        return false;
    commit->kept = kept_take(&receiving->kept);
    return submit(commit);
}

bool commit_done(struct receiving *receiving, const Fxnode__Helper__Done *done) {
    struct commit *commit =
        owns(receiving) ? commit_new(receiving, COMMIT_DONE, done->ticket) : NULL;
    if (commit == NULL)
        return false;
    commit->failed = done->failed;
    commit->exact = done->exact;
    commit->kept = kept_take(&receiving->kept);
    return submit(commit);
}

bool commit_finished(struct receiving *receiving) {
    if (!receiving->offered)
        return false;
    struct commit *commit = commit_new(receiving, COMMIT_END, 0);
    return commit != NULL && submit(commit);
}
