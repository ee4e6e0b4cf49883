#include "node/session/receive.h"

#include "base/crash.h"
#include "base/io.h"
#include "base/log.h"
#include "files/clean.h"
#include "node/session/confine.h"
#include "node/session/receive_admit.h"
#include "proto/record.h"
#include "proto/wire.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define OFFER_KNOWN_MS 30000u /* for an offer to come */
#define OFFER_STRANGER_MS 10000u
#define GREET_SEND_S 5 /* for what little is sent before there are threads */
#define GREET_FRAMES 8 /* that are heard before node and clock are looked at again */
#define LAST_WORDS_MS 2000u
#define PROGRESS_MS 250u
#define PROGRESS_RANGES 1024u /* more than that are not worth counting for a line of progress */

/* The main thread. */
struct main {
    struct receive *receive;
    struct catalog *catalog; /* for progress, once there is a manifest */
    struct rangeset durable; /* a copy */
    uint64_t told_ms;
    pthread_t sync;
    pthread_t verify;
    bool syncing;
    bool verifying;
    bool node_gone;
    bool cancelled;
};

/* The node wants it to stop. Lock held. */
static void stop(struct main *main, Fxnode__Helper__Stop__Reason reason) {
    struct receive *receive = main->receive;

    if (reason == FXNODE__HELPER__STOP__REASON__REPLACED) {
        course_end_abruptly(&receive->course, EXCHANGE_STOPPED);
    } else if (reason == FXNODE__HELPER__STOP__REASON__CANCEL) {
        main->cancelled = true;
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

/* The same before there is anything to be made durable. */
static void stop_alone(struct main *main, Fxnode__Helper__Stop__Reason reason) {
    struct receive *receive = main->receive;

    stop(main, reason);
    if (!receive->pausing)
        return;
    course_prepare_end(&receive->course, EXCHANGE_STOPPED, "");
    if (receive->pause_tells) {
        receiver_stop(receive->receiver, FXNODE__WIRE__STOP__REASON__PAUSED, NULL);
        receive_act(receive);
    }
    course_end(&receive->course, EXCHANGE_STOPPED, "");
}

/* The newest change that was asked for is durable. Lock held. */
static void committed(struct receive *receive, uint64_t ticket) {
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

static struct connection *make_connection(struct main *main, struct uplink_message *message) {
    const Fxnode__Helper__Connection *from = message->body->connection;
    struct connection *connection = NULL;
    struct connection_setup setup = {.fd = message->fd,
                                     .send_key = from->send_key.data,
                                     .receive_key = from->receive_key.data,
                                     .send_max = WIRE_MESSAGE_MAX,
                                     .receive_max = STREAM_BODY_MAX};

    message->fd = -1;
    if (connection_new(&connection, &setup) < 0)
        connection = NULL;
    uplink_wipe(main->receive->course.uplink);
    return connection;
}

/* One more lane; what comes too late or twice is closed. Lock held, given up meanwhile. */
static void add_lane(struct main *main, struct uplink_message *message) {
    struct receive *receive = main->receive;
    uint32_t number = message->body->connection->lane;
    struct connection *connection = NULL;

    if (number >= LIMIT_LANES || receive->course.lanes[number].connection != NULL)
        return;
    connection = make_connection(main, message);
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

static void take_message(struct main *main, struct uplink_message *message) {
    struct receive *receive = main->receive;

    pthread_mutex_lock(&receive->course.lock);
    switch (message->body->body_case) {
    case FXNODE__HELPER__TO_SESSION__BODY_CONNECTION:
        add_lane(main, message);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_COMMITTED:
        committed(receive, message->body->committed->ticket);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_STOP:
        stop(main, message->body->stop->reason);
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&receive->course.lock);
}

/* Before the verdict: one thread. */
static void take_message_alone(struct main *main, struct uplink_message *message) {
    struct receive *receive = main->receive;
    struct lane *lane = &receive->course.lanes[0];

    switch (message->body->body_case) {
    case FXNODE__HELPER__TO_SESSION__BODY_CONNECTION:
        if (message->body->connection->lane == 0 && lane->connection == NULL)
            lane->connection = make_connection(main, message);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_ADMIT:
        receive_admit(receive, message->body->admit);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_COMMITTED:
        committed(receive, message->body->committed->ticket);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_STOP:
        stop_alone(main, message->body->stop->reason);
        break;
    default:
        if (job_add(receive->job, message->body) < 0)
            receive_stop_locked(receive, -ENOMEM, "out of memory");
    }
}

/* Takes what the node said. `take` gets each message. */
static void take_messages(struct main *main, void (*take)(struct main *, struct uplink_message *)) {
    struct course *course = &main->receive->course;
    struct uplink_message *message = NULL;
    int r = 0;

    while ((r = uplink_receive(course->uplink, &message, MSG_DONTWAIT)) == 1)
        take(main, message);
    if (r == -EAGAIN)
        return;
    main->node_gone = true;
    pthread_mutex_lock(&course->lock);
    course_end_abruptly(course, EXCHANGE_LOST);
    pthread_mutex_unlock(&course->lock);
}

static void hear_frame(struct receive *receive, const struct stream_frame *frame) {
    if (frame->type == STREAM_DATA)
        receiver_violation(receive->receiver, 0, "data came before it was agreed upon");
    else if (receiver_control(receive->receiver, io_now_ms(), frame->body, frame->length) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
}

/* What the peer said before the verdict: control only, and no word too much is waited for. */
static void hear_peer(struct main *main) {
    struct receive *receive = main->receive;
    struct stream_frame frame;
    int r = 0;

    for (int i = 0; i < GREET_FRAMES && r == 0 && !receive->admitted; i++) {
        r = connection_receive(receive->course.lanes[0].connection, &frame, MSG_DONTWAIT);
        if (r == 0)
            hear_frame(receive, &frame);
        if (atomic_load(&receive->course.ended))
            return;
    }
    if (r == CONNECTION_REFUSED)
        receiver_violation(receive->receiver, 0, "a message is damaged");
    else if (r != 0 && r != -EAGAIN)
        receiver_lane_lost(receive->receiver, 0);
    receive_act(receive);
}

static void say_to_peer(struct main *main) {
    struct receive *receive = main->receive;
    int r = 0;

    while (r == 0 && !outbox_is_empty(&receive->course.outbox))
        r = course_send_control(&receive->course.lanes[0]);
    if (r < 0) {
        receiver_lane_lost(receive->receiver, 0);
        receive_act(receive);
    }
}

/* Waits for the node or the peer until the next deadline, and listens. */
static void greet_once(struct main *main) {
    struct receive *receive = main->receive;
    struct pollfd fds[] = {
        {.fd = uplink_fd(receive->course.uplink), .events = POLLIN},
        {.fd = connection_fd(receive->course.lanes[0].connection), .events = POLLIN}};
    uint64_t deadline = receiver_deadline(receive->receiver);
    uint64_t now = io_now_ms();
    uint64_t wait = deadline <= now ? 0 : deadline - now;

    (void)poll(fds, 2, wait > 60000 ? 60000 : (int)wait);
    if (fds[0].revents != 0)
        take_messages(main, take_message_alone);
    if (fds[1].revents != 0)
        hear_peer(main);
    if (!atomic_load(&receive->course.ended))
        receiver_tick(receive->receiver, io_now_ms());
    receive_act(receive);
}

/* From the connection to the verdict, by one thread: what is given up after it has to bind the
 * threads that follow. */
static void greet(struct main *main) {
    struct receive *receive = main->receive;
    struct lane *lane = &receive->course.lanes[0];
    struct timeval patience = {.tv_sec = GREET_SEND_S};
    struct pollfd node = {.fd = uplink_fd(receive->course.uplink), .events = POLLIN};

    while (lane->connection == NULL && !atomic_load(&receive->course.ended)) {
        (void)poll(&node, 1, -1);
        take_messages(main, take_message_alone);
    }
    if (atomic_load(&receive->course.ended))
        return;
    setsockopt(connection_fd(lane->connection), SOL_SOCKET, SO_SNDTIMEO, &patience,
               sizeof patience);
    receiver_start(receive->receiver, io_now_ms());
    receive_act(receive);
    while (!receive->admitted && !atomic_load(&receive->course.ended)) {
        greet_once(main);
        if (!receive->admitted && !atomic_load(&receive->course.ended))
            say_to_peer(main);
    }
}

/* Ends a connection that never had threads: the last words, then a moment for the peer to read
 * them. */
static void part(struct main *main) {
    struct lane *lane = &main->receive->course.lanes[0];
    uint64_t deadline = io_now_ms() + LAST_WORDS_MS;
    uint8_t ignored[4096];
    ssize_t n = 1;

    if (lane->connection == NULL || main->receive->course.abrupt ||
        main->receive->course.end.outcome == EXCHANGE_LOST)
        return;
    course_send_last(lane);
    for (uint64_t now = io_now_ms(); now < deadline && n != 0; now = io_now_ms()) {
        struct pollfd peer = {.fd = connection_fd(lane->connection), .events = POLLIN};

        if (poll(&peer, 1, (int)(deadline - now)) <= 0)
            break;
        n = recv(peer.fd, ignored, sizeof ignored, MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            break;
    }
}

/* The second layer: from now on only what this transfer needs. */
static int confine_more(struct receive *receive) {
    struct confine_rule rules[3];
    size_t count = 0;

    if (receive->staging != NULL && !receive->cleaned) {
        rules[count++] =
            (struct confine_rule){.fd = staging_fd(receive->staging), .right = CONFINE_OWN};
        rules[count++] = (struct confine_rule){.fd = destination_fd(receive->destination),
                                               .right = CONFINE_PLACE};
    }
    return confine_files(rules, count);
}

static void start_threads(struct main *main) {
    struct receive *receive = main->receive;
    struct connection *connection = receive->course.lanes[0].connection;
    bool work = receive->staging != NULL && !receive->cleaned;
    bool held = work && receive->job->extents.length > 0;
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

    if (main->catalog != NULL)
        return true;
    pthread_mutex_lock(&receive->course.lock);
    index = receive->commit_ticket != 0 || receive->recorded > 0 ? receiver_index(receive->receiver)
                                                                 : NULL;
    pthread_mutex_unlock(&receive->course.lock);
    return index != NULL && catalog_new(&main->catalog, receive->manifest, index) == 0;
}

/* Tells the node what is durable here, a few times a second. */
static void tell_progress(struct main *main, uint64_t now_ms) {
    struct receive *receive = main->receive;
    struct fail fail = {0};
    uint64_t bytes = 0;
    int r = 0;

    if ((now_ms - main->told_ms < PROGRESS_MS && !atomic_load(&receive->course.ended)) ||
        !can_tell(main))
        return;
    main->told_ms = now_ms;
    rangeset_clear(&main->durable);
    pthread_mutex_lock(&receive->course.lock);
    if (receiver_durable(receive->receiver)->length > PROGRESS_RANGES)
        r = 1;
    else
        r = rangeset_add_all(&main->durable, receiver_durable(receive->receiver));
    pthread_mutex_unlock(&receive->course.lock);
    if (r == 0 && catalog_bytes(main->catalog, &main->durable, &bytes, &fail) == 0)
        uplink_progress(receive->course.uplink, bytes, atomic_load(&receive->course.moved));
}

static uint64_t next_deadline(struct main *main) {
    struct receive *receive = main->receive;
    uint64_t now = io_now_ms();
    uint64_t deadline = 0;

    pthread_mutex_lock(&receive->course.lock);
    deadline = receiver_deadline(receive->receiver);
    pthread_mutex_unlock(&receive->course.lock);
    /* A sync that is due is the other thread's business. */
    if (deadline < now + PROGRESS_MS)
        deadline = now + PROGRESS_MS;
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
            take_messages(main, take_message);
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
                                     .batch_bytes = job->batch_bytes,
                                     .batch_ms = job->batch_ms,
                                     .offer_ms = job->known ? OFFER_KNOWN_MS : OFFER_STRANGER_MS};
    struct confine_rule rules[2];
    size_t count = 0;
    int r = 0;

    if (destination_open(&receive->destination, job->destination, &receive->obstacle) == 0) {
        rules[count++] = (struct confine_rule){.fd = destination_area_fd(receive->destination),
                                               .right = CONFINE_OWN};
        rules[count++] = (struct confine_rule){.fd = destination_fd(receive->destination),
                                               .right = CONFINE_PLACE};
    }
    r = receiver_new(&receive->receiver, &config);
    if (r == 0)
        r = confine_files(rules, count);
    if (r == 0)
        r = confine_calls();
    return r < 0 ? fail_set(fail, r, "cannot prepare to receive") : 0;
}

static void run(struct main *main) {
    struct receive *receive = main->receive;

    greet(main);
    /* Before the right to do so is given up. */
    if (receive->destination != NULL && (receive->staging == NULL || receive->cleaned))
        destination_drop_area(receive->destination);
    if (!atomic_load(&receive->course.ended) && confine_more(receive) < 0)
        receive_stop_locked(receive, -ENOSYS, "cannot confine the session");
    if (atomic_load(&receive->course.ended)) {
        part(main);
    } else {
        start_threads(main);
        main_loop(main);
    }
}

static void clear(struct receive *receive) {
    course_clear(&receive->course);
    receiver_free(receive->receiver);
    io_close(&receive->manifest);
    staging_close(receive->staging);
    destination_close(receive->destination);
}

void job_receive(struct job *job, struct uplink *uplink) {
    struct receive receive = {.job = job, .manifest = -1};
    struct main main = {.receive = &receive};
    struct fail fail = {0};

    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        receive.busy[i] = RECEIVE_IDLE;
    rangeset_init(&main.durable);
    if (course_init(&receive.course, uplink) < 0)
        uplink_ended(uplink, UPLINK_ENDED(FAILED), "out of memory");
    else if (set_up(&receive, &fail) != 0)
        uplink_ended(uplink, UPLINK_ENDED(FAILED), fail.text);
    else
        run(&main);
    if (main.cancelled && receive.staging != NULL && !receive.cleaned &&
        clean_staging(receive.staging, &fail) != 0)
        log_warn("%s", fail.text);
    catalog_free(main.catalog);
    rangeset_clear(&main.durable);
    if (atomic_load(&receive.course.ended) && !main.node_gone)
        course_report(&receive.course);
    clear(&receive);
}
