#include "node/session/receive.h"

#include "base/crash.h"
#include "base/io.h"
#include "base/log.h"
#include "base/weaken.h"
#include "files/clean.h"
#include "node/session/confine.h"
#include "node/session/receive_inherit.h"
#include "node/session/tally.h"
#include "proto/wire.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#define OFFER_KNOWN_MS 30000u /* for an offer to come */
#define OFFER_STRANGER_MS 10000u

/* The main thread. */
struct main {
    struct receive *receive;
    struct tally tally;
    pthread_t sync;
    pthread_t verify;
    bool syncing;
    bool verifying;
};

/* The node wants it to stop. Lock held. */
static void halt(struct receive *receive, Fxnode__Helper__Stop__Reason reason) {
    if (reason == FXNODE__HELPER__STOP__REASON__REPLACED) {
        course_end_abruptly(&receive->course, EXCHANGE_STOPPED);
    } else if (reason == FXNODE__HELPER__STOP__REASON__CANCEL) {
        course_prepare_end(&receive->course, EXCHANGE_STOPPED, "");
        receiver_stop(receive->receiver, FXNODE__WIRE__STOP__REASON__CANCELLED, NULL);
        receive_act(receive);
        course_end(&receive->course, EXCHANGE_STOPPED, "");
    } else {
        receive->pausing = true;
        receive->pause_tells = reason == FXNODE__HELPER__STOP__REASON__PAUSE;
    }
    course_changed(&receive->course);
}

void receive_halt_alone(struct receive *receive, Fxnode__Helper__Stop__Reason reason) {
    halt(receive, reason);
    if (!receive->pausing)
        return;
    course_prepare_end(&receive->course, EXCHANGE_STOPPED, "");
    if (receive->pause_tells) {
        receiver_stop(receive->receiver, FXNODE__WIRE__STOP__REASON__PAUSED, NULL);
        receive_act(receive);
    }
    course_end(&receive->course, EXCHANGE_STOPPED, "");
}

void receive_recorded(struct receive *receive, uint64_t ticket) {
    if (ticket > receive->recorded)
        receive->recorded = ticket;
    if (receive->commit_ticket != 0 && receive->recorded >= receive->commit_ticket) {
        receive->commit_ticket = 0;
        crash_point("extents-committed");
        if (!atomic_load(&receive->course.ended) &&
            receiver_committed(receive->receiver, io_now_ms()) < 0)
            receive_out_of_step(receive);
        receive_act(receive);
    }
    course_changed(&receive->course);
}

/* A number that no lane has; 0 where all are in use. Main thread. */
static uint32_t free_number(struct course *course) {
    for (uint32_t i = 1; i < LIMIT_LANES; i++)
        if (course->lanes[i].connection == NULL)
            return i;
    return 0;
}

/* For how long nothing has come in, in milliseconds. */
static uint32_t silence_of(const struct connection *connection) {
    struct tcp_info info = {0};
    socklen_t length = sizeof info;

    return getsockopt(connection_fd(connection), IPPROTO_TCP, TCP_INFO, &info, &length) == 0
               ? info.tcpi_last_data_recv
               : 0;
}

/* The sender has no more lanes than were agreed upon: where there is one more here it has given one
 * of them up. That may be told wrong, and then the sender sees one lost and replaces it. Lock held.
 */
static void close_superfluous(struct receive *receive) {
    struct lane *longest = NULL;
    uint32_t silent = 0;
    uint32_t count = 1;

    for (uint32_t i = 1; i < LIMIT_LANES; i++) {
        struct lane *lane = &receive->course.lanes[i];

        if (lane->connection == NULL || lane->lost)
            continue;
        count++;
        if (longest == NULL || silence_of(lane->connection) > silent) {
            longest = lane;
            silent = silence_of(lane->connection);
        }
    }
    if (count < receiver_lanes(receive->receiver) || longest == NULL)
        return;
    log_debug("lane %u makes room for a newer one", longest->number);
    connection_shut(longest->connection);
}

/* One more lane; what comes too late, or where one is enough, is closed. Lock held, given up
 * meanwhile. */
