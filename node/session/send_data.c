#include "base/io.h"
#include "node/session/send.h"
#include "proto/record.h"

/* A chunk on its way into frames. */
struct passage {
    struct send_data *data;
    const struct manifest_item *item;
    uint64_t unit;
    uint64_t chunk;   /* of the item */
    uint32_t left;    /* bytes of it that are still to come */
    int outcome;      /* of reading it: enum source_outcome, or negative */
    struct fail fail; /* what and why, where it cannot be sent */
};

void send_data_init(struct send_data *data, struct send *send, struct lane *lane,
                    struct send_reader *reader) {
    *data = (struct send_data){
        .send = send,
        .connection = lane->connection,
        .reader = reader,
        .frame = pace_frame(&send->pace, SEND_FRAME),
        .out = {.frames = &send->frames, .connection = lane->connection, .number = lane->number}};
    congestion_init(&data->congestion, connection_fd(lane->connection), io_now_ms());
}

void send_data_clear(struct send_data *data) {
    send_frame_clear(&data->out);
}

int send_data_flush(struct send_data *data) {
    size_t used = data->used;

    if (used == 0)
        return 0;
    congestion_look(&data->congestion, io_now_ms());
    atomic_fetch_add(&data->send->course.moved, data->content);
    data->used = 0;
    data->content = 0;
    return send_frame(&data->out, used);
}

/* The chunk was read to its end: whether it is what it should be, and what it was. */
static void finish(struct passage *passage) {
    struct send *send = passage->data->send;
    uint8_t hash[LIMIT_CHUNK_HASH];
    int r = send_reader_end(passage->data->reader, passage->item, hash, &passage->fail);

    passage->outcome = r;
    if (!source_may_be_sent(r))
        return;
    r = hashes_set(send->hashes, passage->unit, hash);
    if (r < 0)
        passage->outcome = send_own_failed(send, r, &passage->fail);
}

/* Reads what `record` is of behind its header. The last of a chunk is in order only when all of
 * the chunk is. */
static void read_record(struct passage *passage, const struct record *record, uint8_t *bytes) {
    struct send_reader *reader = passage->data->reader;

    if (record->kind == RECORD_HOLE)
        send_reader_hole(reader, (uint32_t)record->length);
    else
        passage->outcome = send_reader_bytes(reader, passage->item, record->offset, bytes,
                                             record->length, &passage->fail);
    passage->left -= (uint32_t)record->length;
    if (source_may_be_sent(passage->outcome) && passage->left == 0)
        finish(passage);
}

/* Puts a record into the frame, the next one where it does not fit. What could not be read leaves
 * nothing there. 0 or -errno. */
static int add_record(struct passage *passage, const struct record *record) {
    struct send_data *data = passage->data;
    size_t carried = record->kind == RECORD_BYTES ? record->length : 0;
    uint8_t *at = NULL;
    int r = 0;

    if (data->used + RECORD_HEADER + carried > data->frame)
        r = send_data_flush(data);
    if (r < 0)
        return r;
    at = connection_body(data->connection) + data->used;
    read_record(passage, record, at + RECORD_HEADER);
    if (!source_may_be_sent(passage->outcome))
        return 0;
    record_write_header(at, record);
    data->used += RECORD_HEADER + carried;
    data->content += carried;
    return 0;
}

/* File content of one record at most. */
static uint32_t most_bytes(const struct send_data *data) {
    size_t room = data->frame - RECORD_HEADER;

    return room < SEND_PIECE ? (uint32_t)room : SEND_PIECE;
}

/* A hole goes into one record, bytes into as many as it takes; an empty file is one of nothing. */
static int add_piece(struct passage *passage, const struct holes_piece *piece) {
    uint32_t most = piece->is_hole ? LIMIT_CHUNK : most_bytes(passage->data);
    uint32_t done = 0;
    int r = 0;

    do {
        uint32_t length = piece->length - done < most ? piece->length - done : most;
        struct record record = {.kind = piece->is_hole ? RECORD_HOLE : RECORD_BYTES,
                                .entry = passage->item->number,
                                .offset = passage->chunk * LIMIT_CHUNK + piece->offset + done,
                                .length = length};

        r = add_record(passage, &record);
        done += length;
    } while (r == 0 && source_may_be_sent(passage->outcome) && done < piece->length);
    return r;
}

static int add_chunk(struct passage *passage) {
    struct send_reader *reader = passage->data->reader;
    int r = 0;

    passage->outcome = send_reader_begin(reader, passage->item, passage->chunk, &passage->fail);
    for (uint32_t i = 0; r == 0 && source_may_be_sent(passage->outcome) && i < reader->map.count;
         i++)
        r = add_piece(passage, &reader->map.pieces[i]);
    return r;
}

int send_data_unit(struct send_data *data, uint64_t unit) {
    struct passage passage = {.data = data, .unit = unit};
    int r = catalog_by_unit(data->reader->catalog, unit, &passage.item, &passage.fail);

    if (r != 0) {
        send_stop(data->send, r, passage.fail.text);
        return 0;
    }
    passage.chunk = unit - passage.item->first_unit;
    passage.left = entry_chunk_size(passage.item->entry.size, passage.chunk);
    r = add_chunk(&passage);
    if (r == 0 && passage.outcome < 0)
        send_stop(data->send, passage.outcome, passage.fail.text);
    else if (r == 0 && !source_may_be_sent(passage.outcome))
        send_entry_failed(data->send, passage.item, (enum source_outcome)passage.outcome,
                          &passage.fail);
    return r;
}
