/*
 * What a session is to do, as the node said it: the messages Paths, Extents, Names and Job
 * collected into one value.
 */
#ifndef NODE_SESSION_JOB_H
#define NODE_SESSION_JOB_H

#include "base/limits.h"
#include "base/lineage.h"
#include "base/rangeset.h"
#include "node/session/uplink.h"
#include "proto/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a top-level item goes, committed before. */
struct job_name {
    uint32_t item;
    uint64_t device;
    uint64_t inode;
    struct manifest_name name;
};

/* Its strings and lists are its own; see Job in helper.proto for what each kind has. */
struct job {
    Fxnode__Helper__Job__Kind kind;
    char *work;
    char *state;
    char *destination;
    char *directory;
    uint64_t number;
    uint8_t transfer_id[LIMIT_TRANSFER_ID];
    struct manifest_summary manifest; /* without names */
    uint32_t lanes;
    uint32_t lanes_near;
    uint64_t rate;
    uint64_t batch_bytes;
    uint32_t batch_ms;
    bool known;
    uint32_t failed; /* also from Admit */
    bool exact;      /* likewise */
    bool replaces;
    bool moves;
    bool outside_links;
    Fxnode__Helper__Exists exists;
    Fxnode__Helper__RecordLayer record_layer;
    char **paths;
    size_t path_count;
    char **exclude;
    size_t exclude_count;
    bool one_file_system;
    struct job_name *names;
    size_t name_count;
    struct rangeset extents;
    struct lineage lineage; /* SEND */
    uint64_t replaced;      /* RECEIVE, with Admit: the transfer that is replaced, or 0 */
    struct manifest_summary replaced_manifest; /* without names */
    struct rangeset replaced_extents;
    int receipt; /* VERIFY, REMOVE: the file that the job came with, owned; else -1 */
};

void job_init(struct job *job);
void job_clear(struct job *job);

/* Takes what the message `from` the node says, and the descriptor of a job. Other messages are none
 * of its business and ignored. 0 or -ENOMEM. */
int job_add(struct job *job, struct uplink_message *from);

/* Takes what an Admit says of the transfer that is replaced. */
void job_replace(struct job *job, const Fxnode__Helper__Replaced *replaced);

/* Each kind of job, from start to Ended. They return when the session has nothing left to do. */
void job_scan(struct job *job, struct uplink *uplink);
void job_send(struct job *job, struct uplink *uplink);
void job_receive(struct job *job, struct uplink *uplink);
void job_place(struct job *job, struct uplink *uplink);
void job_clean(struct job *job, struct uplink *uplink);
void job_verify(struct job *job, struct uplink *uplink);
void job_remove(struct job *job, struct uplink *uplink);

#endif
