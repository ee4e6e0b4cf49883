#include "base/io.h"
#include "base/log.h"
#include "base/weaken.h"
#include "node/session/placing.h"
#include "node/session/receive.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#define PAUSE_MS 3000u   /* for the node to record what was synced before a pause */
#define LEAST_WAIT_MS 5u /* a clock that is due already is not asked again at once */

/* Sends a Placing or Done, and waits until it is recorded. Lock not held. 0, or -ECANCELED where
 * the transfer ended before. */
static int record(void *context, Fxnode__Helper__ToNode *message) {
    struct receive *receive = context;
    struct course *course = &receive->course;
    bool missing = false;

    pthread_mutex_lock(&course->lock);
    receive_send_record(receive, message);
    while (!receive->more && receive->recorded < receive->ticket && !atomic_load(&course->ended))
        course_wait(course, course->version, EXCHANGE_NEVER);
    missing = !receive->more && receive->recorded < receive->ticket;
    pthread_mutex_unlock(&course->lock);
    return missing ? -ECANCELED : 0;
}

/* Lock held, given up meanwhile. */
static int sync_written(struct receive *receive, struct fail *fail) {
    int r = 0;

    pthread_mutex_unlock(&receive->course.lock);
    r = staging_sync_batch(receive->staging, fail);
    pthread_mutex_lock(&receive->course.lock);
    return r;
}

