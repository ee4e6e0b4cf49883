/* The receiver from the connection to the verdict, by one thread: what is given up after it has to
 * bind the threads that follow. */
#include "base/io.h"
#include "node/session/receive.h"
#include "node/session/receive_admit.h"
#include "proto/wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#define GREET_SEND_S 5 /* for what little is sent before there are threads */
#define GREET_FRAMES 8 /* that are heard before node and clock are looked at again */
#define LAST_WORDS_MS 2000u

/* The one connection that there is to be: without it the peer would not be heard, and the node
 * waited for. */
static void meet_peer(struct receive *receive, struct uplink_message *message) {
    struct lane *lane = &receive->course.lanes[0];

    if (message->body->connection->lane != 0 || lane->connection != NULL)
        return;
    receive->features = message->body->connection->features;
    lane->connection = course_connect(&receive->course, message, WIRE_MESSAGE_MAX, STREAM_BODY_MAX);
    if (lane->connection == NULL)
        course_end(&receive->course, EXCHANGE_LOST, "out of memory");
}

/* Before the verdict: one thread. */
static void take_message_alone(void *context, struct uplink_message *message) {
    struct receive *receive = context;

    switch (message->body->body_case) {
    case FXNODE__HELPER__TO_SESSION__BODY_CONNECTION:
        meet_peer(receive, message);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_ADMIT:
        receive_admit(receive, message->body->admit);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_COMMITTED:
        receive_recorded(receive, message->body->committed->ticket);
        break;
    case FXNODE__HELPER__TO_SESSION__BODY_STOP:
        receive_halt_alone(receive, message->body->stop->reason);
        break;
    default:
        if (job_add(receive->job, message) < 0)
            receive_stop_locked(receive, -ENOMEM, "out of memory");
    }
}

static void hear_frame(struct receive *receive, const struct stream_frame *frame) {
    if (frame->type != STREAM_CONTROL)
        receiver_violation(receive->receiver, 0, "data came before it was agreed upon");
    else if (receiver_control(receive->receiver, io_now_ms(), frame->body, frame->length) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
}

/* What the peer said before the verdict: control only, and no word too much is waited for. */
static void hear_peer(struct receive *receive) {
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

static void say_to_peer(struct receive *receive) {
    int r = 0;

    while (r == 0 && !outbox_is_empty(&receive->course.outbox))
        r = course_send_control(&receive->course.lanes[0]);
    if (r < 0) {
        receiver_lane_lost(receive->receiver, 0);
        receive_act(receive);
    }
}

/* Waits for the node or the peer until the next deadline, and listens. */
static void greet_once(struct receive *receive) {
    struct pollfd fds[] = {
        {.fd = uplink_fd(receive->course.uplink), .events = POLLIN},
        {.fd = connection_fd(receive->course.lanes[0].connection), .events = POLLIN}};
    uint64_t deadline = receiver_deadline(receive->receiver);
    uint64_t now = io_now_ms();
    uint64_t wait = deadline <= now ? 0 : deadline - now;

    (void)poll(fds, 2, wait > 60000 ? 60000 : (int)wait);
    if (fds[0].revents != 0)
        course_take_messages(&receive->course, take_message_alone, receive);
    if (fds[1].revents != 0)
        hear_peer(receive);
    if (!atomic_load(&receive->course.ended))
        receiver_tick(receive->receiver, io_now_ms());
    receive_act(receive);
}

void receive_greet(struct receive *receive) {
    struct lane *lane = &receive->course.lanes[0];
    struct timeval patience = {.tv_sec = GREET_SEND_S};
    struct pollfd node = {.fd = uplink_fd(receive->course.uplink), .events = POLLIN};

    while (lane->connection == NULL && !atomic_load(&receive->course.ended)) {
        (void)poll(&node, 1, -1);
        course_take_messages(&receive->course, take_message_alone, receive);
    }
    if (atomic_load(&receive->course.ended))
        return;
    setsockopt(connection_fd(lane->connection), SOL_SOCKET, SO_SNDTIMEO, &patience,
               sizeof patience);
    receiver_start(receive->receiver, io_now_ms());
    receive_act(receive);
    while (!receive->admitted && !atomic_load(&receive->course.ended)) {
        greet_once(receive);
        if (!receive->admitted && !atomic_load(&receive->course.ended))
            say_to_peer(receive);
    }
}

void receive_part(struct receive *receive) {
    struct lane *lane = &receive->course.lanes[0];
    uint64_t deadline = io_now_ms() + LAST_WORDS_MS;
    uint8_t ignored[4096];
    ssize_t n = 1;

    if (lane->connection == NULL || receive->course.abrupt ||
        receive->course.end.outcome == EXCHANGE_LOST)
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
