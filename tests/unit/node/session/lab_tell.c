#include "lab_tell.h"

#include "base/chan.h"
#include "proto/msg.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint8_t transfer_id[LIMIT_TRANSFER_ID] = "a transfer's id";
static const uint8_t replaced_id[LIMIT_TRANSFER_ID] = "the one before";

/* A session may be gone already: that shows where it is awaited. */
static void tell_with(struct lab_session *session, const Fxnode__Helper__ToSession *message,
                      int fd) {
    uint8_t buffer[LIMIT_PACKET];
    int length = msg_encode(&message->base, buffer, sizeof buffer);

    ck_assert_int_gt(length, 0);
    (void)chan_send(session->chan, buffer, (size_t)length, &fd, fd < 0 ? 0 : 1, 0);
}

static void tell(struct lab_session *session, const Fxnode__Helper__ToSession *message) {
    tell_with(session, message, -1);
}

static ProtobufCBinaryData bytes_of(const void *data, size_t length) {
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
}

void lab_tell_paths(struct lab *lab, struct lab_session *session) {
    ProtobufCBinaryData list[8];
    char paths[8][256];
    Fxnode__Helper__Paths body = FXNODE__HELPER__PATHS__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;

    for (unsigned i = 0; i < lab->path_count; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", lab->source, lab->paths[i]);
        list[i] = bytes_of(paths[i], strlen(paths[i]));
    }
    body.n_paths = lab->path_count;
    body.paths = list;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_PATHS;
    message.paths = &body;
    tell(session, &message);
}

#define EXTENTS 1500 /* in one message */

static void tell_some(struct lab_session *session, const struct range *ranges, size_t count,
                      bool replaced) {
    Fxnode__Helper__Extents body = FXNODE__HELPER__EXTENTS__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    Fxnode__Helper__Extent extents[EXTENTS];
    Fxnode__Helper__Extent *list[EXTENTS];

    for (size_t i = 0; i < count; i++) {
        fxnode__helper__extent__init(&extents[i]);
        extents[i].first = ranges[i].first;
        extents[i].count = ranges[i].count;
        list[i] = &extents[i];
    }
    body.n_extents = count;
    body.extents = list;
    body.replaced = replaced;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_EXTENTS;
    message.extents = &body;
    tell(session, &message);
}

static void tell_set(struct lab_session *session, const struct rangeset *set, bool replaced) {
    for (size_t at = 0; at < set->length; at += EXTENTS)
        tell_some(session, set->ranges + at,
                  set->length - at < EXTENTS ? set->length - at : EXTENTS, replaced);
}

void lab_tell_extents(struct lab *lab, struct lab_session *session) {
    tell_set(session, &lab->extents, false);
    if (lab->replaced.number != 0)
        tell_set(session, &lab->replaced.extents, true);
}

void lab_tell_names(struct lab *lab, struct lab_session *session) {
    Fxnode__Helper__PlacedItem items[LAB_NAMES];
    Fxnode__Helper__PlacedItem *list[LAB_NAMES];
    Fxnode__Helper__Names body = FXNODE__HELPER__NAMES__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;

    for (unsigned i = 0; i < lab->name_count; i++) {
        fxnode__helper__placed_item__init(&items[i]);
        items[i].item = lab->names[i].item;
        items[i].device = lab->names[i].device;
        items[i].inode = lab->names[i].inode;
        items[i].name = bytes_of(lab->names[i].name, strlen(lab->names[i].name));
        list[i] = &items[i];
    }
    body.n_items = lab->name_count;
    body.items = list;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_NAMES;
    message.names = &body;
    tell(session, &message);
}

static void tell_barred(const struct lab *lab, struct lab_session *session) {
    Fxnode__Helper__Paths body = FXNODE__HELPER__PATHS__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;
    ProtobufCBinaryData path = bytes_of(lab->barred, strlen(lab->barred));

    body.n_paths = 1;
    body.paths = &path;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_PATHS;
    message.paths = &body;
    tell(session, &message);
}