static void add_lane(struct receive *receive, struct uplink_message *message) {
    uint32_t number = free_number(&receive->course);
    struct connection *connection = NULL;

    if (receiver_lanes(receive->receiver) == 1)
        return;
    close_superfluous(receive);
    if (number == 0)
        return;
    connection = course_connect(&receive->course, message, WIRE_MESSAGE_MAX, STREAM_BODY_MAX);
    if (connection == NULL)
        return;
    if (atomic_load(&receive->course.ended) ||
        receiver_lane_opened(receive->receiver, number) < 0) {
        connection_free(connection);
        return;
    }
    receive_act(receive);
    pthread_mutex_unlock(&receive->course.lock);
    if (course_open_lane(&receive->course, number, connection, receive_read, NULL) < 0)
        receive_stop(receive, -EAGAIN, "cannot start a thread");
    pthread_mutex_lock(&receive->course.lock);
}

/* Lanes whose threads have ended make room for others. */
static void reap(struct receive *receive) {
    for (uint32_t i = 1; i < LIMIT_LANES; i++)
        if (course_reap(&receive->course, i))
            log_debug("lane %u is lost", i);
}

static void take_message(void *context, struct uplink_message *message) {
    struct receive *receive = context;

    pthread_mutex_lock(&receive->course.lock);
    switch (message->body->body_case) {
    case FXNODE__HELPER__TO_SESSION__BODY_CONNECTION:
        add_lane(receive, message);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_COMMITTED:
        receive_recorded(receive, message->body->committed->ticket);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_STOP:
        halt(receive, message->body->stop->reason);
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&receive->course.lock);
}

/* What exists can go only where it may have to. */
static enum confine_right place_right(bool replaces) {
    return replaces ? CONFINE_REPLACE : CONFINE_PLACE;
}

/* The second layer: from now on only what this transfer needs. */
static int confine_more(struct receive *receive) {
    bool replaces = receive->exists == FXNODE__HELPER__EXISTS__EXISTS_OVERWRITE;
    struct confine_rule rules[3];
    size_t count = 0;

    if (receive->staging != NULL && !receive->cleaned) {
        rules[count++] =
            (struct confine_rule){.fd = staging_fd(receive->staging), .right = CONFINE_OWN};
        rules[count++] = (struct confine_rule){.fd = destination_fd(receive->destination),
                                               .right = place_right(replaces)};
    }
    if (receive->old != NULL)
        rules[count++] =
            (struct confine_rule){.fd = receive_inherit_fd(receive), .right = CONFINE_OWN};
    return confine_files(rules, count);
}

