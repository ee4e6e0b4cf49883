/*
 * From a staged tree to placed items: names are chosen, recorded by the node, renamed, recorded as
 * done. At the end of a transfer, and again after an interruption. One thread; blocks.
 */
#ifndef NODE_SESSION_PLACING_H
#define NODE_SESSION_PLACING_H

#include "base/fail.h"
#include "base/rangeset.h"
#include "files/receipt.h"
#include "files/staging.h"
#include "node/session/catalog.h"
#include "node/session/job.h"
#include "proto/helper.pb-c.h"
#include "proto/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Top-level items of a transfer: their names are in memory together. */
#define PLACING_ITEMS_MAX 16384u

struct placing {
    struct staging *staging;
    struct catalog *catalog;
    uint32_t entries;
    uint64_t bytes;                 /* of their files; only for placing_run */
    struct rangeset *failed;        /* entries that are not delivered; borrowed; placing_run adds
                                       links that the file system does not take */
    const struct rangeset *skipped; /* entries that the destination had already; borrowed */
    Fxnode__Helper__Exists exists;
    bool begun;             /* all of it is from this connection; only for placing_run */
    bool outside_links;     /* those that lead outside are kept; only for placing_run */
    uint32_t failed_before; /* how many that were when Placing was recorded, if it was */
    bool exact_before;      /* what was recorded with that; only for placing_resume */

    struct receipt_marks *marks; /* empty at first: what becomes of the entries, but for placing */

    /* All is placed and durable, and `marks` complete: gives the node what is kept of it. 0 or
     * negative. */
    int (*keep)(void *context, struct receipt_marks *marks);

    /* Sends a Placing or Done, whose ticket it sets, and waits until it is recorded. 0 or negative.
     */
    int (*record)(void *context, Fxnode__Helper__ToNode *message);

    /* Tells the user what arrives otherwise than it was sent. Only placing_run does. */
    void (*note)(void *context, const char *line);

    /* Whether to leave it, as long as nothing is placed: all of that can be done again. Only for
     * placing_run, which then returns -ECANCELED. */
    bool (*stopped)(void *context);
    void *context;
};

/* The final top-level names, in order: the first LIMIT_OFFER_NAMES; how many entries were not
 * delivered, and how many without some of their extended attributes, as far as that is known. */
struct placing_result {
    struct manifest_name names[LIMIT_OFFER_NAMES];
    size_t count;
    uint32_t failed;
    uint32_t lacking; /* 0 where it was finished before an interruption */
    bool exact;       /* all others are as they were sent, but for what is lacking: certainly */
};

/* Finishes what is staged, places and records it. 0; an outcome of enum staging_outcome or
 * negative, with `fail` filled. */
int placing_run(const struct placing *placing, struct placing_result *result, struct fail *fail);

/* Goes on after Placing was recorded with `names`. Returns as above. */
int placing_resume(const struct placing *placing, const struct job_name *names, size_t count,
                   struct placing_result *result, struct fail *fail);

/* Entries that are not within the recorded `extents`: the ones with content that had failed, into
 * `failed`. 0 or as catalog_by_entry(). */
int placing_failed(struct catalog *catalog, uint32_t entries, const struct rangeset *extents,
                   struct rangeset *failed, struct fail *fail);

#endif
