#include "base/crash.h"
#include "base/io.h"
#include "base/witness.h"
#include "node/session/send.h"

#include <errno.h>

/* What is claimed at once: enough adjacent files that lanes seldom meet in one directory, but not
 * so much that others wait for one lane at the end. */
#define CLAIM_BYTES (16u * 1024u * 1024u)
#define CLAIM_UNITS 512u

/* A lane's writing thread: where it is. */
struct writer {
    struct send *send;
    struct lane *lane;
    struct send_reader reader;
    struct send_data data;
    size_t next_batch; /* row of the manifest to be sent next */
    bool offered;      /* the first message, which is the offer, has left */
};

enum task { TASK_END, TASK_CONTROL, TASK_MANIFEST, TASK_UNIT, TASK_FLUSH };

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint32_t count_lanes(const struct course *course) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < LIMIT_LANES; i++)
        count += course->lanes[i].writing ? 1 : 0;
    return count;
}

/* How much is to be claimed of what is free: by what units have on average around there, and what
 * is left is shared. */
static uint64_t claim_size(const struct send *send, const struct range *free) {
    uint64_t left = manifest_checker_summary(send->checker)->units - free->first;
    const struct manifest_row *row = manifest_index_by_unit(send->index, free->first);
    uint64_t units = least(CLAIM_UNITS, left / (2 * count_lanes(&send->course)) + 1);

    return row->bytes / row->units * units <= CLAIM_BYTES ? units
                                                          : CLAIM_BYTES / (row->bytes / row->units);
}

/* Claims more where that is allowed now; at the end, from lanes that are slower. Lock held. */
static bool claim(struct writer *writer) {
    struct send *send = writer->send;
    uint32_t lane = writer->lane->number;
    struct range free;
    int r = 0;

    if (!send->started || outbox_is_full(&send->course.outbox))
        return false;
    if (sender_free_units(send->sender, &free))
        r = sender_claim(send->sender, lane, claim_size(send, &free), &free);
    else
        r = sender_steal(send->sender, lane);
    send_act(send);
    if (r < 0)
        send_out_of_step(send, r);
    return r == 1;
}

/* Waits until there is something to do: messages go before data, and data that is ready before
 * waiting. Lock held. */
static enum task next_task(struct writer *writer, uint64_t *unit) {
    struct send *send = writer->send;
    struct course *course = &send->course;

    for (;;) {
        if (atomic_load(&course->ended) || writer->lane->lost)
            return TASK_END;
        if (writer->lane->number == 0 && !outbox_is_empty(&course->outbox))
            return TASK_CONTROL;
        if (writer->lane->number == 0 && send->streaming)
            return TASK_MANIFEST;
        if (sender_begin(send->sender, writer->lane->number, unit))
            return TASK_UNIT;
        if (claim(writer))
            continue;
        if (writer->data.used > 0)
            return TASK_FLUSH;
        course_wait(course, course->version, EXCHANGE_NEVER);
    }
}

/* Gives the next batch of the manifest to the state machine, which queues it. */
static void send_batch(struct writer *writer) {
    struct send *send = writer->send;
    const struct manifest_row *row = manifest_index_row(send->index, writer->next_batch);
    uint8_t *room = writer->reader.room;
    ssize_t n = io_pread_full(send->manifest, room, row->length, row->offset);
    int r = n == (ssize_t)row->length ? 0 : -EBADMSG;

    pace_wait(&send->pace, row->length, &send->course.ended);
    if (r < 0) {
        send_stop(send, r, "cannot read the stored list of files");
        return;
    }
    pthread_mutex_lock(&send->course.lock);
    if (send->streaming) {
        send->streaming = ++writer->next_batch < manifest_index_rows(send->index);
        r = sender_manifest_batch(send->sender, room, row->length);
        send_act(send);
        if (r < 0)
            send_out_of_step(send, r);
    }
    pthread_mutex_unlock(&send->course.lock);
}

static int send_control(struct writer *writer) {
    int r = send_data_flush(&writer->data);

    if (r == 0)
        r = course_send_control(writer->lane);
    if (r == 0 && !writer->offered) {
        writer->offered = true;
        crash_point("offered");
    }
    return r;
}

