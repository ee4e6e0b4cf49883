/*
 * The way of units at a receiver, without messages: in flight on a lane -> written -> being synced
 * -> synced, waiting for a commit -> being committed -> durable; and back, when they are forgotten.
 * Used by receiver.c, which says what each step means to its callers. No lock.
 */
#ifndef PROTO_INTAKE_H
#define PROTO_INTAKE_H

#include "base/limits.h"
#include "base/rangeset.h"
#include "proto/record.h"

#include <stdbool.h>
#include <stdint.h>

/* What one lane is in the middle of. */
struct intake_lane {
    bool open;
    bool active;   /* `unit` is in flight here */
    bool skipping; /* the rest of `unit` comes in and is not wanted */
    bool writing;  /* between intake_record and intake_written */
    bool blocked;  /* waits since blocked_since for another lane that has the same unit */
    uint64_t blocked_since;
    uint32_t blocked_by; /* the other one */
    bool starved;        /* waits until there is room in the batch */
    uint64_t unit;
    uint32_t size;
    uint32_t stored; /* bytes of it that have to be written: none of a hole */
    uint32_t next;   /* offset that comes next */
};

/* Plain value; zeroed, then intake_init. Sets are to be read only. */
struct intake {
    uint64_t units;
    uint64_t batch_bytes;
    uint32_t batch_ms;
    struct intake_lane lanes[LIMIT_LANES];
    struct rangeset arrived; /* complete in whatever stage, or dropped: not wanted again */
    struct rangeset written;
    struct rangeset syncing; /* not changed while a sync is under way */
    struct rangeset synced;
    struct rangeset adding; /* not changed while a commit is under way, nor `forgetting` */
    struct rangeset forgetting;
    struct rangeset forget; /* for the next commit */
    struct rangeset durable;
    struct rangeset dropped; /* of failed entries */
    struct rangeset settled; /* durable or dropped */
    struct rangeset told;    /* reported to the sender at any time, or dropped */
    uint64_t written_bytes, syncing_bytes, synced_bytes, adding_bytes;
    uint64_t oldest; /* when the first of `written` was written */
    bool sync_active, commit_active;
};

enum intake_answer {
    INTAKE_WRITE,
    INTAKE_DISCARD,
    INTAKE_WAIT,
    INTAKE_BLOCKED, /* the same, from now on: for lanes[].blocked_by, which is to be closed */
    INTAKE_VIOLATION,
};

void intake_init(struct intake *intake, uint64_t units, uint64_t batch_bytes, uint32_t batch_ms);
void intake_clear(struct intake *intake);

/* Units durable from before. 0, -EINVAL beyond the last unit, -ENOMEM. */
int intake_hold(struct intake *intake, const struct rangeset *held);

/* What to do with a record on lane `number`, which is open. */
enum intake_answer intake_record(struct intake *intake, uint64_t now_ms, uint32_t number,
                                 const struct record_piece *piece);

/* It is written. 0, -EINVAL where none was to be, -ENOMEM. */
int intake_written(struct intake *intake, uint64_t now_ms, uint32_t number,
                   const struct record_piece *piece, bool *completed);

/* What the lane had half received is forgotten. */
void intake_lane_lost(struct intake *intake, uint32_t lane);

/* Since when some lane waits for another that has its unit; UINT64_MAX where none does. */
uint64_t intake_blocked_since(const struct intake *intake);

bool intake_sync_due(const struct intake *intake, uint64_t now_ms);

/* When a sync will be due by age; UINT64_MAX where nothing waits for one. */
uint64_t intake_sync_deadline(const struct intake *intake);

/* written -> syncing -> synced. 0, -EINVAL out of turn, -ENOMEM. */
int intake_sync_begin(struct intake *intake);
int intake_sync_end(struct intake *intake);

/* synced -> adding, forget -> forgetting. *begun: whether there is something to commit now. */
int intake_commit_begin(struct intake *intake, bool *begun);

/* adding -> durable; what was forgotten may come in again. Adds to `report` what became durable and
 * to `again` what has to be sent again (empty sets, owned by the caller). 0, -EINVAL out of turn,
 * -ENOMEM. */
int intake_commit_end(struct intake *intake, struct rangeset *report, struct rangeset *again);

/* Units of a failed entry: not wanted and forgotten where they were durable. */
int intake_drop(struct intake *intake, uint64_t first, uint64_t count);

/* Durable units have to be sent again: no longer durable, forgotten by the next commit. *forgotten:
 * how many. */
int intake_forget(struct intake *intake, uint64_t first, uint64_t count, uint64_t *forgotten);

/* Nothing is on its way through the stages, and all is settled. */
bool intake_is_complete(const struct intake *intake);

#endif
