#include "node/session/course.h"

#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINGER_MS 2000u          /* for a peer to read our last words */
#define LINGER_COMPLETE_MS 5000u /* and to end as it should after a delivery */

static int init_waiting(struct course *course) {
    pthread_condattr_t attributes;
    int r = pthread_condattr_init(&attributes);

    if (r != 0)
        return -r;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    r = pthread_cond_init(&course->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (r == 0)
        r = pthread_mutex_init(&course->lock, NULL);
    return -r;
}

int course_init(struct course *course, struct uplink *uplink) {
    *course = (struct course){.uplink = uplink};
    outbox_init(&course->outbox);
    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        course->lanes[i] = (struct lane){.course = course, .number = i};
    course->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (course->wake < 0)
        return -errno;
    return init_waiting(course);
}

void course_clear(struct course *course) {
    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        connection_free(course->lanes[i].connection);
    outbox_clear(&course->outbox);
    io_close(&course->wake);
    pthread_cond_destroy(&course->changed);
    pthread_mutex_destroy(&course->lock);
}

void course_changed(struct course *course) {
    course->version++;
    pthread_cond_broadcast(&course->changed);
}

void course_wait(struct course *course, uint64_t seen, uint64_t deadline_ms) {
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};

    while (course->version == seen) {
        if (deadline_ms == EXCHANGE_NEVER)
            pthread_cond_wait(&course->changed, &course->lock);
        else if (pthread_cond_timedwait(&course->changed, &course->lock, &until) == ETIMEDOUT)
            return;
    }
}

void course_wake(struct course *course) {
    const uint64_t one = 1;

    /* It fails only where the counter is full, and then the thread is awake anyway. */
    if (write(course->wake, &one, sizeof one) < 0)
        return;
}

void course_queue(struct course *course, const void *message, size_t length) {
    int r = outbox_add(&course->outbox, message, length);

    if (r == -ENOBUFS)
        course_end(course, EXCHANGE_LOST, "the peer does not read what it is sent");
    else if (r < 0)
        course_end(course, EXCHANGE_LOST, "out of memory");
    course_changed(course);
}

void course_end(struct course *course, enum exchange_outcome outcome, const char *text) {
    exchange_end_set(&course->end, outcome, text);
    atomic_store(&course->ended, true);
    course_changed(course);
    course_wake(course);
}

void course_prepare_end(struct course *course, enum exchange_outcome outcome, const char *text) {
    exchange_end_set(&course->end, outcome, text);
}

void course_end_abruptly(struct course *course, enum exchange_outcome outcome) {
    course->abrupt = true;
    course_end(course, outcome, "");
}

int course_open_lane(struct course *course, uint32_t number, struct connection *connection,
                     void *(*reader)(void *), void *(*writer)(void *)) {
    struct lane *lane = &course->lanes[number];
    int r = 0;

    pthread_mutex_lock(&course->lock);
    lane->connection = connection;
    lane->reader_made = true;
    r = pthread_create(&lane->reader, NULL, reader, lane);
    lane->reading = lane->reader_made = r == 0;
    if (r == 0 && writer != NULL) {
        r = pthread_create(&lane->writer, NULL, writer, lane);
        lane->writing = lane->writer_made = r == 0;
    }
    pthread_mutex_unlock(&course->lock);
    return -r;
}

/* For threads that have ended, or will at once. */
static void join(struct lane *lane) {
    if (lane->reader_made)
        pthread_join(lane->reader, NULL);
    if (lane->writer_made)
        pthread_join(lane->writer, NULL);
}

bool course_reap(struct course *course, uint32_t number) {
    struct lane *lane = &course->lanes[number];
    bool over = false;

    pthread_mutex_lock(&course->lock);
    over = lane->connection != NULL && lane->lost && !lane->reading && !lane->writing;
    pthread_mutex_unlock(&course->lock);
    if (!over)
        return false;
    join(lane);
    connection_free(lane->connection);
    pthread_mutex_lock(&course->lock);
    *lane = (struct lane){.course = course, .number = number};
    pthread_mutex_unlock(&course->lock);
    return true;
}

void course_reader_done(struct lane *lane) {
    lane->reading = false;
    lane->lost = true;
    course_changed(lane->course);
    course_wake(lane->course);
}

void course_writer_done(struct lane *lane) {
    lane->writing = false;
    course_changed(lane->course);
    course_wake(lane->course);
}

int course_send_control(struct lane *lane) {
    struct course *course = lane->course;
    size_t length = 0;

    pthread_mutex_lock(&course->lock);
    length = outbox_take(&course->outbox, connection_body(lane->connection));
    if (length > 0)
        course_changed(course);
    pthread_mutex_unlock(&course->lock);
    return length == 0 ? 0 : connection_send(lane->connection, STREAM_CONTROL, length);
}

