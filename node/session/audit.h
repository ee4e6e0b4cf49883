/*
 * A delivered transfer as it was kept: its receipt opened, and where its entries lie now. For the
 * jobs that look at it again. One thread.
 */
#ifndef NODE_SESSION_AUDIT_H
#define NODE_SESSION_AUDIT_H

#include "base/fail.h"
#include "files/items.h"
#include "files/receipt.h"
#include "node/session/catalog.h"
#include "node/session/job.h"
#include "node/session/spots.h"

#include <stdbool.h>
#include <stdint.h>

/* Read by the jobs. */
struct audit {
    const struct job *job;
    struct uplink *uplink;
    bool sent; /* at the sender */
    struct receipt_layout layout;
    struct manifest_checker *checker;
    struct catalog *catalog;
    struct catalog *originals; /* for hard links */
    struct receipt_marks marks;
    struct items *items; /* what was sent */
    int destination;     /* or where it was received; -1 */
    struct spots *spots;
};

/* Opens all of it, before the process is confined. 0; MSG_INVALID or negative with `fail` filled.
 * Either way for audit_close(). */
int audit_open(struct audit *audit, const struct job *job, struct uplink *uplink,
               struct fail *fail);
void audit_close(struct audit *audit);

/* The hashes of `count` units from `first` on. 0 or -errno. */
int audit_hashes(const struct audit *audit, uint64_t first, size_t count, uint8_t *out);

/* Whether the node wants it to stop, or is gone. */
bool audit_is_stopped(const struct audit *audit);

#endif
