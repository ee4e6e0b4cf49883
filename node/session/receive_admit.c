#include "node/session/receive_admit.h"
#include "base/crash.h"
#include "base/io.h"
#include "files/clean.h"
#include "files/skipped.h"
#include "node/session/placing.h"
#include "node/session/receive.h"
#include "node/session/receive_inherit.h"
#include "proto/features.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What becomes of links that lead outside, for as long as this connection lasts. */
static enum receiver_outside outside_of(const struct receive *receive) {
    if ((receive->features & FEATURE_OUTSIDE) == 0)
        return RECEIVER_OUTSIDE_REFUSED;
    return receive->job->outside_links ? RECEIVER_OUTSIDE_KEPT : RECEIVER_OUTSIDE_LEFT;
}

/* The node said yes: everything that has to be there before the peer may be told. While this runs
 * the session has one thread and no lock is needed. */

static void answer(struct receive *receive, Fxnode__Wire__Verdict__Answer what, const char *reason,
                   const struct rangeset *held) {
    struct receiver_admission admission = {
        .answer = what, .outside = outside_of(receive), .reason = reason, .held = held};

    if (receiver_admit(receive->receiver, io_now_ms(), &admission) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
}

static void answer_delivered(struct receive *receive, const struct exchange_delivery *delivery) {
    struct receiver_admission admission = {.answer = FXNODE__WIRE__VERDICT__ANSWER__DELIVERED,
                                           .delivery = *delivery};

    if (receiver_admit(receive->receiver, io_now_ms(), &admission) < 0)
        receive_out_of_step(receive);
    receive_act(receive);
}

/* Something on the disk is not as it should be: the sender comes back until it is. */
static void postpone(struct receive *receive, const char *told, const struct fail *fail) {
    char text[sizeof receive->course.end.text];

    snprintf(text, sizeof text, "%.400s; once that is put right the transfer goes on by itself",
             fail->text);
    course_prepare_end(&receive->course, EXCHANGE_FAILED, text);
    answer(receive, FXNODE__WIRE__VERDICT__ANSWER__BUSY, told, NULL);
}

/* What stands in the way here, told to both sides, unless it is the node that wants it to stop. */
static void refuse(struct receive *receive, int outcome, const struct fail *fail) {
    if (atomic_load(&receive->course.ended))
        return;
    switch (outcome) {
    case STAGING_NO_SPACE:
        course_prepare_end(&receive->course, EXCHANGE_NO_SPACE, fail->text);
        answer(receive, FXNODE__WIRE__VERDICT__ANSWER__NO_SPACE, "its disk is full", NULL);
        break;
    case STAGING_BUSY:
        course_prepare_end(&receive->course, EXCHANGE_BUSY, fail->text);
        answer(receive, FXNODE__WIRE__VERDICT__ANSWER__BUSY, NULL, NULL);
        break;
    default:
        if (receive_obstacle(outcome) == NULL) {
            receive_stop_locked(receive, outcome, fail->text);
            break;
        }
        postpone(receive, receive_obstacle(outcome), fail);
    }
}

/* What is recorded of a transfer was on the disk before it was recorded. Where it is not found the
 * disk is another one: nothing is begun on that, and nothing forgotten. */
static int astray(const struct receive *receive, uint64_t number, struct fail *fail) {
    fail_set(fail, 0,
             "%s/" DESTINATION_AREA "/%llu does not hold what has arrived of this transfer, so "
             "another disk is there (cancel the transfer if the right one is lost)",
             destination_shown(receive->destination), (unsigned long long)number);
    return STAGING_NONE;
}

/* The staging of the transfer, where there is a place for it. */
static int open_staging(struct receive *receive, uint64_t number, bool create, struct fail *fail) {
    if (receive->destination == NULL) {
        *fail = receive->obstacle;
        return -EACCES;
    }
    int r = staging_open(&receive->staging, receive->destination, number, create, fail);
    return r == STAGING_NONE ? astray(receive, number, fail) : r;
}

static int load_batch(void *context, const void *batch, size_t length, struct fail *fail) {
    struct receive *receive = context;

    return receiver_manifest_load(receive->receiver, batch, length, fail);
}

/* Takes over a manifest that is kept from before, where it is the one offered. 0, whether or not it
 * is; negative. */
static int load_manifest(struct receive *receive, struct fail *fail) {
    int r = staging_manifest_open(receive->staging, &receive->manifest, fail);

    if (r == STAGING_NONE)
        return 0;
    if (r == 0)
        r = catalog_read(receive->manifest, load_batch, receive, fail);
    if (r < 0)
        return r;
    if (r == 0 && receiver_index(receive->receiver) != NULL)
        return 0;
    io_close(&receive->manifest);
    r = receiver_manifest_reset(receive->receiver);
    return r < 0 ? fail_set(fail, r, "cannot take over what was kept") : 0;
}

/* Whatever is staged under this number belongs to something else: where a database was lost its
 * successor gives the same numbers again. Not even a name of it may get into this transfer. */
static int start_anew(struct receive *receive, uint64_t number, struct fail *fail) {
    int r = 0;

    if (receive->job->extents.length > 0)
        return astray(receive, number, fail);
    r = clean_contents(receive->staging, fail);
    if (r < 0)
        return r;
    staging_close(receive->staging);
    receive->staging = NULL;
    receive->begun = true;
    return open_staging(receive, number, true, fail);
}

static int count_held(struct receive *receive, uint64_t *bytes, struct fail *fail) {
    struct job *job = receive->job;
    struct catalog *catalog = NULL;
    uint64_t units = receive->offer->summary.units;
    int r = rangeset_remove(&job->extents, units, UINT64_MAX - units);

    if (r == 0)
        r = catalog_new(&catalog, receive->manifest, receiver_index(receive->receiver));
    if (r < 0)
        return fail_set(fail, r, "cannot take over what was kept");
    r = catalog_bytes(catalog, &job->extents, bytes, fail);
    catalog_free(catalog);
    return r > 0 ? -EBADMSG : r;
}

/* What the sender says need not be so, and some of what is held may be holes too: then it is the
 * disk that says so when it is full, as it does where others fill it meanwhile. */
static uint64_t hole_bytes(const struct receive *receive) {
    uint64_t holes = receive->offer->holes;

    return holes > 0 && staging_keeps_holes(receive->staging) ? holes : 0;
}

/* Whether what is missing still fits. 0 or STAGING_NO_SPACE. */
static int check_space(struct receive *receive, uint64_t held, struct fail *fail) {
    const struct manifest_summary *summary = &receive->offer->summary;
    uint64_t stored = summary->bytes - hole_bytes(receive);
    uint64_t needed = stored > held ? stored - held : 0;
    uint64_t free_bytes = 0;

    /* How much of it exists, and is not moved, is not known yet. */
    if (receive->exists != FXNODE__HELPER__EXISTS__EXISTS_RENAME)
        return 0;
    /* The list of files and their hashes are kept beside them. And where they are here already, as
     * much as a batch may have been written that counts for nothing, but needs no room again. */
    if (receive->manifest < 0)
        needed += summary->length + summary->units * LIMIT_CHUNK_HASH;
    else
        needed -= needed < receive->job->batch_bytes ? needed : receive->job->batch_bytes;
    if (destination_free_bytes(receive->destination, &free_bytes) < 0 || needed <= free_bytes)
        return 0;
    fail_set(fail, 0,
             "%s needs %llu bytes of free space and has %llu; it goes on once there is room",
             destination_shown(receive->destination), (unsigned long long)needed,
             (unsigned long long)free_bytes);
    return STAGING_NO_SPACE;
}

static int prepare(struct receive *receive, uint64_t number, struct fail *fail) {
    uint64_t held = 0;
    uint64_t replaced = 0;
    int r = 0;

    if (receive->offer->summary.name_count > PLACING_ITEMS_MAX)
        return fail_set(fail, 0, "more than %u items are offered at once", PLACING_ITEMS_MAX);
    r = open_staging(receive, number, receive->job->extents.length == 0, fail);
    if (r == 0)
        r = load_manifest(receive, fail);
    if (r == 0 && receive->manifest < 0)
        r = start_anew(receive, number, fail);
    else if (r == 0)
        r = count_held(receive, &held, fail);
    if (r == 0)
        r = receive_inherit_open(receive, &replaced, fail);
    /* What is not taken over of that makes room when it goes. */
    if (r == 0)
        r = check_space(receive, held + replaced, fail);
    if (r == 0 && receive->manifest >= 0)
        r = receive_directories(receive, fail);
    if (r == 0 && receive->manifest >= 0)
        r = receive_inherit(receive, true, fail);
    if (r == 0 && receive->manifest >= 0)
        r = receive_skip(receive, fail);
    return r;
}

int receive_admit_recorded(struct receive *receive) {
    struct uplink_message *message = NULL;
    int r = 0;

    while (receive->recorded < receive->ticket) {
        r = uplink_receive(receive->course.uplink, &message, 0);
        if (r <= 0)
            return -ECANCELED;
        if (message->body->body_case == FXNODE__HELPER__TO_SESSION__BODY_COMMITTED)
            receive->recorded = message->body->committed->ticket;
        if (message->body->body_case == FXNODE__HELPER__TO_SESSION__BODY_STOP) {
            if (receive->receiver != NULL) /* there is a peer */
                receive_halt_alone(receive, message->body->stop->reason);
            return -ECANCELED;
        }
    }
    return 0;
}

/* As where data was received, by the one thread there is. */
static int record_alone(void *context, Fxnode__Helper__ToNode *message) {
    struct receive *receive = context;

    receive_send_record(receive, message);
    return receive->more ? 0 : receive_admit_recorded(receive);
}

/* What was left out has no content here either, and did not fail. */
static int load_skipped(struct receive *receive, struct rangeset *failed, struct rangeset *skipped,
                        struct fail *fail) {
    int r = skipped_read(receive->staging, skipped, fail);

    if (r < 0)
        return r;
    r = rangeset_remove_all(failed, skipped);
    return r < 0 ? fail_set(fail, r, "cannot place what was received") : 0;
}

int receive_resume_placing(struct receive *receive, const struct manifest_index *index,
                           uint32_t entries, struct placing_result *result, struct fail *fail) {
    const struct job *job = receive->job;
    struct receipt_marks marks;
    struct placing placing = {.staging = receive->staging,
                              .entries = entries,
                              .failed_before = job->failed,
                              .exact_before = job->exact,
                              .exists = receive->exists,
                              .marks = &marks,
                              .keep = receive_keep,
                              .record = record_alone,
                              .context = receive};
    struct rangeset failed;
    struct rangeset skipped;
    int r = catalog_new(&placing.catalog, receive->manifest, index);

    receipt_marks_init(&marks);
    rangeset_init(&failed);
    rangeset_init(&skipped);
    placing.failed = &failed;
    placing.skipped = &skipped;
    if (r < 0)
        fail_set(fail, r, "cannot place what was received");
    if (r == 0)
        r = placing_failed(placing.catalog, entries, &job->extents, &failed, fail);
    if (r == 0 && receive->exists != FXNODE__HELPER__EXISTS__EXISTS_RENAME)
        r = load_skipped(receive, &failed, &skipped, fail);
    if (r == 0)
        r = placing_resume(&placing, job->names, job->name_count, result, fail);
    receipt_marks_clear(&marks);
    catalog_free(placing.catalog);
    rangeset_clear(&failed);
    rangeset_clear(&skipped);
    return r;
}

/* The transfer was being placed when it was interrupted: that is completed first, and then it is
 * one that was delivered before. */
static void admit_placing(struct receive *receive, uint64_t number) {
    struct placing_result result;
    struct fail fail = {0};
    int r = receive_bar(receive, &fail);

    if (r == 0)
        r = open_staging(receive, number, false, &fail);
    if (r == 0)
        r = load_manifest(receive, &fail);
    if (r == 0 && receive->manifest < 0)
        r = astray(receive, number, &fail);
    if (r == 0)
        r = receive_resume_placing(receive, receiver_index(receive->receiver),
                                   receive->offer->summary.entries, &result, &fail);
    if (r != 0) {
        refuse(receive, r, &fail);
        return;
    }
    receive_clean(receive);
    answer_delivered(receive, &(struct exchange_delivery){.names = result.names,
                                                          .count = result.count,
                                                          .failed = result.failed,
                                                          .exact = result.exact});
}

static void admit_accept(struct receive *receive, uint64_t number) {
    struct fail fail = {0};
    int r = receive_bar(receive, &fail);

    if (r == 0)
        r = prepare(receive, number, &fail);
    if (r != 0) {
        refuse(receive, r, &fail);
        return;
    }
    receive->prepared = receive->manifest >= 0;
    answer(receive, FXNODE__WIRE__VERDICT__ANSWER__ACCEPT, NULL, &receive->job->extents);
    crash_point("accepted");
}

static const Fxnode__Wire__Verdict__Answer answers[] = {
    [FXNODE__HELPER__ADMIT__ANSWER__REFUSE] = FXNODE__WIRE__VERDICT__ANSWER__REFUSE,
    [FXNODE__HELPER__ADMIT__ANSWER__BUSY] = FXNODE__WIRE__VERDICT__ANSWER__BUSY,
    [FXNODE__HELPER__ADMIT__ANSWER__ASKED] = FXNODE__WIRE__VERDICT__ANSWER__ASKED,
    [FXNODE__HELPER__ADMIT__ANSWER__CONFLICT] = FXNODE__WIRE__VERDICT__ANSWER__CONFLICT,
};

/* By an earlier connection, as the node has it recorded. */
static void admit_delivered(struct receive *receive, const Fxnode__Helper__Admit *admit) {
    struct manifest_name names[LIMIT_OFFER_NAMES];
    struct exchange_delivery delivery = {
        .names = names, .failed = admit->failed, .exact = admit->exact};

    for (; delivery.count < admit->n_names && delivery.count < LIMIT_OFFER_NAMES;
         delivery.count++) {
        const ProtobufCBinaryData *name = &admit->names[delivery.count];

        names[delivery.count].length = (uint8_t)name->len;
        memcpy(names[delivery.count].bytes, name->data, name->len);
    }
    answer_delivered(receive, &delivery);
}

void receive_admit(struct receive *receive, const Fxnode__Helper__Admit *admit) {
    if (receive->offer == NULL || atomic_load(&receive->course.ended))
        return;
    receive->exists = admit->exists;
    receive->admitted = admit->answer != FXNODE__HELPER__ADMIT__ANSWER__ASKED;
    receive->job->failed = admit->failed;
    receive->job->exact = admit->exact;
    if (admit->replaced != NULL)
        job_replace(receive->job, admit->replaced);
    if (admit->answer == FXNODE__HELPER__ADMIT__ANSWER__DELIVERED)
        admit_delivered(receive, admit);
    else if (admit->answer != FXNODE__HELPER__ADMIT__ANSWER__ACCEPT)
        answer(receive, answers[admit->answer], admit->reason, NULL);
    else if (admit->placing)
        admit_placing(receive, admit->number);
    else
        admit_accept(receive, admit->number);
}