static bool has_control(struct lane *lane) {
    struct course *course = lane->course;
    bool has = false;

    pthread_mutex_lock(&course->lock);
    has = lane->number == 0 && !outbox_is_empty(&course->outbox);
    pthread_mutex_unlock(&course->lock);
    return has;
}

void course_send_last(struct lane *lane) {
    int r = 0;

    while (r == 0 && has_control(lane))
        r = course_send_control(lane);
    if (r == 0)
        (void)connection_send_final(lane->connection);
    shutdown(connection_fd(lane->connection), SHUT_WR);
}

void course_read_last(struct lane *lane) {
    struct stream_frame frame;

    while (connection_receive(lane->connection, &frame, 0) == 0)
        continue;
}

static int timeout_until(uint64_t deadline_ms) {
    uint64_t now = io_now_ms();

    if (deadline_ms <= now)
        return 0;
    return deadline_ms - now > 60000 ? 60000 : (int)(deadline_ms - now);
}

bool course_poll(struct course *course, uint64_t deadline_ms) {
    struct pollfd fds[] = {{.fd = uplink_fd(course->uplink), .events = POLLIN},
                           {.fd = course->wake, .events = POLLIN}};
    uint64_t count = 0;

    if (poll(fds, 2, timeout_until(deadline_ms)) <= 0)
        return false;
    if (fds[1].revents != 0 && read(course->wake, &count, sizeof count) < 0)
        log_debug("nothing to wake up for");
    return fds[0].revents != 0;
}

void course_take_messages(struct course *course, course_take *take, void *context) {
    struct uplink_message *message = NULL;
    int r = 0;

    while ((r = uplink_receive(course->uplink, &message, MSG_DONTWAIT)) == 1)
        take(context, message);
    if (r == -EAGAIN)
        return;
    course->node_gone = true;
    pthread_mutex_lock(&course->lock);
    course_end_abruptly(course, EXCHANGE_LOST);
    pthread_mutex_unlock(&course->lock);
}

struct connection *course_connect(struct course *course, struct uplink_message *message,
                                  size_t send_max, size_t receive_max) {
    const Fxnode__Helper__Connection *from = message->body->connection;
    struct connection *connection = NULL;
    struct connection_setup setup = {.fd = message->fd,
                                     .send_key = from->send_key.data,
                                     .receive_key = from->receive_key.data,
                                     .send_max = send_max,
                                     .receive_max = receive_max};

    message->fd = -1;
    if (connection_new(&connection, &setup) < 0)
        connection = NULL;
    uplink_wipe(course->uplink);
    return connection;
}

/* Waits until `running` is false, but not beyond the deadline. Lock held. */
static void await(struct course *course, const bool *running, uint64_t deadline_ms) {
    while (*running && io_now_ms() < deadline_ms)
        course_wait(course, course->version, deadline_ms);
}

static void linger(struct course *course) {
    bool complete = course->end.outcome == EXCHANGE_COMPLETE;
    uint64_t deadline = io_now_ms() + (complete ? LINGER_COMPLETE_MS : LINGER_MS);

    if (course->end.outcome == EXCHANGE_LOST || course->abrupt)
        return;
    await(course, &course->lanes[0].writing, deadline);
    await(course, &course->lanes[0].reading, deadline);
}

void course_close(struct course *course) {
    pthread_mutex_lock(&course->lock);
    atomic_store(&course->ended, true);
    course_changed(course);
    linger(course);
    pthread_mutex_unlock(&course->lock);
    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        if (course->lanes[i].connection != NULL)
            connection_shut(course->lanes[i].connection);
    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        join(&course->lanes[i]);
}

static const uplink_outcome outcomes[] = {
    [EXCHANGE_OPEN] = UPLINK_ENDED(LOST),         [EXCHANGE_COMPLETE] = UPLINK_ENDED(COMPLETE),
    [EXCHANGE_LOST] = UPLINK_ENDED(LOST),         [EXCHANGE_BUSY] = UPLINK_ENDED(BUSY),
    [EXCHANGE_NO_SPACE] = UPLINK_ENDED(NO_SPACE), [EXCHANGE_REFUSED] = UPLINK_ENDED(REFUSED),
    [EXCHANGE_PAUSED] = UPLINK_ENDED(PAUSED),     [EXCHANGE_CANCELLED] = UPLINK_ENDED(CANCELLED),
    [EXCHANGE_FAILED] = UPLINK_ENDED(FAILED),     [EXCHANGE_PROTOCOL] = UPLINK_ENDED(PROTOCOL),
    [EXCHANGE_STOPPED] = UPLINK_ENDED(STOPPED),
};

void course_report(const struct course *course) {
    if (!atomic_load(&course->ended) || course->node_gone)
        return;
    log_debug("the transfer ended: %s %s", exchange_outcome_name(course->end.outcome),
              course->end.text);
    uplink_ended(course->uplink, outcomes[course->end.outcome], course->end.text);
}
