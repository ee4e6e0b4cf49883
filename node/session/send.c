#include "node/session/send.h"

#include "base/crash.h"
#include "base/io.h"
#include "node/session/confine.h"
#include "node/session/tally.h"
#include "proto/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* The main thread. */
struct main {
    struct send *send;
    struct tally tally;
    pthread_t confirm;
    bool confirming;
};

/* What the peer's node says to its user about it is not heard here. */
static void note_lacking(struct send *send, const Fxnode__Wire__Delivered *delivered) {
    uint32_t lacking = delivered != NULL ? delivered->lacking : 0;
    struct fail note = {0};

    if (lacking == 0)
        return;
    fail_set(&note, 0,
             lacking == 1
                 ? "%u file or directory arrived without some of its extended attributes: the file "
                   "system there does not take them"
                 : "%u files and directories arrived without some of their extended attributes: "
                   "the file system there does not take them",
             lacking);
    uplink_note(send->course.uplink, note.text, false);
}

static void report_asked(struct send *send) {
    Fxnode__Helper__Asked body = FXNODE__HELPER__ASKED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    message.body_case = FXNODE__HELPER__TO_NODE__BODY_ASKED;
    message.asked = &body;
    uplink_send(send->course.uplink, &message);
}

static void agree_on_links(struct send *send, bool kept) {
    struct fail fail = {0};
    int r = send_links_agree(send, kept);

    if (r < 0) {
        send_own_failed(send, r, &fail);
        course_end(&send->course, send_outcome(r), fail.text);
        return;
    }
    crash_point("accepted");
}

/* To the one who sends it is all the same why something was not delivered. */
static void record_delivery(struct send *send, const Fxnode__Wire__Delivered *delivered) {
    uint32_t entries = manifest_checker_summary(send->checker)->entries;
    Fxnode__Helper__Delivered body = FXNODE__HELPER__DELIVERED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;
    uint32_t left_out = 0;

    /* It is delivered: the next attempt is told so again, and reads what is missing here. */
    if (send_links_name(send, &left_out) < 0) {
        course_end(&send->course, EXCHANGE_LOST, "the stored list of files cannot be read");
        return;
    }
    if (send_keep_tell(send, delivered) < 0) {
        course_end(&send->course, EXCHANGE_LOST, "what was noted of the files cannot be read");
        return;
    }
    body.ticket = 1;
    if (delivered != NULL) {
        body.failed = delivered->failed;
        body.n_names = delivered->n_names;
        body.names = delivered->names;
    }
    body.failed = left_out < entries - body.failed ? body.failed + left_out : entries;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_DELIVERED;
    message.delivered = &body;
    send->recording = true;
    uplink_send(send->course.uplink, &message);
}

static void rewind_to(struct send *send, uint64_t unit) {
    const struct manifest_item *item = NULL;
    struct fail fail = {0};
    int r = catalog_by_unit(send->lookup, unit, &item, &fail);

    if (r != 0) {
        send_stop_locked(send, r, fail.text);
        return;
    }
    r = sender_rewind(send->sender, item->number);
    if (r < 0)
        send_out_of_step(send, r);
}

void send_act(struct send *send) {
    struct sender_action action;

    while (!atomic_load(&send->course.ended) && sender_next(send->sender, &action)) {
        switch (action.kind) {
        case SENDER_SEND:
            course_queue(&send->course, action.message, action.length);
            break;
        case SENDER_STREAM_MANIFEST:
            send->streaming = send->begins = true;
            break;
        case SENDER_ASKED:
            report_asked(send);
            break;
        case SENDER_ACCEPTED:
            agree_on_links(send, action.outside_links);
            break;
        case SENDER_OPEN_LANES:
            send->lanes = action.lanes;
            break;
        case SENDER_START:
            send->started = true;
            send_inherit_tell(send, action.held, action.skipped);
            break;
        case SENDER_REWIND:
            rewind_to(send, action.unit);
            break;
        case SENDER_DELIVERED:
            note_lacking(send, action.delivered);
            record_delivery(send, action.delivered);
            break;
        case SENDER_END:
            course_end(&send->course, action.end->outcome, action.end->text);
            break;
        default:
            break;
        }
        course_changed(&send->course);
        course_wake(&send->course);
    }
}

