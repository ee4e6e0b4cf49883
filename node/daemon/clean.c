#include "node/daemon/clean.h"

#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "node/common/landing.h"
#include "node/daemon/database.h"
#include "node/daemon/incoming.h"
#include "node/daemon/outwork.h"
#include "node/daemon/peers.h"
#include "node/daemon/transfer.h"
#include "node/daemon/worker.h"
#include "store/store_age.h"
#include "store/store_expire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLEAN_QUEUE 256u /* directories that wait for their turn; the others for the next hour */
#define CLEAN_INTERVAL_MS (3600u * 1000u)

struct clean_item {
    struct clean_item *next;
    struct node *node;
    uint64_t number; /* 0: only the area itself */
    char *destination;
    bool waits; /* where nothing is there, its disk may come back */
};

struct clean {
    struct node *node;
    struct worker *worker; /* cleaning the first item */
    struct clean_item *first;
    uv_timer_t timer;
    bool looked; /* at the clock since the start */
};

static void item_free(struct clean_item *item) {
    free(item->destination);
    free(item);
}

int clean_new(struct clean **out, struct node *node) {
    struct clean *clean = calloc(1, sizeof *clean);
    if (clean == NULL)
        return -ENOMEM;
    clean->node = node;
    uv_timer_init(node->loop, &clean->timer);
    clean->timer.data = clean;
    *out = clean;
    return 0;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void clean_free(struct clean *clean) {
    if (clean == NULL)
        return;
    while (clean->first != NULL) {
        struct clean_item *item = clean->first;
        clean->first = item->next;
        item_free(item);
    }
    uv_close((uv_handle_t *)&clean->timer, on_closed);
}

/* A sender's directory. */

static void run_remove(struct store *store, void *arg) {
    struct clean_item *item = arg;
    struct fail fail;
    int error = outwork_remove(item->node->statedir.fd, item->number, &fail);
    if (error == 0)
        error = store_transfer_cleaned(store, item->number, &fail);
    if (error < 0)
        log_warn("%s", fail.text);
}

static void removed(void *arg) {
    item_free(arg);
}

/* A receiver's. */

static void run_cleaned(struct store *store, void *arg) {
    struct clean_item *item = arg;
    struct fail fail;
    if (store_transfer_cleaned(store, item->number, &fail) < 0)
        log_warn("%s", fail.text);
}

static void next(struct clean *clean);

static void on_message(void *arg, const Fxnode__Helper__ToNode *message) {
    (void)arg;
    (void)message;
}

static void on_gone(void *arg, worker_outcome outcome, const char *text) {
    struct clean *clean = arg;
    struct clean_item *item = clean->first;
    clean->worker = NULL;
    clean->first = item->next;
    bool over =
        outcome == WORKER_ENDED(COMPLETE) || (outcome == WORKER_ENDED(ABSENT) && !item->waits);
    if (outcome == WORKER_ENDED(ABSENT) && item->waits)
        log_info("what transfer %llu has left is not there: it is looked for again every hour",
                 (unsigned long long)item->number);
    else if (!over && item->number > 0)
        log_warn("what transfer %llu left behind is still there: %s",
                 (unsigned long long)item->number, text);
    if (!over || item->number == 0 ||
        database_submit(clean->node->database, run_cleaned, removed, item) != 0)
        item_free(item);
    next(clean);
}

static void next(struct clean *clean) {
    struct worker_events events = {.message = on_message, .gone = on_gone, .arg = clean};
    struct clean_item *item = clean->first;
    struct fail fail;
    if (item == NULL || clean->worker != NULL || clean->node->stopping)
        return;
    if (worker_start(&clean->worker, clean->node, &events, &fail) != 0) {
        log_warn("%s", fail.text);
        clean->first = item->next;
        item_free(item);
        return;
    }
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    job.kind = FXNODE__HELPER__JOB__KIND__CLEAN;
    job.number = item->number;
    transfer_describe_landing(item->destination, &job);
    worker_send_job(clean->worker, &job);
}

static bool is_same(const struct clean_item *one, const struct clean_item *other) {
    return one->number == other->number &&
           (one->number > 0 || strcmp(one->destination, other->destination) == 0);
}

static void append(struct clean *clean, struct clean_item *item) {
    struct clean_item **at = &clean->first;
    size_t waiting = 0;
    while (*at != NULL && !is_same(*at, item)) {
        at = &(*at)->next;
        waiting++;
    }
    if (*at != NULL || waiting >= CLEAN_QUEUE) {
        item_free(item);
        return;
    }
    *at = item;
    next(clean);
}

/* What was delivered had its disk there. What was cancelled may have been because its disk is not,
 * and that may be for days. */
static bool may_come_back(const struct store_transfer *record) {
    return record->state == STORE_CANCELLED &&
           (record->finished == 0 || io_wall_s() - record->finished < STORE_EXPIRE_FINISHED_S);
}

static struct clean_item *item_new(struct node *node, uint64_t number) {
    struct clean_item *item = calloc(1, sizeof *item);
    if (item != NULL) {
        item->node = node;
        item->number = number;
    }
    return item;
}

static void clean_in(struct node *node, uint64_t number, const char *destination, bool waits) {
    struct clean_item *item = item_new(node, number);
    if (item == NULL)
        return;
    item->waits = waits;
    item->destination = strdup(destination);
    if (item->destination != NULL)
        append(node->clean, item);
    else
        item_free(item);
}

void clean_transfer(struct node *node, const struct store_transfer *record) {
    struct clean_item *item = NULL;
    if (record->direction == STORE_INCOMING) {
        if (record->has_work) /* else it was never accepted: there has been no staging */
            clean_in(node, record->number, record->destination, may_come_back(record));
        return;
    }
    item = item_new(node, record->number);
    if (item != NULL && database_submit(node->database, run_remove, removed, item) != 0)
        item_free(item);
}

/* A session opens the area again, and makes it where it is not there. */
static void clean_area(struct node *node, const char *directory) {
    char landing[PATH_MAX];
    char area[PATH_MAX];
    int length = 0;
    if (!landing_make(landing, node->files, directory))
        return;
    length = snprintf(area, sizeof area, "%s/" PATH_AREA, landing);
    if (length < (int)sizeof area && faccessat(AT_FDCWD, area, F_OK, AT_EACCESS) == 0)
        clean_in(node, 0, landing, false);
}

static void clean_area_of(void *context, const struct peers_line *line) {
    if (line->settings != NULL && line->settings->directory[0] != '\0')
        clean_area(context, line->settings->directory);
}

void clean_areas(struct node *node) {
    clean_area(node, "");
    peers_each(node->peers, clean_area_of, node);
}

void clean_done(struct node *node, uint64_t number) {
    struct clean_item *item = item_new(node, number);
    /* Without one it is found out again at the next start. */
    if (item != NULL && database_submit(node->database, run_cleaned, removed, item) != 0)
        item_free(item);
}

/* What expires. */

struct expiry {
    struct clean *clean;
    int64_t now;
    uint64_t *busy;
    size_t busy_count;
    int64_t leap;
    struct store_transfer_list left;
    int result;
    struct fail fail;
};

static void expiry_free(struct expiry *job) {
    store_transfer_list_clear(&job->left);
    free(job->busy);
    free(job);
}

/* Notes those that a session is at: whatever the clock says, they are not abandoned. */
static int collect_busy(struct expiry *job, struct node *node) {
    size_t count = 0;
    for (struct transfer *at = transfers_first(node->transfers); at != NULL; at = at->next)
        count++;
    job->busy = calloc(count + 1, sizeof *job->busy);
    if (job->busy == NULL)
        return -ENOMEM;
    for (struct transfer *at = transfers_first(node->transfers); at != NULL; at = at->next)
        if (at->receiving != NULL || at->shown == TRANSFER_SHOWN(RUNNING))
            job->busy[job->busy_count++] = at->record.number;
    return 0;
}

static void run_age(struct store *store, void *arg) {
    struct expiry *job = arg;
    job->result = store_age(store, job->now, job->busy, job->busy_count, &job->leap, &job->fail);
}

static void run_expire(struct store *store, void *arg) {
    struct expiry *job = arg;
    job->result = store_expire(store, job->now, &job->left, &job->fail);
}

static void mirror(struct node *node, const struct store_transfer *record) {
    struct transfer *transfer = transfers_find(node->transfers, record->number);
    if (transfer != NULL && !transfer_is_finished(transfer))
        transfer_has_state(transfer, record->state, record->reason);
}

static void expired(void *arg) {
    struct expiry *job = arg;
    struct node *node = job->clean->node;
    if (job->result < 0)
        log_warn("%s", job->fail.text);
    for (size_t i = 0; i < job->left.length && !node->stopping; i++) {
        const struct transfer *transfer =
            transfers_find(node->transfers, job->left.items[i].number);
        bool busy = transfer != NULL && transfer->holds > 0; /* cleans up when it ends */
        mirror(node, &job->left.items[i]);
        if (!busy)
            clean_transfer(node, &job->left.items[i]);
    }
    expiry_free(job);
}

static void aged(void *arg) {
    struct expiry *job = arg;
    struct node *node = job->clean->node;
    if (job->result < 0)
        log_warn("%s", job->fail.text);
    /* At start it may be the time for which the node was not running. */
    if (job->leap > 0 && job->clean->looked)
        log_warn("the clock was set ahead, by %lld hours or more: what is kept for some days is "
                 "kept longer",
                 (long long)(job->leap / 3600));
    job->clean->looked = true;
    if (job->result != 0 || node->stopping) {
        expiry_free(job);
        return;
    }
    incoming_lapse(node, job->now, job->leap); /* here, where peers wait for the answer */
    if (database_submit(node->database, run_expire, expired, job) != 0)
        expiry_free(job);
}

static void on_hour(uv_timer_t *timer) {
    clean_expired(timer->data);
}

void clean_expired(struct clean *clean) {
    struct expiry *job = calloc(1, sizeof *job);
    uv_timer_start(&clean->timer, on_hour, CLEAN_INTERVAL_MS, CLEAN_INTERVAL_MS);
    clean_areas(clean->node);
    if (job == NULL)
        return;
    job->clean = clean;
    job->now = io_wall_s();
    if (collect_busy(job, clean->node) != 0 ||
        database_submit(clean->node->database, run_age, aged, job) != 0)
        expiry_free(job);
}
