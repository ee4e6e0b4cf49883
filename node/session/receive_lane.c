#include "base/io.h"
#include "base/witness.h"
#include "files/hash.h"
#include "node/session/receive.h"
#include "proto/features.h"
#include "proto/packed.h"
#include "proto/record.h"

#include <errno.h>

/* A lane's reading thread. */
struct reader {
    struct receive *receive;
    struct lane *lane;
    struct stage_writer *writer;
    struct catalog *catalog;   /* NULL before there is a manifest */
    struct hash *hash;         /* of the chunk that is coming in */
    struct unpacker *unpacker; /* made when the first compressed frame comes */
};

/* The peer broke a rule: the state machine ends the transfer. */
static void violation(struct reader *reader, const char *what) {
    struct receive *receive = reader->receive;

    pthread_mutex_lock(&receive->course.lock);
    if (!atomic_load(&receive->course.ended)) {
        if (receiver_violation(receive->receiver, reader->lane->number, what) < 0)
            receive_out_of_step(receive);
        receive_act(receive);
    }
    pthread_mutex_unlock(&receive->course.lock);
}

/* From the moment that the manifest is whole entries can be looked up. 0 or -errno. */
static int look_for_manifest(struct reader *reader) {
    struct receive *receive = reader->receive;
    const struct manifest_index *index = NULL;

    if (reader->catalog != NULL)
        return 0;
    pthread_mutex_lock(&receive->course.lock);
    index = receiver_index(receive->receiver);
    pthread_mutex_unlock(&receive->course.lock);
    return index == NULL ? 0 : catalog_new(&reader->catalog, receive->manifest, index);
}

/* Asks whether a piece may be written, and waits while it may not yet. While the answer is WRITE
 * the lane counts as writing the entry. */
static enum receiver_record ask(struct reader *reader, uint32_t entry,
                                const struct record_piece *piece) {
    struct receive *receive = reader->receive;
    struct course *course = &receive->course;
    enum receiver_record answer = RECEIVER_REFUSED;

    pthread_mutex_lock(&course->lock);
    while (!atomic_load(&course->ended)) {
        uint64_t seen = course->version;
        uint64_t now = io_now_ms();
        bool was_due = receiver_sync_due(receive->receiver, now);

        answer = receiver_record(receive->receiver, now, reader->lane->number, piece);
        receive_act(receive);
        /* What waits for room may be what makes a sync due. */
        if (!was_due && receiver_sync_due(receive->receiver, now))
            course_changed(course);
        if (answer != RECEIVER_WAIT)
            break;
        course_wait(course, seen, EXCHANGE_NEVER);
    }
    if (answer == RECEIVER_WAIT)
        answer = RECEIVER_REFUSED;
    if (answer == RECEIVER_WRITE)
        receive->busy[reader->lane->number] = entry;
    pthread_mutex_unlock(&course->lock);
    return answer;
}

