#include "node/daemon/moving.h"

#include "base/crash.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/receipt.h"
#include "node/daemon/worker.h"
#include "store/store_moving.h"

#include <errno.h>
#include <stdlib.h>

#define TRIES 5u /* of sessions that end as none should */

struct moving_item {
    struct moving_item *next;
    struct moving *moving;
    struct transfer *transfer; /* held */
    uint64_t number;
    struct receipt receipt;
    struct worker *worker;
    unsigned tries;
    bool removed; /* the session has said so */
    uint32_t moved;
    uint32_t stayed;
    int result;
    struct fail fail;
};

struct moving {
    struct node *node;
    struct moving_item *first; /* the one that is worked at */
    bool busy;
};

int moving_new(struct moving **out, struct node *node) {
    struct moving *moving = calloc(1, sizeof *moving);
    if (moving == NULL)
        return -ENOMEM;
    moving->node = node;
    *out = moving;
    return 0;
}

static void item_free(struct moving_item *item) {
    receipt_clear(&item->receipt);
    free(item);
}

void moving_free(struct moving *moving) {
    while (moving != NULL && moving->first != NULL) {
        struct moving_item *item = moving->first;
        moving->first = item->next;
        item_free(item);
    }
    free(moving);
}

static void next(struct moving *moving);
static void load(struct moving_item *item);

/* The first one is over, for now or for good. */
static void leave(struct moving_item *item) {
    struct moving *moving = item->moving;
    moving->first = item->next;
    moving->busy = false;
    transfer_release(item->transfer);
    item_free(item);
    next(moving);
}

/* Not here and now. */
static void put_off(struct moving_item *item, const char *why) {
    if (!item->moving->node->stopping) {
        log_warn("what transfer %llu has delivered is not removed here: %s",
                 (unsigned long long)item->number, why);
        transfer_note(item->transfer, &(struct note){.text = why, .warning = true});
    }
    transfer_put_off(item->transfer);
    leave(item);
}

/* The end. */

static void run_over(struct store *store, void *arg) {
    struct moving_item *item = arg;
    item->result = store_moving_over(store, item->number, item->moved, item->stayed, &item->fail);
}

static void recorded(void *arg) {
    struct moving_item *item = arg;
    if (item->result != 0) {
        put_off(item, item->result < 0 ? item->fail.text : "its state does not allow it");
        return;
    }
    log_info("transfer %llu: %u of its entries are removed here, %u stay",
             (unsigned long long)item->number, item->moved, item->stayed);
    transfer_moved(item->transfer, item->moved, item->stayed);
    leave(item);
}

static void record(struct moving_item *item) {
    if (database_submit(item->moving->node->database, run_over, recorded, item) != 0)
        put_off(item, "out of memory");
}

/* The session. */

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    struct moving_item *item = arg;
    if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_NOTE) {
        /* Whoever sent it may not be there any more. */
        log_warn("transfer %llu: %s", (unsigned long long)item->number, message->note->text);
        transfer_note(item->transfer,
                      &(struct note){message->note->text, true, message->note->path.data,
                                     message->note->path.len});
    } else if (message->body_case == FXNODE__HELPER__TO_NODE__BODY_REMOVED) {
        item->removed = true;
        item->moved = message->removed->moved;
        item->stayed = message->removed->stayed;
    }
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    struct moving_item *item = arg;
    item->worker = NULL;
    if (item->removed && outcome == WORKER_ENDED(COMPLETE))
        record(item);
    else if (outcome == WORKER_ENDED(LOST) && ++item->tries < TRIES)
        load(item);
    else
        put_off(item, text[0] != '\0' ? text : "its session was stopped");
}

static void start(struct moving_item *item) {
    struct node *node = item->moving->node;
    struct worker_events events = {.message = on_message, .gone = on_gone, .arg = item};
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    if (worker_start(&item->worker, node, &events, &item->fail) != 0) {
        put_off(item, item->fail.text);
        return;
    }
    job.kind = FXNODE__HELPER__JOB__KIND__REMOVE;
    transfer_describe_record(&item->receipt.record, &job);
    worker_send_paths(item->worker, &item->receipt.paths);
    worker_send_job_with(item->worker, &job, item->receipt.fd);
    item->receipt.fd = -1;
}

static void run_load(struct store *store, void *arg) {
    struct moving_item *item = arg;
    item->result = receipt_load(&item->receipt, store, item->number, &item->fail);
    crash_point("move-delivered");
}

static void loaded(void *arg) {
    struct moving_item *item = arg;
    if (item->moving->node->stopping) {
        put_off(item, "");
    } else if (item->result == 0) {
        start(item);
    } else if (item->result < 0) {
        put_off(item, item->fail.text);
    } else { /* this will not change */
        transfer_note(item->transfer,
                      &(struct note){.text =
                                         "everything stays: too much was sent to keep what each "
                                         "file was",
                                     .warning = true});
        item->stayed = item->transfer->record.entries;
        record(item);
    }
}

/* Again, where a session was lost. */
static void load(struct moving_item *item) {
    receipt_clear(&item->receipt);
    if (database_submit(item->moving->node->database, run_load, loaded, item) != 0)
        put_off(item, "out of memory");
}

static void next(struct moving *moving) {
    if (moving->first == NULL || moving->busy || moving->node->stopping)
        return;
    moving->busy = true;
    load(moving->first);
}

/* It is recorded that it is to be removed; whoever waits for that waits no longer. */
static void stay_for_now(struct transfer *transfer) {
    static const char text[] = "out of memory: what was delivered is removed at the next start";

    log_error("%s", text);
    transfer_note(transfer, &(struct note){.text = text, .warning = true});
    transfer->record.moving = STORE_MOVING_OVER;
    transfer->record.stayed = transfer->record.entries;
}

void moving_begin(struct moving *moving, struct transfer *transfer) {
    struct moving_item **at = &moving->first;
    struct moving_item *item = calloc(1, sizeof *item);
    if (item == NULL) {
        stay_for_now(transfer);
        return;
    }
    item->moving = moving;
    item->transfer = transfer;
    item->number = transfer->record.number;
    item->receipt.fd = -1;
    transfer_hold(transfer);
    while (*at != NULL)
        at = &(*at)->next;
    *at = item;
    next(moving);
}

/* From before. */

struct moving_list {
    struct moving *moving;
    struct store_transfer_list list;
    struct fail fail;
};

static void run_list(struct store *store, void *arg) {
    struct moving_list *job = arg;
    if (store_transfer_list(store, STORE_TRANSFERS_MOVING, 0, &job->list, &job->fail) < 0)
        log_error("%s", job->fail.text);
}

static void listed(void *arg) {
    struct moving_list *job = arg;
    struct node *node = job->moving->node;
    for (size_t i = 0; i < job->list.length && !node->stopping; i++) {
        struct transfer *transfer = transfers_add(node->transfers, &job->list.items[i]);
        if (transfer != NULL)
            moving_begin(job->moving, transfer);
    }
    store_transfer_list_clear(&job->list);
    free(job);
}

void moving_start_all(struct moving *moving) {
    struct moving_list *job = calloc(1, sizeof *job);
    if (job == NULL)
        return; /* at the next start */
    job->moving = moving;
    if (database_submit(moving->node->database, run_list, listed, job) != 0)
        free(job);
}
