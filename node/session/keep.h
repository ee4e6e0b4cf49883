/*
 * Gives the node what is kept of a transfer that is delivered: its receipt (files/receipt.h), in
 * messages, before the one that says so.
 */
#ifndef NODE_SESSION_KEEP_H
#define NODE_SESSION_KEEP_H

#include "files/hashes.h"
#include "files/receipt.h"
#include "node/session/uplink.h"
#include "proto/manifest.h"

/* What a receipt is made of; all borrowed. */
struct keep {
    int manifest;
    struct hashes *hashes;
    int stamps; /* the file of a sender; -1 at a receiver */
    const struct manifest_summary *summary;
    struct receipt_marks *marks;
};

/* Sends all of it; nothing where it is more than LIMIT_RECEIPT. Blocks. 0 or -errno. */
int keep_send(const struct keep *keep, struct uplink *uplink);

#endif