/* What was asked for is written. */
static void written(struct reader *reader, const struct record_piece *piece) {
    struct receive *receive = reader->receive;
    struct course *course = &receive->course;
    uint64_t now = io_now_ms();
    uint64_t deadline = EXCHANGE_NEVER;

    pthread_mutex_lock(&course->lock);
    deadline = receiver_deadline(receive->receiver);
    receive->busy[reader->lane->number] = RECEIVE_IDLE;
    if (!atomic_load(&course->ended) &&
        receiver_written(receive->receiver, now, reader->lane->number, piece, NULL) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    /* With the first unit of a batch its age begins: whoever waits has to be awake earlier. */
    if (receive->dropping || receiver_deadline(receive->receiver) < deadline ||
        receiver_sync_due(receive->receiver, now))
        course_changed(course);
    pthread_mutex_unlock(&course->lock);
}

/* Puts a piece into its file and into the hash of its chunk. 0; an outcome or negative. */
static int put_piece(struct reader *reader, const struct entry *entry, const struct record *record,
                     const struct record_piece *piece, struct fail *fail) {
    if (piece->offset == 0)
        hash_reset(reader->hash);
    if (record->kind == RECORD_BYTES) {
        hash_add(reader->hash, record->bytes, record->length);
        return stage_writer_write(reader->writer, entry, record->offset, record->bytes,
                                  record->length, fail);
    }
    /* Nothing is done byte by byte for a chunk that is one hole. */
    if (!piece->is_hole)
        hash_add_zeros(reader->hash, piece->length);
    return stage_writer_hole(reader->writer, entry, record->offset, record->length, fail);
}

/* Writes a piece, and with the last one of a chunk its hash. 0; an outcome or negative. */
static int write_piece(struct reader *reader, const struct manifest_item *item,
                       const struct record *record, const struct record_piece *piece,
                       struct fail *fail) {
    struct staging *staging = reader->receive->staging;
    uint8_t hash[LIMIT_CHUNK_HASH];
    int r = put_piece(reader, &item->entry, record, piece, fail);

    if (r != 0 || piece->offset + piece->length < piece->unit_size)
        return r;
    if (piece->is_hole)
        hash_zeros(hash, piece->unit_size);
    else
        hash_end(reader->hash, hash);
    r = hashes_set(staging_hashes(staging), piece->unit, hash);
    if (r < 0)
        fail_set(fail, r, "cannot write %s", staging_shown(staging));
    return r == -ENOSPC || r == -EDQUOT ? STAGING_NO_SPACE : r;
}

/* For tests: what is sent is counted, and a hole is not. */
static void witness(const struct record_piece *piece) {
    if (piece->offset + piece->length == piece->unit_size)
        witness_arrived(piece->unit, piece->is_hole ? 0 : piece->unit_size);
}

/* One record. Whether the lane goes on. */
static bool take_record(struct reader *reader, const struct record *record) {
    const struct manifest_item *item = NULL;
    struct record_piece piece;
    struct fail fail = {0};
    int r = catalog_by_entry(reader->catalog, record->entry, &item, &fail);

    if (r < 0) {
        receive_stop(reader->receive, r, fail.text);
        return false;
    }
    if (r != 0 || item->entry.type != ENTRY_FILE || !record_locate(record, item, &piece)) {
        violation(reader, "a record lies outside of what was agreed");
        return false;
    }
    switch (ask(reader, record->entry, &piece)) {
    case RECEIVER_WRITE:
        break;
    case RECEIVER_DISCARD:
        witness(&piece);
        return true;
    default:
        return false;
    }
    r = write_piece(reader, item, record, &piece, &fail);
    witness(&piece);
    if (r != 0)
        receive_stop(reader->receive, r, fail.text);
    if (record->kind == RECORD_BYTES)
        atomic_fetch_add(&reader->receive->course.moved, record->length);
    written(reader, &piece);
    return r == 0;
}

static bool take_data(struct reader *reader, const struct stream_frame *frame) {
    struct record_cursor cursor;
    struct record record;
    enum record_result result = RECORD_END;

    if (look_for_manifest(reader) < 0) {
        receive_stop(reader->receive, -ENOMEM, "out of memory");
        return false;
    }
    if (reader->catalog == NULL) {
        violation(reader, "data came before it was agreed upon");
        return false;
    }
    record_cursor_init(&cursor, frame->body, frame->length);
    while ((result = record_next(&cursor, &record)) == RECORD_READ)
        if (!take_record(reader, &record))
            return false;
    if (result == RECORD_MALFORMED)
        violation(reader, "a data frame is malformed");
    return result == RECORD_END;
}

/* A compressed frame. Whether the lane goes on. */
static bool take_packed(struct reader *reader, const struct stream_frame *frame) {
    struct stream_frame data;

    if ((reader->receive->features & FEATURE_PACKED) == 0) {
        violation(reader, "compressed data came that was not agreed upon");
        return false;
    }
    if (reader->unpacker == NULL && unpacker_new(&reader->unpacker) < 0) {
        receive_stop(reader->receive, -ENOMEM, "out of memory");
        return false;
    }
    if (unpacker_unpack(reader->unpacker, frame, &data) != 0) {
        violation(reader, "a compressed frame is malformed");
        return false;
    }
    return take_data(reader, &data);
}

static bool take_control(struct reader *reader, const struct stream_frame *frame) {
    struct receive *receive = reader->receive;

    if (reader->lane->number != 0) {
        violation(reader, "a control message came in on a lane for data");
        return false;
    }
    pthread_mutex_lock(&receive->course.lock);
    if (!atomic_load(&receive->course.ended) &&
        receiver_control(receive->receiver, io_now_ms(), frame->body, frame->length) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
    pthread_mutex_unlock(&receive->course.lock);
    if (receive->task.kind != RECEIVER_NONE) {
        if (look_for_manifest(reader) < 0)
            receive_stop(receive, -ENOMEM, "out of memory");
        receive_do_task(receive, reader->writer, reader->catalog);
    }
    return true;
}

static bool take_frame(struct reader *reader, const struct stream_frame *frame) {
    switch (frame->type) {
    case STREAM_DATA:
        return take_data(reader, frame);
    case STREAM_PACKED:
        return take_packed(reader, frame);
    default:
        return take_control(reader, frame);
    }
}

/* Receives until the lane is over. What ended it, as connection_receive(); 0 where it was us. */
static int read_loop(struct reader *reader) {
    struct stream_frame frame;
    bool on = true;
    int r = 0;

    while (on && !atomic_load(&reader->receive->course.ended)) {
        r = connection_receive(reader->lane->connection, &frame, 0);
        if (r != 0)
            return r;
        on = take_frame(reader, &frame);
    }
    return 0;
}

/* What the lane had half received is forgotten; without lane 0 the transfer is over. */
static void lane_lost(struct reader *reader, int why) {
    struct receive *receive = reader->receive;

    if (why == CONNECTION_REFUSED)
        violation(reader, "a message is damaged");
    pthread_mutex_lock(&receive->course.lock);
    if (!atomic_load(&receive->course.ended)) {
        receiver_lane_lost(receive->receiver, reader->lane->number);
        receive_act(receive);
        course_changed(&receive->course);
    }
    pthread_mutex_unlock(&receive->course.lock);
}

static int open_reader(struct reader *reader) {
    int r = hash_new(&reader->hash);

    if (r == 0 && reader->receive->staging != NULL)
        r = stage_writer_open(&reader->writer, reader->receive->staging);
    if (r == 0 && reader->writer != NULL && reader->receive->offer->holes > 0)
        stage_writer_expect_holes(reader->writer);
    return r;
}

void *receive_read(void *arg) {
    struct lane *lane = arg;
    struct receive *receive = (struct receive *)lane->course;
    struct reader reader = {.receive = receive, .lane = lane};
    int r = open_reader(&reader);

    if (r < 0)
        receive_stop(receive, r, "out of memory");
    r = read_loop(&reader);
    if (r != 0)
        lane_lost(&reader, r);
    else if (lane->number == 0)
        course_read_last(lane);
    stage_writer_close(reader.writer);
    catalog_free(reader.catalog);
    hash_free(reader.hash);
    unpacker_free(reader.unpacker);
    pthread_mutex_lock(&receive->course.lock);
    course_reader_done(lane);
    pthread_mutex_unlock(&receive->course.lock);
    return NULL;
}

/* The writer of lane 0: the data's threads never wait for the peer to read. */
void *receive_write(void *arg) {
    struct lane *lane = arg;
    struct course *course = lane->course;
    int r = 0;

    pthread_mutex_lock(&course->lock);
    while (r == 0 && !atomic_load(&course->ended) && !lane->lost) {
        if (outbox_is_empty(&course->outbox)) {
            course_wait(course, course->version, EXCHANGE_NEVER);
            continue;
        }
        pthread_mutex_unlock(&course->lock);
        r = course_send_control(lane);
        pthread_mutex_lock(&course->lock);
    }
    pthread_mutex_unlock(&course->lock);
    if (r == 0)
        course_send_last(lane);
    pthread_mutex_lock(&course->lock);
    course_writer_done(lane);
    pthread_mutex_unlock(&course->lock);
    return NULL;
}