static int do_task(struct writer *writer, enum task task, uint64_t unit) {
    switch (task) {
    case TASK_CONTROL:
        return send_control(writer);
    case TASK_MANIFEST:
        send_batch(writer);
        return 0;
    case TASK_UNIT:
        return send_data_unit(&writer->data, unit);
    default:
        source_rest(writer->reader.source);
        return send_data_flush(&writer->data);
    }
}

/* A lane that broke: what it had claimed goes to others. Losing lane 0 ends the transfer. */
static void lane_lost(struct send *send, struct lane *lane) {
    pthread_mutex_lock(&send->course.lock);
    if (!lane->lost && !atomic_load(&send->course.ended)) {
        lane->lost = true;
        connection_shut(lane->connection);
        /* What a node does that has no session to spare. */
        if (lane->number == 0 && !send->heard)
            course_prepare_end(&send->course, EXCHANGE_LOST,
                               "the peer took the call but gave no answer: it may be busy");
        sender_lane_lost(send->sender, lane->number);
        send_act(send);
        course_changed(&send->course);
    }
    pthread_mutex_unlock(&send->course.lock);
}

static int write_loop(struct writer *writer) {
    struct course *course = &writer->send->course;
    enum task task = TASK_END;
    int r = 0;

    do {
        uint64_t unit = 0;

        pthread_mutex_lock(&course->lock);
        task = next_task(writer, &unit);
        pthread_mutex_unlock(&course->lock);
        if (task != TASK_END)
            r = do_task(writer, task, unit);
    } while (task != TASK_END && r == 0);
    return r;
}

void *send_write(void *arg) {
    struct lane *lane = arg;
    struct send *send = (struct send *)lane->course;
    struct writer writer = {.send = send, .lane = lane};

    send_data_init(&writer.data, send, lane, &writer.reader);
    if (send_reader_init(&writer.reader, send) < 0)
        send_stop(send, -ENOMEM, "out of memory");
    if (write_loop(&writer) < 0)
        lane_lost(send, lane);
    else
        course_send_last(lane);
    send_data_clear(&writer.data);
    send_reader_clear(&writer.reader);
    pthread_mutex_lock(&lane->course->lock);
    course_writer_done(lane);
    pthread_mutex_unlock(&lane->course->lock);
    return NULL;
}

static void take_control(struct send *send, const struct stream_frame *frame) {
    int r = 0;

    pthread_mutex_lock(&send->course.lock);
    send->heard = true;
    if (frame->type != STREAM_CONTROL)
        course_end(&send->course, EXCHANGE_PROTOCOL, "the peer sent data to the sender");
    else
        r = sender_control(send->sender, io_now_ms(), frame->body, frame->length);
    if (r < 0)
        send_out_of_step(send, r);
    witness_durable(sender_durable(send->sender));
    send_act(send);
    pthread_mutex_unlock(&send->course.lock);
}

void *send_listen(void *arg) {
    struct lane *lane = arg;
    struct send *send = (struct send *)lane->course;
    struct stream_frame frame;
    int r = 0;

    while (!atomic_load(&send->course.ended) &&
           (r = connection_receive(lane->connection, &frame, 0)) == 0)
        take_control(send, &frame);
    pthread_mutex_lock(&send->course.lock);
    if (r == CONNECTION_REFUSED)
        course_end(&send->course, EXCHANGE_PROTOCOL, "the peer sent a damaged message");
    pthread_mutex_unlock(&send->course.lock);
    if (r != 0)
        lane_lost(send, lane);
    else
        course_read_last(lane);
    pthread_mutex_lock(&send->course.lock);
    course_reader_done(lane);
    pthread_mutex_unlock(&send->course.lock);
    return NULL;
}

/* Nothing comes in on the other lanes; that one breaks shows here also while nothing is sent. */
void *send_watch(void *arg) {
    struct lane *lane = arg;
    struct send *send = (struct send *)lane->course;
    struct stream_frame frame;

    (void)connection_receive(lane->connection, &frame, 0);
    lane_lost(send, lane);
    pthread_mutex_lock(&send->course.lock);
    course_reader_done(lane);
    pthread_mutex_unlock(&send->course.lock);
    return NULL;
}
