/*
 * The transfers that a running node has to do with: every unfinished one, and a finished one for as
 * long as something still holds it. The database has the truth; here is its mirror, and what is
 * shown beyond it (connecting, waiting, progress). Loop's thread; nothing blocks.
 */
#ifndef NODE_DAEMON_TRANSFER_H
#define NODE_DAEMON_TRANSFER_H

#include "base/fail.h"
#include "node/common/address.h"
#include "node/daemon/node.h"
#include "node/daemon/note.h"
#include "proto/control.pb-c.h"
#include "proto/helper.pb-c.h"
#include "store/store.h"
#include "store/store_transfer.h"

#include <stdbool.h>
#include <stdint.h>

typedef Fxnode__Control__Transfer__State transfer_shown;

#define TRANSFER_SHOWN(state) FXNODE__CONTROL__TRANSFER__STATE__##state

/* For `done`: a transfer goes out of which only its receiver knows, until a session has asked. */
#define TRANSFER_DONE_UNKNOWN UINT64_MAX

struct transfers;
struct outgoing_run;
struct receiving;

/* Read by all parts of the node; changed through the functions below, but for what begins at
 * `run`, which belongs to outgoing.c and incoming.c. */
struct transfer {
    struct transfer *next;
    struct node *node;
    struct store_transfer record; /* as in the database, or about to be */
    transfer_shown shown;
    char reason[512]; /* escaped */
    uint64_t done;    /* bytes durable at the receiver, or TRANSFER_DONE_UNKNOWN */
    unsigned holds;
    struct outgoing_run *run;
    unsigned elsewhere; /* incoming: so many next sessions of its peer open its directory instead of
                           today's, unless it comes before */
    struct receiving *receiving; /* the session that owns the staging directory */
    bool has_from;               /* incoming: there has been a session since the node started */
    struct address from;         /* and where the last one came from; it may be gone */
    bool put_off;   /* delivered, and its sources are not removed before the next start */
    bool announced; /* incoming: the console has named the offer */
};

/* Who wants to know. All are called on the loop. */
struct transfers_watch {
    void (*changed)(void *context, const struct transfer *transfer); /* state or reason */
    void (*progress)(void *context, const struct transfer *transfer);
    void (*noted)(void *context, const struct transfer *transfer, const struct note *note);
    void *context;
};

/* Loads the unfinished ones. Blocks; for set-up. 0, or -errno with `fail` filled. */
int transfers_load(struct transfers **out, struct node *node, struct store *store,
                   struct fail *fail);
void transfers_watch(struct transfers *transfers, const struct transfers_watch *watch);
void transfers_free(struct transfers *transfers);

/* The list: follow `next`. A transfer that finishes leaves it, so take `next` before acting on one.
 */
struct transfer *transfers_first(struct transfers *transfers);
struct transfer *transfers_find(struct transfers *transfers, uint64_t number);
struct transfer *transfers_find_id(struct transfers *transfers, enum store_direction direction,
                                   const uint8_t *key, const uint8_t *id);

/* Takes over the contents of *record (emptied) as a new transfer. NULL where memory is short. */
struct transfer *transfers_add(struct transfers *transfers, struct store_transfer *record);

/* The same in two steps, for who may not fail once it is recorded: the first gives an empty one
 * (NULL where memory is short), which the second adds (taken over), or transfer_free() takes back.
 */
struct transfer *transfer_new(void);
void transfers_put(struct transfers *transfers, struct transfer *transfer,
                   struct store_transfer *record);
void transfer_free(struct transfer *transfer);

/* What a state of the database looks like when nothing goes on. */
transfer_shown transfer_shown_of(enum store_state state);

/* Shows another state; nothing durable. `reason` may be NULL. */
void transfer_show(struct transfer *transfer, transfer_shown shown, const char *reason);

/* Changes the state durably. It counts here at once, and is shown when it is durable; QUEUED and
 * RUNNING are not, since what goes on says more. A finished transfer then leaves the list. */
void transfer_set_state(struct transfer *transfer, enum store_state state, const char *reason);

/* The same to RUNNING, and with it what becomes of names that exist. */
void transfer_accept(struct transfer *transfer, enum store_exists exists);

/* Ends an incoming offer that was taken back as cancelled, and has the database forget it: whoever
 * likes may offer and take back, again and again. */
void transfer_forget(struct transfer *transfer, const char *reason);

/* The database has just reached `state` by other means (placing, delivery): mirrors and shows it.
 */
void transfer_has_state(struct transfer *transfer, enum store_state state, const char *reason);

/* Of a delivered one that moves: its sources were gone through, as is recorded. Shows it again. */
void transfer_moved(struct transfer *transfer, uint32_t moved, uint32_t stayed);

/* The same where that comes to nothing before the next start of a node. */
void transfer_put_off(struct transfer *transfer);

void transfer_progress(struct transfer *transfer, uint64_t done);
void transfer_note(struct transfer *transfer, const struct note *note);

bool transfer_is_finished(const struct transfer *transfer);

/* Fills in what a session has to know of it: number, id, manifest and sizes. Borrowed. */
void transfer_describe(const struct transfer *transfer, Fxnode__Helper__Job *job);

void transfer_describe_record(const struct store_transfer *record, Fxnode__Helper__Job *job);

/* What becomes of names that exist, as sessions are told. */
Fxnode__Helper__Exists transfer_exists(const struct transfer *transfer);

/* Tells a session the directory of a transfer: `destination` as it is recorded (landing.h), and
 * borrowed. */
void transfer_describe_landing(const char *destination, Fxnode__Helper__Job *job);

/* Keeps the struct in memory; a finished transfer goes with the last hold. */
void transfer_hold(struct transfer *transfer);
void transfer_release(struct transfer *transfer);

#endif