void lab_tell_job(struct lab *lab, struct lab_session *session, Fxnode__Helper__Job__Kind kind) {
    Fxnode__Helper__Job job = FXNODE__HELPER__JOB__INIT;
    ProtobufCBinaryData lineage = bytes_of(replaced_id, sizeof replaced_id);
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;

    job.kind = kind;
    job.work = bytes_of(lab->work, strlen(lab->work));
    job.destination = bytes_of(lab->destination, strlen(lab->destination));
    job.directory = bytes_of(lab->directory, strlen(lab->directory));
    job.number = lab->number;
    job.transfer_id = bytes_of(transfer_id, sizeof transfer_id);
    job.manifest_hash = bytes_of(lab->manifest_hash, LIMIT_HASH);
    job.manifest_length = lab->manifest_length;
    job.entries = lab->entries;
    job.bytes = lab->bytes;
    job.units = lab->units;
    job.lanes = job.lanes_near = lab->lanes;
    job.rate = lab->rate;
    job.batch_bytes = lab->batch_bytes;
    job.batch_ms = lab->batch_ms;
    job.known = true;
    job.exists = lab->exists;
    job.outside_links = lab->outside_links;
    job.failed = lab->failed;
    job.n_lineage = lab->replaced.number != 0 ? 1 : 0;
    job.lineage = &lineage;
    job.replaces = lab->exists == FXNODE__HELPER__EXISTS__EXISTS_OVERWRITE;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_JOB;
    message.job = &job;
    if (lab->barred != NULL && session == &lab->receiver)
        tell_barred(lab, session);
    tell(session, &message);
}

void lab_tell_connection(const struct lab *lab, struct lab_session *session, uint32_t lane, int fd,
                         const uint8_t *send_key, const uint8_t *receive_key) {
    Fxnode__Helper__Connection body = FXNODE__HELPER__CONNECTION__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;

    body.lane = lane;
    body.send_key = bytes_of(send_key, LAB_KEY);
    body.receive_key = bytes_of(receive_key, LAB_KEY);
    body.features = lab->features;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_CONNECTION;
    message.connection = &body;
    tell_with(session, &message, fd);
    close(fd);
}

void lab_tell_committed(struct lab_session *session, uint64_t ticket) {
    Fxnode__Helper__Committed body = FXNODE__HELPER__COMMITTED__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;

    body.ticket = ticket;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_COMMITTED;
    message.committed = &body;
    tell(session, &message);
}

void lab_tell_admit(struct lab *lab, lab_answer answer, bool placing) {
    Fxnode__Helper__Admit body = FXNODE__HELPER__ADMIT__INIT;
    Fxnode__Helper__Replaced replaced = FXNODE__HELPER__REPLACED__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;

    body.answer = answer;
    body.reason = answer == LAB_ADMIT(REFUSE) ? "not \x1b[31mtoday" : "";
    body.number = lab->number;
    body.failed = lab->failed;
    body.placing = placing;
    body.exists = lab->exists;
    if (lab->replaced.number != 0) {
        replaced.number = lab->replaced.number;
        replaced.manifest_hash = bytes_of(lab->replaced.manifest_hash, LIMIT_HASH);
        replaced.manifest_length = lab->replaced.manifest_length;
        replaced.entries = lab->replaced.entries;
        replaced.bytes = lab->replaced.bytes;
        replaced.units = lab->replaced.units;
        body.replaced = &replaced;
    }
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_ADMIT;
    message.admit = &body;
    tell(&lab->receiver, &message);
}

void lab_tell_stop(struct lab_session *session, Fxnode__Helper__Stop__Reason reason) {
    Fxnode__Helper__Stop body = FXNODE__HELPER__STOP__INIT;
    Fxnode__Helper__ToSession message = FXNODE__HELPER__TO_SESSION__INIT;

    body.reason = reason;
    message.body_case = FXNODE__HELPER__TO_SESSION__BODY_STOP;
    message.stop = &body;
    tell(session, &message);
}
