/*
 * A transfer as it is once it is delivered: what was walked, its receipt, and sessions that look at
 * it again, each in a process of its own as in a node. In a room (../../files/room.h), which is the
 * directory that everything lies in at both ends.
 */
#ifndef TESTS_SESSION_DELIVERED_H
#define TESTS_SESSION_DELIVERED_H

#include "files/receipt.h"
#include "files/stamps.h"
#include "proto/helper.pb-c.h"
#include "proto/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELIVERED_PATHS 48
#define DELIVERED_ENTRIES 64

struct delivered {
    const char *paths[DELIVERED_PATHS]; /* absolute */
    size_t path_count;
    bool sent; /* the session is one of the sender */
    bool moves;
    bool stopped;    /* the node has sent Stop before the session begins */
    uint32_t failed; /* as it was recorded */

    struct manifest_summary summary;
    struct receipt_layout layout;
    struct stamp stamps[DELIVERED_ENTRIES];
    struct receipt_marks marks; /* of a sender: `exact` at first */
    char directory[64];         /* of a receiver: below the room; or none */
    int receipt;
    char names[DELIVERED_ENTRIES][80]; /* of the entries in the manifest, as far as they fit */
};

/* What a session has said. */
struct delivered_said {
    Fxnode__Helper__Ended__Outcome outcome; /* NONE where it said nothing of its end */
    char text[512];
    Fxnode__Helper__Checked checked;
    uint32_t moved;
    uint32_t stayed;
    bool removed;     /* it has said both */
    char told[16384]; /* notes and findings, a line each, as far as they fit */
    int status;       /* of its process, as wait(2) has it */
};

/* Walks `names` of the room, up to a NULL, and makes the receipt of what is there; the marks come
 * with the first session. Nothing is taken for fresh. */
void delivered_open(struct delivered *delivered, bool sent, const char *const *names);
void delivered_close(struct delivered *delivered);

/* The number of the entry `path`, which there must be. */
uint32_t delivered_number(const struct delivered *delivered, const char *path);

/* Runs VERIFY or REMOVE until its process has ended. */
void delivered_run(struct delivered *delivered, Fxnode__Helper__Job__Kind kind,
                   struct delivered_said *said);

/* The same with a receipt that is as it was written by the test: without adding any marks. */
void delivered_run_as_is(struct delivered *delivered, Fxnode__Helper__Job__Kind kind,
                         struct delivered_said *said);

/* Makes as many files as there may be paths, "item 0" and so on, opens them with delivered_open(),
 * and leaves fewer descriptors than that to this process and its sessions. */
void delivered_open_many(struct delivered *delivered);

/* Appends the marks to the receipt. */
void delivered_mark(struct delivered *delivered);

/* Writes the stamps into the receipt, as they are now. */
void delivered_stamp(struct delivered *delivered);

#endif