void send_entry_failed(struct send *send, const struct manifest_item *item,
                       enum source_outcome outcome, const struct fail *fail) {
    static const struct {
        Fxnode__Wire__Failed__Reason reason;
        const char *text;
    } reasons[] = {
        [SOURCE_CHANGED] = {FXNODE__WIRE__FAILED__REASON__CHANGED, "changed while it was sent"},
        [SOURCE_VANISHED] = {FXNODE__WIRE__FAILED__REASON__VANISHED, "is no longer there"},
        [SOURCE_UNREADABLE] = {FXNODE__WIRE__FAILED__REASON__UNREADABLE, "could not be read"},
    };
    struct sender_failure failure = {.entry = item->number,
                                     .first_unit = item->first_unit,
                                     .units = entry_units(item->entry.type, item->entry.size),
                                     .reason = reasons[outcome].reason,
                                     .text = reasons[outcome].text};
    bool first = false;
    int r = 0;

    if (send_away_stops(send, &item->entry))
        return;
    pthread_mutex_lock(&send->course.lock);
    first = !rangeset_contains(&send->failed, item->number, 1);
    if (first)
        r = rangeset_add(&send->failed, item->number, 1);
    if (first && r == 0)
        r = sender_failed(send->sender, &failure);
    if (r < 0)
        send_out_of_step(send, r);
    send_act(send);
    pthread_mutex_unlock(&send->course.lock);
    if (first)
        uplink_note_entry(send->course.uplink, fail->text, true, item->entry.path,
                          item->entry.path_length);
}