/* Syncs what is written. Lock held, given up meanwhile. */
static void sync_batch(struct receive *receive) {
    const struct rangeset *units = NULL;
    struct fail fail = {0};
    int r = 0;

    if (receiver_sync_begin(receive->receiver, &units) < 0)
        return;
    if (!weakened("sync-after-commit"))
        r = sync_written(receive, &fail);
    if (atomic_load(&receive->course.ended))
        return;
    if (r != 0)
        receive_stop_locked(receive, r, fail.text);
    else if (receiver_synced(receive->receiver, io_now_ms()) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    course_changed(&receive->course);
    if (weakened("sync-after-commit"))
        (void)sync_written(receive, &fail);
}

/* Makes durable what is there, then stops. Lock held. */
static void pause_now(struct receive *receive) {
    struct course *course = &receive->course;
    uint64_t deadline = io_now_ms() + PAUSE_MS;

    sync_batch(receive);
    while (!atomic_load(&course->ended) && receive->commit_ticket != 0 && io_now_ms() < deadline)
        course_wait(course, course->version, deadline);
    course_prepare_end(course, EXCHANGE_STOPPED, "");
    if (receive->pause_tells && !atomic_load(&course->ended) &&
        receiver_stop(receive->receiver, FXNODE__WIRE__STOP__REASON__PAUSED, NULL) == 0)
        receive_act(receive);
    course_end(course, EXCHANGE_STOPPED, "");
}

static void note(void *context, const char *line) {
    struct receive *receive = context;

    uplink_note(receive->course.uplink, line, false);
}

/* A pause makes the thread that places do so itself. */
static bool stopped(void *context) {
    struct receive *receive = context;
    bool stop = false;

    pthread_mutex_lock(&receive->course.lock);
    stop = atomic_load(&receive->course.ended) || receive->pausing;
    pthread_mutex_unlock(&receive->course.lock);
    return stop;
}

/* Where something that was left out is no longer there, nothing is placed: the sender finds the
 * connection lost, comes again at once, and hears anew what is to be sent. */
static int check_skipped(struct receive *receive, struct catalog *catalog, struct fail *fail) {
    int r = receive_skip_holds(receive, catalog, fail);

    if (r != 0)
        return r < 0 ? r : 0;
    pthread_mutex_lock(&receive->course.lock);
    course_end_abruptly(&receive->course, EXCHANGE_LOST);
    pthread_mutex_unlock(&receive->course.lock);
    return fail_set(fail, -ECANCELED, "what was there has changed");
}

/* Content is complete: places it. Lock not held. 0; an outcome or negative. */
static int place(struct receive *receive, struct placing_result *result, struct fail *fail) {
    struct receipt_marks marks;
    struct placing placing = {.staging = receive->staging,
                              .entries = receive->offer->summary.entries,
                              .bytes = receive->offer->summary.bytes,
                              .exists = receive->exists,
                              .begun = receive->begun,
                              .outside_links = receive->job->outside_links,
                              .skipped = receiver_skipped_entries(receive->receiver),
                              .marks = &marks,
                              .keep = receive_keep,
                              .record = record,
                              .note = note,
                              .stopped = stopped,
                              .context = receive};
    struct rangeset failed;
    int r = 0;

    receipt_marks_init(&marks);
    rangeset_init(&failed);
    pthread_mutex_lock(&receive->course.lock);
    r = rangeset_add_all(&failed, receiver_failed_entries(receive->receiver));
    pthread_mutex_unlock(&receive->course.lock);
    if (r == 0)
        r = catalog_new(&placing.catalog, receive->manifest, receiver_index(receive->receiver));
    if (r < 0)
        fail_set(fail, r, "cannot place what was received");
    placing.failed = &failed;
    if (r == 0)
        r = check_skipped(receive, placing.catalog, fail);
    if (r == 0)
        r = placing_run(&placing, result, fail);
    pthread_mutex_lock(&receive->course.lock);
    if (r == 0 && receiver_not_placed(receive->receiver, &failed) < 0)
        r = fail_set(fail, -ENOMEM, "cannot tell what was not placed");
    pthread_mutex_unlock(&receive->course.lock);
    receipt_marks_clear(&marks);
    catalog_free(placing.catalog);
    rangeset_clear(&failed);
    return r;
}

/* Places, and tells the peer that it is delivered. From then on the staging is of no use. */
static void finalize(struct receive *receive) {
    struct placing_result *result = calloc(1, sizeof *result);
    struct fail fail = {0};
    int r = -ENOMEM;

    if (result != NULL)
        r = place(receive, result, &fail);
    else
        fail_set(&fail, r, "cannot place what was received");
    pthread_mutex_lock(&receive->course.lock);
    if (r == -ECANCELED && receive->pausing)
        log_debug("%s", fail.text);
    else if (result == NULL || r != 0)
        receive_stop_locked(receive, r, fail.text);
    else if (!atomic_load(&receive->course.ended) &&
             receiver_placed(receive->receiver, result->names, result->count, result->lacking,
                             result->exact) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    pthread_mutex_unlock(&receive->course.lock);
    free(result);
    if (r == 0)
        receive_clean(receive);
}

static uint64_t next_look(struct receive *receive) {
    uint64_t least = io_now_ms() + LEAST_WAIT_MS;
    uint64_t deadline = receiver_deadline(receive->receiver);

    return deadline < least ? least : deadline;
}

void *receive_sync(void *arg) {
    struct receive *receive = arg;
    struct course *course = &receive->course;

    pthread_mutex_lock(&course->lock);
    while (!atomic_load(&course->ended)) {
        if (receive->finalize) {
            receive->finalize = false;
            pthread_mutex_unlock(&course->lock);
            finalize(receive);
            pthread_mutex_lock(&course->lock);
        } else if (receive->pausing) {
            pause_now(receive);
        } else if (receiver_sync_due(receive->receiver, io_now_ms())) {
            sync_batch(receive);
        } else {
            course_wait(course, course->version, next_look(receive));
        }
    }
    pthread_mutex_unlock(&course->lock);
    return NULL;
}

/* What is held from before and is not what its hash says, is sent again. */
static void held_is_bad(struct receive *receive, uint32_t entry, uint64_t unit) {
    pthread_mutex_lock(&receive->course.lock);
    if (!atomic_load(&receive->course.ended) &&
        !rangeset_contains(receiver_failed_entries(receive->receiver), entry, 1)) {
        if (receiver_held_bad(receive->receiver, entry, unit, 1) < 0)
            receive_out_of_step(receive);
        receive_act(receive);
    }
    pthread_mutex_unlock(&receive->course.lock);
}

static int verify_range(struct receive *receive, struct stage_writer *writer,
                        struct catalog *catalog, const struct range *range, void *room,
                        struct fail *fail) {
    for (uint64_t unit = range->first; unit < range->first + range->count; unit++) {
        const struct manifest_item *item = NULL;
        int r = 0;

        if (atomic_load(&receive->course.ended))
            return 0;
        r = catalog_by_unit(catalog, unit, &item, fail);
        if (r != 0)
            return -EBADMSG;
        r = stage_writer_verify(writer, &item->entry, unit - item->first_unit, unit, room, fail);
        if (r == STAGING_DIFFERS)
            held_is_bad(receive, item->number, unit);
        else if (r != 0)
            return r;
    }
    return 0;
}

static int verify_all(struct receive *receive, struct fail *fail) {
    const struct rangeset *held = &receive->job->extents;
    struct stage_writer *writer = NULL;
    struct catalog *catalog = NULL;
    void *room = malloc(LIMIT_CHUNK);
    int r = room == NULL ? -ENOMEM : stage_writer_open(&writer, receive->staging);

    if (r == 0)
        r = catalog_new(&catalog, receive->manifest, receiver_index(receive->receiver));
    if (r < 0)
        fail_set(fail, r, "cannot read what is held again");
    for (size_t i = 0; i < held->length && r == 0; i++)
        r = verify_range(receive, writer, catalog, &held->ranges[i], room, fail);
    catalog_free(catalog);
    stage_writer_close(writer);
    free(room);
    return r;
}

/* Waits until it is known what is held. False where that is nothing, or at the end. */
static bool wait_prepared(struct receive *receive) {
    struct course *course = &receive->course;
    bool any = false;

    pthread_mutex_lock(&course->lock);
    while (!receive->prepared && !atomic_load(&course->ended))
        course_wait(course, course->version, EXCHANGE_NEVER);
    any = receive->prepared && receive->job->extents.length > 0;
    pthread_mutex_unlock(&course->lock);
    return any;
}

void *receive_verify(void *arg) {
    struct receive *receive = arg;
    struct fail fail = {0};
    int r = 0;

    if (!wait_prepared(receive))
        return NULL;
    /* New data goes first; where that cannot be said, both are equal. */
    (void)setpriority(PRIO_PROCESS, 0, 10); /* 0: of this thread */
    r = verify_all(receive, &fail);
    pthread_mutex_lock(&receive->course.lock);
    if (r != 0)
        receive_stop_locked(receive, r, fail.text);
    else if (!atomic_load(&receive->course.ended) && receiver_held_verified(receive->receiver) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    pthread_mutex_unlock(&receive->course.lock);
    return NULL;
}
