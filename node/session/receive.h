/*
 * The receiving side of a transfer, as its threads share it. Only the files receive*.c use this.
 */
#ifndef NODE_SESSION_RECEIVE_H
#define NODE_SESSION_RECEIVE_H

#include "base/fail.h"
#include "base/rangeset.h"
#include "files/destination.h"
#include "files/receipt.h"
#include "files/stage_writer.h"
#include "files/staging.h"
#include "node/session/catalog.h"
#include "node/session/course.h"
#include "node/session/job.h"
#include "proto/receiver.h"

#include <stdbool.h>
#include <stdint.h>

#define RECEIVE_IDLE UINT32_MAX

/* What has to be done for a control message before the next one is read; by lane 0's thread. */
struct receive_task {
    enum receiver_action_kind kind; /* NONE, SYNC_MANIFEST, CHECK or DROP */
    uint32_t entry;
    uint32_t count;
    uint8_t digest[LIMIT_CHUNK_HASH];
    char text[512]; /* DROP: escaped */
};

struct receive {
    struct course course;
    struct job *job;                 /* its extents are what is held from before */
    struct destination *destination; /* NULL where it could not be opened */
    struct fail obstacle;            /* then: why */
    struct staging *staging;         /* NULL before the verdict */
    struct receive_old *old;         /* what is left to take over (receive_inherit.h), or NULL */
    uint32_t features;               /* that the sender has too */
    Fxnode__Helper__Exists exists;   /* from the verdict on */
    struct receiver *receiver;       /* under the lock of the course, with what follows */
    const struct receiver_offer *offer;
    struct receive_task task;
    bool begun;                 /* all that is staged is from this connection */
    bool admitted;              /* the node gave its answer */
    uint64_t ticket;            /* of the newest message that the node is to record */
    bool more;                  /* that one is a Placing with more to come */
    uint64_t recorded;          /* the newest that is recorded */
    uint64_t commit_ticket;     /* of the state machine's commit that is under way; 0: none */
    bool finalize;              /* content is complete: the disk's thread places it */
    bool pausing;               /* what is written is made durable, then it stops */
    bool pause_tells;           /* and tells the peer */
    bool cleaned;               /* the staging directory is removed, */
    struct fail litter;         /* or why not all of it: the session does not end as complete */
    bool dropping;              /* somebody waits for a lane to leave an entry */
    uint32_t busy[LIMIT_LANES]; /* the entry that a lane is writing, or RECEIVE_IDLE */
    bool prepared; /* the manifest is there, and in job->extents all that is held from before */
    int manifest;  /* -1 before there is one */
    uint64_t manifest_length; /* bytes of it while it is received */
};

/* The node wants it to stop where there is one thread yet: nothing is there that would have to be
 * made durable. Lock held. */
void receive_halt_alone(struct receive *receive, Fxnode__Helper__Stop__Reason reason);

/* The node has recorded everything up to `ticket`. Lock held. */
void receive_recorded(struct receive *receive, uint64_t ticket);

/* Waits for the connection, hears the offer and has it answered: by one thread, without the lock.
 * Afterwards the answer is queued, or the transfer has ended. */
void receive_greet(struct receive *receive);

/* Ends a connection that never had threads: the last words, then a moment for the peer to read
 * them. */
void receive_part(struct receive *receive);

/* Takes all actions of the state machine. Lock held, after every input to it. */
void receive_act(struct receive *receive);

/* Stops the transfer for an outcome of files/ or an error of ours; the peer is told what kind.
 * Lock not held. */
void receive_stop(struct receive *receive, int outcome, const char *text);

/* The same with the lock held. */
void receive_stop_locked(struct receive *receive, int outcome, const char *text);

/* What a peer is told about an error of ours on the disk: no path of this machine, and that it may
 * come again. NULL for other errors. */
const char *receive_obstacle(int outcome);

/* A call that the state machine should have allowed: ends the transfer. Lock held. */
void receive_out_of_step(struct receive *receive);

/* Has extents recorded and forgotten (either may be NULL); receive->ticket is that of the last
 * message. Lock held. */
void receive_send_commit(struct receive *receive, const struct rangeset *add,
                         const struct rangeset *forget);

/* Has extents of the transfer that is replaced forgotten, as above. */
void receive_send_forget_replaced(struct receive *receive, const struct rangeset *forget);

/* Gives the node what is kept of a transfer that is placed (struct placing). The manifest's file is
 * open. Lock not held. 0 or -errno. */
int receive_keep(void *context, struct receipt_marks *marks);

/* Sends a Placing or Done with its ticket set. Lock held. */
void receive_send_record(struct receive *receive, Fxnode__Helper__ToNode *message);

/* All directories of the manifest, whose index is there, are made and durable. Nobody writes yet.
 * Lock not held. 0; an outcome or negative with `fail` filled. */
int receive_directories(struct receive *receive, struct fail *fail);

/* Closes directories of other peers in the destination, where it is open, against what comes. 0, or
 * negative with `fail` filled. */
int receive_bar(struct receive *receive, struct fail *fail);

/* What was received is placed, and that is recorded: the staging goes. */
void receive_clean(struct receive *receive);

/* Leaves out what the destination has already, where that is wanted and the sender knows of it. The
 * manifest is there, and no data yet. Lock not held. 0; an outcome or negative with `fail` filled.
 */
int receive_skip(struct receive *receive, struct fail *fail);

/* Whether all that was left out is still there. Lock not held. 1 or 0; negative with `fail` filled.
 */
int receive_skip_holds(struct receive *receive, struct catalog *catalog, struct fail *fail);

/* Does what a control message asked for; `catalog` is NULL before there is a manifest. Lock not
 * held; thread of lane 0. */
void receive_do_task(struct receive *receive, struct stage_writer *writer, struct catalog *catalog);

/* Threads: the reader and the writer of lane 0, the reader of any other (argument: the lane); the
 * one that syncs and places, the one that reads what is held again (argument: struct receive). */
void *receive_read(void *arg);
void *receive_write(void *arg);
void *receive_sync(void *arg);
void *receive_verify(void *arg);

#endif
