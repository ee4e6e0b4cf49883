#include "base/bytes.h"
#include "base/crash.h"
#include "base/escape.h"
#include "base/io.h"
#include "base/log.h"
#include "node/session/keep.h"
#include "node/session/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(LIMIT_OFFER_NAMES <= 64, "a bit for each name");

#define EXTENTS 1500 /* in one message to the node: 36 KB of numbers at most */

/* Which of the names that are shown are in use in the destination, as bits. */
static uint64_t find_existing(const struct receive *receive,
                              const struct manifest_summary *summary) {
    uint64_t existing = 0;

    for (uint32_t i = 0; i < summary->names_shown && receive->destination != NULL; i++) {
        char name[LIMIT_COMPONENT + 1] = "";
        struct stat st;

        memcpy(name, summary->names[i].bytes, summary->names[i].length);
        if (fstatat(destination_fd(receive->destination), name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            existing |= UINT64_C(1) << i;
    }
    return existing;
}

static void send_offered(struct receive *receive) {
    const struct receiver_offer *offer = receive->offer;
    const struct manifest_summary *summary = &offer->summary;
    ProtobufCBinaryData names[LIMIT_OFFER_NAMES];
    ProtobufCBinaryData lineage[LIMIT_LINEAGE];
    Fxnode__Helper__Offered body = FXNODE__HELPER__OFFERED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    for (uint32_t i = 0; i < summary->names_shown; i++)
        names[i] = (ProtobufCBinaryData){.len = summary->names[i].length,
                                         .data = (uint8_t *)(uintptr_t)summary->names[i].bytes};
    body.transfer_id = (ProtobufCBinaryData){.len = LIMIT_TRANSFER_ID,
                                             .data = (uint8_t *)(uintptr_t)offer->transfer_id};
    body.manifest_hash =
        (ProtobufCBinaryData){.len = LIMIT_HASH, .data = (uint8_t *)(uintptr_t)summary->hash};
    body.manifest_length = summary->length;
    body.entries = summary->entries;
    body.bytes = summary->bytes;
    body.units = summary->units;
    body.n_names = summary->names_shown;
    body.names = names;
    body.name_count = summary->name_count;
    body.existing = find_existing(receive, summary);
    for (size_t i = 0; i < offer->lineage.count; i++)
        lineage[i] = (ProtobufCBinaryData){.len = LIMIT_TRANSFER_ID,
                                           .data = (uint8_t *)(uintptr_t)offer->lineage.ids[i]};
    body.n_lineage = offer->lineage.count;
    body.lineage = lineage;
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_OFFERED;
    message.offered = &body;
    uplink_send(receive->course.uplink, &message);
    crash_point("offered");
}

static void send_finished(struct receive *receive) {
    Fxnode__Helper__Finished body = FXNODE__HELPER__FINISHED__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;

    message.body_case = FXNODE__HELPER__TO_NODE__BODY_FINISHED;
    message.finished = &body;
    uplink_send(receive->course.uplink, &message);
}

/* Takes up to EXTENTS ranges from *at on into the arrays. */
static size_t fill_extents(Fxnode__Helper__Extent *extents, Fxnode__Helper__Extent **pointers,
                           const struct rangeset *set, size_t *at) {
    size_t n = 0;

    for (; *at < set->length && n < EXTENTS; (*at)++, n++) {
        fxnode__helper__extent__init(&extents[n]);
        extents[n].first = set->ranges[*at].first;
        extents[n].count = set->ranges[*at].count;
        pointers[n] = &extents[n];
    }
    return n;
}

enum commit { COMMIT_ADD, COMMIT_FORGET, COMMIT_FORGET_REPLACED };

/* One Commit with some of one set. */
static void send_commit_part(struct receive *receive, enum commit what, const struct rangeset *set,
                             size_t *at) {
    Fxnode__Helper__Extent extents[EXTENTS];
    Fxnode__Helper__Extent *pointers[EXTENTS];
    Fxnode__Helper__Commit body = FXNODE__HELPER__COMMIT__INIT;
    Fxnode__Helper__ToNode message = FXNODE__HELPER__TO_NODE__INIT;
    size_t n = fill_extents(extents, pointers, set, at);

    body.ticket = ++receive->ticket;
    switch (what) {
    case COMMIT_ADD:
        body.n_add = n;
        body.add = pointers;
        break;
    case COMMIT_FORGET:
        body.n_forget = n;
        body.forget = pointers;
        break;
    case COMMIT_FORGET_REPLACED:
        body.n_forget_replaced = n;
        body.forget_replaced = pointers;
        break;
    }
    message.body_case = FXNODE__HELPER__TO_NODE__BODY_COMMIT;
    message.commit = &body;
    uplink_send(receive->course.uplink, &message);
}

static void send_commit(struct receive *receive, enum commit what, const struct rangeset *set) {
    for (size_t at = 0; set != NULL && at < set->length;)
        send_commit_part(receive, what, set, &at);
}

void receive_send_commit(struct receive *receive, const struct rangeset *add,
                         const struct rangeset *forget) {
    send_commit(receive, COMMIT_FORGET, forget);
    send_commit(receive, COMMIT_ADD, add);
}

void receive_send_forget_replaced(struct receive *receive, const struct rangeset *forget) {
    send_commit(receive, COMMIT_FORGET_REPLACED, forget);
}

/* The parts of one list share a ticket. */
void receive_send_record(struct receive *receive, Fxnode__Helper__ToNode *message) {
    bool placing = message->body_case == FXNODE__HELPER__TO_NODE__BODY_PLACING;

    if (!receive->more)
        receive->ticket++;
    receive->more = placing && message->placing->more;
    if (placing)
        message->placing->ticket = receive->ticket;
    else
        message->done->ticket = receive->ticket;
    uplink_send(receive->course.uplink, message);
    if (!placing)
        crash_point("done-asked");
}

int receive_keep(void *context, struct receipt_marks *marks) {
    const struct receive *receive = context;
    const struct keep keep = {.manifest = receive->manifest,
                              .hashes = staging_hashes(receive->staging),
                              .stamps = -1,
                              .summary = receive->offer != NULL ? &receive->offer->summary
                                                                : &receive->job->manifest,
                              .marks = marks};

    return keep_send(&keep, receive->course.uplink);
}

/* Appends a batch, which was found good, to the manifest. */
static void store_manifest(struct receive *receive, const struct receiver_action *action) {
    uint8_t prefix[MANIFEST_PREFIX];
    struct fail fail = {0};
    int r = 0;

    bytes_put(prefix, action->length, sizeof prefix);
    if (receive->manifest < 0) {
        r = staging_manifest_create(receive->staging, &receive->manifest, &fail);
        receive->manifest_length = 0;
    }
    if (r == 0) {
        r = io_pwrite_full(receive->manifest, prefix, sizeof prefix, receive->manifest_length);
        if (r == 0)
            r = io_pwrite_full(receive->manifest, action->message, action->length,
                               receive->manifest_length + sizeof prefix);
        receive->manifest_length += sizeof prefix + action->length;
        if (r < 0)
            fail_set(&fail, r, "cannot write %s", staging_shown(receive->staging));
        if (r == -ENOSPC || r == -EDQUOT)
            r = STAGING_NO_SPACE;
    }
    if (r != 0)
        receive_stop_locked(receive, r, fail.text);
}

/* Keeps what has to be done outside of the lock, before the next control message. */
static void set_task(struct receive *receive, const struct receiver_action *action) {
    struct receive_task *task = &receive->task;

    *task =
        (struct receive_task){.kind = action->kind, .entry = action->entry, .count = action->count};
    memcpy(task->digest, action->digest, sizeof task->digest);
    if (action->kind == RECEIVER_DROP && action->text != NULL)
        escape_text(task->text, sizeof task->text, action->text);
}

void receive_act(struct receive *receive) {
    struct receiver_action action;

    while (!atomic_load(&receive->course.ended) && receiver_next(receive->receiver, &action)) {
        switch (action.kind) {
        case RECEIVER_SEND:
            course_queue(&receive->course, action.message, action.length);
            break;
        case RECEIVER_OFFERED:
            receive->offer = action.offer;
            send_offered(receive);
            break;
        case RECEIVER_STORE_MANIFEST:
            store_manifest(receive, &action);
            break;
        case RECEIVER_COMMIT:
            receive_send_commit(receive, action.add, action.forget);
            receive->commit_ticket = receive->ticket;
            break;
        case RECEIVER_SYNC_MANIFEST:
        case RECEIVER_CHECK:
        case RECEIVER_DROP:
            set_task(receive, &action);
            break;
        case RECEIVER_FINALIZE:
            receive->finalize = true;
            break;
        case RECEIVER_FINISHED:
            send_finished(receive);
            break;
        case RECEIVER_CLOSE_LANE:
            log_debug("lane %u gives way to a newer one", action.lane);
            connection_shut(receive->course.lanes[action.lane].connection);
            break;
        case RECEIVER_END:
            course_end(&receive->course, action.end->outcome, action.end->text);
            break;
        default:
            break;
        }
        course_changed(&receive->course);
        course_wake(&receive->course);
    }
}

const char *receive_obstacle(int outcome) {
    switch (outcome) {
    case -EACCES:
    case -EPERM:
    case -EROFS:
    case -EIO:
    case -ENOENT:
    case -ENOTDIR:
    case -ESTALE:
        return "it cannot write into its directory for received files";
    case STAGING_NONE:
        return "it does not find what it has of this transfer";
    default:
        return NULL;
    }
}

void receive_stop_locked(struct receive *receive, int outcome, const char *text) {
    const char *obstacle = receive_obstacle(outcome);
    enum exchange_outcome end = EXCHANGE_FAILED;
    exchange_reason reason = FXNODE__WIRE__STOP__REASON__ERROR;

    if (outcome == STAGING_NO_SPACE) {
        end = EXCHANGE_NO_SPACE;
        reason = FXNODE__WIRE__STOP__REASON__NO_SPACE;
        obstacle = "its disk is full";
    } else if (obstacle != NULL) {
        reason = FXNODE__WIRE__STOP__REASON__BUSY;
    }
    course_prepare_end(&receive->course, end, text);
    if (receiver_stop(receive->receiver, reason, obstacle) == 0)
        receive_act(receive);
    course_end(&receive->course, end, text);
}

void receive_stop(struct receive *receive, int outcome, const char *text) {
    pthread_mutex_lock(&receive->course.lock);
    receive_stop_locked(receive, outcome, text);
    pthread_mutex_unlock(&receive->course.lock);
}

void receive_out_of_step(struct receive *receive) {
    course_end(&receive->course, EXCHANGE_FAILED, "the transfer got out of step");
}