/* What is open before anything is given up. */
static int open_files(struct send *send, struct fail *fail) {
    const struct job *job = send->job;
    int r = 0;

    send->work = open(job->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (send->work >= 0)
        send->manifest = openat(send->work, "manifest", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (send->manifest >= 0)
        send->stat = openat(send->work, "stat", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (send->stat < 0)
        return fail_set(fail, -errno, "the stored list of files cannot be opened; send it again");
    r = hashes_open(&send->hashes, send->work, "hashes");
    if (r < 0)
        return send_own_failed(send, r, fail);
    r = catalog_check(&send->checker, send->manifest, &job->manifest, fail);
    if (r != 0)
        return r;
    send->index = manifest_checker_index(send->checker);
    r = send_links_load(send);
    if (r < 0)
        return fail_set(fail, r, "cannot read the directory of this transfer");
    r = items_new(&send->items, (const char *const *)job->paths, job->path_count, fail);
    if (r == 0 && disks_new(&send->disks, send->items) < 0)
        r = fail_set(fail, -ENOMEM, "cannot begin the transfer");
    return r;
}

/* How much of what is sent needs no room at the peer. It is an estimate: holes are never more than
 * everything. */
static int count_holes(struct send *send, uint64_t *holes) {
    const struct manifest_summary *summary = manifest_checker_summary(send->checker);
    struct stamps *stamps = NULL;
    int r = stamps_new(&stamps, send->stat);

    if (r == 0)
        r = stamps_holes(stamps, summary->entries, holes);
    if (*holes > summary->bytes)
        *holes = summary->bytes;
    stamps_free(stamps);
    return r;
}

static int make_machine(struct send *send, struct fail *fail) {
    struct sender_config config = {.summary = manifest_checker_summary(send->checker),
                                   .lanes = send->job->lanes > 0 ? send->job->lanes : 1};
    int r = count_holes(send, &config.holes);

    memcpy(config.transfer_id, send->job->transfer_id, sizeof config.transfer_id);
    config.lineage = send->job->lineage;
    if (r == 0)
        r = sender_new(&send->sender, &config);
    if (r == 0)
        r = catalog_new(&send->lookup, send->manifest, send->index);
    return r < 0 ? fail_set(fail, r, "cannot begin the transfer") : 0;
}

/* Read-only what is sent, and its own directory; an item that is not there any more fails later, by
 * name. */
static int confine(struct send *send, struct fail *fail) {
    size_t count = items_count(send->items);
    struct confine_rule *rules = calloc(count + 1, sizeof *rules);
    size_t used = 0;
    int r = rules == NULL ? -ENOMEM : 0;

    if (rules == NULL)
        goto out;
    rules[used++] = (struct confine_rule){.fd = send->work, .right = CONFINE_OWN};
    for (size_t i = 0; i < count; i++)
        rules[used++] =
            (struct confine_rule){.path = items_get(send->items, i).path, .right = CONFINE_READ};
    r = confine_files(rules, used);
    if (r == 0)
        r = confine_calls();
out:
    free(rules);
    return r < 0 ? fail_set(fail, r, "cannot confine the session") : 0;
}

static int set_up(struct send *send, struct main *main, struct fail *fail) {
    uint64_t bytes = 0;
    int r = open_files(send, fail);

    if (r == 0)
        r = make_machine(send, fail);
    if (r == 0)
        r = send_away_look(send, fail);
    if (r == 0)
        send_inherit(send);
    if (r == 0)
        r = catalog_new(&main->tally.catalog, send->manifest, send->index);
    /* The first count reads the whole manifest: before it matters how long that takes. */
    if (r == 0)
        r = catalog_bytes(main->tally.catalog, &main->tally.durable, &bytes, fail);
    return r == 0 ? confine(send, fail) : r;
}

static void committed(struct send *send) {
    pthread_mutex_lock(&send->course.lock);
    if (send->recording) {
        int r = sender_recorded(send->sender);

        send->recording = false;
        if (r < 0)
            send_out_of_step(send, r);
        send_act(send);
    }
    pthread_mutex_unlock(&send->course.lock);
}

/* The node wants it to stop: the peer is told, unless it should simply come back later. */
static void stop(struct send *send, Fxnode__Helper__Stop__Reason reason) {
    pthread_mutex_lock(&send->course.lock);
    course_prepare_end(&send->course, EXCHANGE_STOPPED, "");
    if (reason == FXNODE__HELPER__STOP__REASON__PAUSE)
        sender_stop(send->sender, FXNODE__WIRE__STOP__REASON__PAUSED, NULL);
    else if (reason == FXNODE__HELPER__STOP__REASON__CANCEL)
        sender_stop(send->sender, FXNODE__WIRE__STOP__REASON__CANCELLED, NULL);
    else if (reason == FXNODE__HELPER__STOP__REASON__REPLACED)
        course_end_abruptly(&send->course, EXCHANGE_STOPPED);
    send_act(send);
    course_end(&send->course, EXCHANGE_STOPPED, "");
    pthread_mutex_unlock(&send->course.lock);
}

static void take_message(void *context, struct uplink_message *message) {
    struct send *send = context;

    switch (message->body->body_case) {
    case FXNODE__HELPER__TO_SESSION__BODY_CONNECTION:
        send_connect(send, message);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_NO_LANE:
        send_lanes_came(send, message->body->no_lane->lane, false);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_COMMITTED:
        committed(send);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_STOP:
        stop(send, message->body->stop->reason);
        break;
    default:
        break;
    }
}

static void tell_progress(struct main *main, uint64_t now_ms) {
    struct send *send = main->send;
    bool taken = false;

    if (!tally_is_due(&main->tally, now_ms))
        return;
    pthread_mutex_lock(&send->course.lock);
    taken = send->started && tally_take(&main->tally, sender_durable(send->sender), now_ms);
    pthread_mutex_unlock(&send->course.lock);
    if (taken)
        tally_tell(&main->tally);
}

/* When the main thread has to look again at the latest. */
static uint64_t next_deadline(struct main *main) {
    struct send *send = main->send;
    uint64_t deadline = 0;

    pthread_mutex_lock(&send->course.lock);
    deadline = sender_deadline(send->sender);
    if (send->started && deadline > main->tally.told_ms + TALLY_MS)
        deadline = main->tally.told_ms + TALLY_MS;
    pthread_mutex_unlock(&send->course.lock);
    return deadline;
}

static void tick(struct send *send, uint64_t now_ms) {
    pthread_mutex_lock(&send->course.lock);
    if (send->course.lanes[0].connection != NULL) {
        sender_tick(send->sender, now_ms);
        send_act(send);
    }
    pthread_mutex_unlock(&send->course.lock);
}

static void main_loop(struct main *main) {
    struct send *send = main->send;

    main->confirming = pthread_create(&main->confirm, NULL, send_confirm, send) == 0;
    if (!main->confirming)
        send_stop(send, -EAGAIN, "cannot start a thread");
    while (!atomic_load(&send->course.ended)) {
        if (course_poll(&send->course, next_deadline(main)))
            course_take_messages(&send->course, take_message, send);
        tick(send, io_now_ms());
        send_lanes_tend(send, io_now_ms());
        tell_progress(main, io_now_ms());
    }
    course_close(&send->course);
    if (main->confirming)
        pthread_join(main->confirm, NULL);
}

static void clear(struct send *send) {
    course_clear(&send->course);
    sender_free(send->sender);
    catalog_free(send->lookup);
    manifest_checker_free(send->checker);
    disks_free(send->disks);
    items_free(send->items);
    hashes_close(send->hashes);
    send_frames_destroy(&send->frames);
    pace_destroy(&send->pace);
    rangeset_clear(&send->failed);
    io_close(&send->stat);
    io_close(&send->manifest);
    io_close(&send->work);
}

static uplink_outcome not_begun(int error) {
    switch (send_outcome(error)) {
    case EXCHANGE_NO_SPACE:
        return UPLINK_ENDED(NO_SPACE);
    case EXCHANGE_LOST:
        return UPLINK_ENDED(LOST);
    default:
        return UPLINK_ENDED(FAILED);
    }
}

void job_send(struct job *job, struct uplink *uplink) {
    struct send send = {.job = job, .work = -1, .manifest = -1, .stat = -1};
    struct main main = {.send = &send};
    struct fail fail = {0};
    int r = 0;

    rangeset_init(&send.failed);
    tally_init(&main.tally, &send.course);
    pace_init(&send.pace, job->rate);
    send_frames_init(&send.frames, &send.pace, &send.course.ended);
    if (course_init(&send.course, uplink) < 0)
        uplink_ended(uplink, UPLINK_ENDED(FAILED), "out of memory");
    else if ((r = set_up(&send, &main, &fail)) != 0)
        uplink_ended(uplink, not_begun(r), fail.text);
    else
        main_loop(&main);
    course_report(&send.course);
    tally_clear(&main.tally);
    clear(&send);
}
