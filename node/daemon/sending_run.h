/*
 * What sending.c (its life, scanning), sending_call.c (who gets it) and sending_record.c (what
 * becomes of it) share. Loop's thread.
 */
#ifndef NODE_DAEMON_SENDING_RUN_H
#define NODE_DAEMON_SENDING_RUN_H

#include "base/fail.h"
#include "node/daemon/dialer.h"
#include "node/daemon/link.h"
#include "node/daemon/outwork.h"
#include "node/daemon/peers.h"
#include "node/daemon/sending.h"
#include "node/daemon/trust.h"
#include "node/daemon/worker.h"
#include "store/store_transfer.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Exit statuses of the command. */
enum { SENDING_FAILED = 1, SENDING_UNREACHABLE = 3, SENDING_TRUST = 6 };

/* Goes on until resolving, scanning and calling are over; then recording; then it is freed. */
struct sending {
    struct node *node;
    struct sending_events events;
    bool over;  /* an end was reported or cancelled: only waits for what it started */
    bool stays; /* what is recorded of it, though it is over: it was left to the node after this */
    struct store_names paths;
    struct store_names exclude;
    bool one_file_system;
    bool moves;
    uint64_t rate;
    bool has_id;      /* the command chose record.transfer_id */
    uv_timer_t timer; /* how long the link may wait for the scan */

    struct resolve *resolve;
    struct resolve_target target;
    char claimed[TRUST_TEXT]; /* what is wrong if the target does not answer: another one goes by
                                 its name; else "" */
    enum trust_level level;   /* of the peer, when its key was met */
    bool warned;              /* that it is not paired */
    struct dialer *dialer;
    struct link link; /* fd -1: none */
    bool answered;    /* the peer did, at `reached`; the link may be gone since */
    struct address reached;
    bool called; /* resolving and calling are over */

    char work[OUTWORK_NAME_ROOM]; /* "" once it belongs to a transfer or is removed */
    struct worker *scan;
    unsigned scans; /* begun */
    bool scanned;
    bool complete; /* all of that is durable, though the process may still be there */
    uint32_t skipped;
    uint32_t partial;
    struct store_transfer record; /* what was found */

    bool recording; /* a job of the database is under way */
    bool noted;     /* there is a `note` of the peer, to be recorded along */
    struct peers_note note;
    struct transfer *made; /* while it is recorded: what it becomes, or NULL */
    uint64_t same;         /* number of the unfinished transfer of the same paths, 0: none */
    int result;
    struct fail fail;
};

/* sending.c */

/* Ends everything that is under way, without a report. */
void sending_wind_up(struct sending *sending);

/* Frees it once nothing that it started is left. */
void sending_free_if_over(struct sending *sending);

/* Ends it with an exit status and why. It may be gone afterwards. */
void sending_fail(struct sending *sending, int status, const char *text);

/* Goes on as soon as everything is known. */
void sending_advance(struct sending *sending);

/* sending_call.c */

/* A resolve_done: calls the peer that was found. */
void sending_resolved(void *context, enum resolve_outcome outcome,
                      const struct resolve_target *target, const char *text);

/* Whether the peer lost the trust that it had when its key was met: then the sending has failed. */
bool sending_is_revoked(struct sending *sending);

/* sending_record.c */

/* Everything is known: records it on the database's thread; it is over after that. */
void sending_record(struct sending *sending);

#endif