static void start_threads(struct main *main) {
    struct receive *receive = main->receive;
    struct connection *connection = receive->course.lanes[0].connection;
    bool work = receive->staging != NULL && !receive->cleaned;
    bool held = work && (receive->old != NULL || receive->job->extents.length > 0);
    struct timeval patience = {0};
    int r = 0;

    setsockopt(connection_fd(connection), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    r = course_open_lane(&receive->course, 0, connection, receive_read, receive_write);

    if (r == 0 && work) {
        r = -pthread_create(&main->sync, NULL, receive_sync, receive);
        main->syncing = r == 0;
    }
    if (r == 0 && held) {
        r = -pthread_create(&main->verify, NULL, receive_verify, receive);
        main->verifying = r == 0;
    }
    if (r < 0)
        receive_stop(receive, r, "cannot start a thread");
}

/* Progress needs the manifest, and the first count reads all of it. */
static bool can_tell(struct main *main) {
    struct receive *receive = main->receive;
    const struct manifest_index *index = NULL;

    if (main->tally.catalog != NULL)
        return true;
    pthread_mutex_lock(&receive->course.lock);
    index = receive->commit_ticket != 0 || receive->recorded > 0 ? receiver_index(receive->receiver)
                                                                 : NULL;
    pthread_mutex_unlock(&receive->course.lock);
    return index != NULL && catalog_new(&main->tally.catalog, receive->manifest, index) == 0;
}

static void tell_progress(struct main *main, uint64_t now_ms) {
    struct receive *receive = main->receive;
    bool taken = false;

    if (!tally_is_due(&main->tally, now_ms) || !can_tell(main))
        return;
    pthread_mutex_lock(&receive->course.lock);
    taken = tally_take(&main->tally, receiver_durable(receive->receiver), now_ms);
    pthread_mutex_unlock(&receive->course.lock);
    if (taken)
        tally_tell(&main->tally);
}

static uint64_t next_deadline(struct main *main) {
    struct receive *receive = main->receive;
    uint64_t now = io_now_ms();
    uint64_t deadline = 0;

    pthread_mutex_lock(&receive->course.lock);
    deadline = receiver_deadline(receive->receiver);
    pthread_mutex_unlock(&receive->course.lock);
    /* A sync that is due is the other thread's business. */
    if (deadline < now + TALLY_MS)
        deadline = now + TALLY_MS;
    return deadline;
}

static void tick(struct receive *receive) {
    pthread_mutex_lock(&receive->course.lock);
    if (!atomic_load(&receive->course.ended)) {
        receiver_tick(receive->receiver, io_now_ms());
        receive_act(receive);
    }
    pthread_mutex_unlock(&receive->course.lock);
}

static void main_loop(struct main *main) {
    struct receive *receive = main->receive;

    while (!atomic_load(&receive->course.ended)) {
        if (course_poll(&receive->course, next_deadline(main)))
            course_take_messages(&receive->course, take_message, receive);
        reap(receive);
        tick(receive);
        tell_progress(main, io_now_ms());
    }
    course_close(&receive->course);
    if (main->syncing)
        pthread_join(main->sync, NULL);
    if (main->verifying)
        pthread_join(main->verify, NULL);
}

/* A destination that cannot be opened is no reason to leave the peer without an answer: it gets one
 * when it has made its offer, and until then nothing is needed from the disk. */
static int set_up(struct receive *receive, struct fail *fail) {
    const struct job *job = receive->job;
    struct receiver_config config = {.lanes = job->lanes > 0 ? job->lanes : 1,
                                     .batch_bytes =
                                         job->batch_bytes * (weakened("larger-batch") ? 3 : 1),
                                     .batch_ms = job->batch_ms,
                                     .offer_ms = job->known ? OFFER_KNOWN_MS : OFFER_STRANGER_MS};
    struct confine_rule rules[2];
    size_t count = 0;
    int r = 0;

    if (destination_open(&receive->destination, job->destination, job->directory,
                         &receive->obstacle) == 0) {
        rules[count++] = (struct confine_rule){.fd = destination_area_fd(receive->destination),
                                               .right = CONFINE_OWN};
        rules[count++] = (struct confine_rule){.fd = destination_fd(receive->destination),
                                               .right = place_right(job->replaces)};
    }
    r = receiver_new(&receive->receiver, &config);
    if (r < 0)
        return fail_set(fail, r, "cannot prepare to receive");
    r = confine_files(rules, count);
    if (r == 0)
        r = confine_calls();
    return r < 0 ? fail_set(fail, r, "cannot confine the session") : 0;
}

/* Where nothing is received the area is let go before the right to remove it is given up: whoever
 * else tidies up there meanwhile could not remove it, and this session at its end neither. */
static void leave_destination(struct receive *receive) {
    staging_close(receive->staging);
    destination_close(receive->destination);
    receive->staging = NULL;
    receive->destination = NULL;
}

static void run(struct main *main) {
    struct receive *receive = main->receive;

    receive_greet(receive);
    if (receive->staging == NULL || receive->cleaned)
        leave_destination(receive);
    if (!atomic_load(&receive->course.ended) && confine_more(receive) < 0)
        receive_stop_locked(receive, -ENOSYS, "cannot confine the session");
    if (atomic_load(&receive->course.ended)) {
        receive_part(receive);
    } else {
        start_threads(main);
        main_loop(main);
    }
}

static void clear(struct receive *receive) {
    course_clear(&receive->course);
    receiver_free(receive->receiver);
    receive_inherit_close(receive);
    io_close(&receive->manifest);
    staging_close(receive->staging);
    destination_close(receive->destination);
}

void receive_clean(struct receive *receive) {
    receive->cleaned = true;
    if (clean_staging(receive->staging, &receive->litter) == 0)
        receive->litter.text[0] = '\0';
}

/* After COMPLETE the node takes the staging for removed; after anything else it tries again. */
static void report(const struct receive *receive) {
    if (receive->litter.text[0] == '\0')
        course_report(&receive->course);
    else if (!receive->course.node_gone)
        uplink_ended(receive->course.uplink, UPLINK_ENDED(FAILED), receive->litter.text);
}

void job_receive(struct job *job, struct uplink *uplink) {
    struct receive receive = {.job = job, .manifest = -1};
    struct main main = {.receive = &receive};
    struct fail fail = {0};

    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        receive.busy[i] = RECEIVE_IDLE;
    tally_init(&main.tally, &receive.course);
    if (course_init(&receive.course, uplink) < 0)
        uplink_ended(uplink, UPLINK_ENDED(FAILED), "out of memory");
    else if (set_up(&receive, &fail) != 0)
        uplink_ended(uplink, UPLINK_ENDED(FAILED), fail.text);
    else
        run(&main);
    tally_clear(&main.tally);
    report(&receive);
    clear(&receive);
}
