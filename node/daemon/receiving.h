/*
 * One session that owns, or may come to own, a staging directory: what incoming.c (its life),
 * offer.c (what is answered to its offer) and commit.c (what it has recorded) share. Loop's thread.
 */
#ifndef NODE_DAEMON_RECEIVING_H
#define NODE_DAEMON_RECEIVING_H

#include "base/limits.h"
#include "base/log.h"
#include "node/daemon/kept.h"
#include "node/daemon/link.h"
#include "node/daemon/node.h"
#include "node/daemon/transfer.h"
#include "node/daemon/worker.h"
#include "store/store_placing.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct receiving {
    struct receiving *next;
    struct node *node;
    struct worker *worker; /* NULL once it is gone */
    unsigned jobs;         /* of the database that refer to this */
    bool placing;          /* recovers a placement: without a peer */
    uint8_t key[LIMIT_KEY];
    char name[LIMIT_NAME + 1]; /* foreign */
    uint8_t session[LIMIT_SESSION_ID];
    struct address address;
    char destination[PATH_MAX]; /* that its session has opened (landing.h) */
    bool replaces;              /* and may replace files in */

    bool offered;
    struct store_transfer offer; /* as offered: id, hash, sizes, names */
    struct transfer *transfer;   /* held; NULL until the offer became or met one */
    bool accepted;
    uint64_t inherits; /* transfer whose staging the session takes over from, or 0 */
    bool creating;     /* the database makes its offer a transfer, */
    bool may_wait;     /* which then may have to wait for a yes */
    struct receiving
        *successor; /* a newer connection for the same transfer: waits for this to end */

    struct store_placing_item *items; /* of a Placing that is not complete, with their names */
    size_t item_count;
    struct kept kept; /* of a receipt that is not complete */
};

/* All of them. */
struct incoming {
    struct node *node;
    struct receiving *first;
    struct log_limit full; /* lines about connections that were turned away */
    struct log_limit said; /* and about what sessions report */
};

/* receiving.c */

/* One without a session, in the list of its node. NULL where memory is short. */
struct receiving *receiving_new(struct incoming *incoming);

/* Frees one that has neither a session nor a job. */
void receiving_drop_if_over(struct receiving *receiving);

/* Makes it the owner of a transfer that has none. */
void receiving_take(struct receiving *receiving, struct transfer *transfer);

/* Takes its transfer: a session that has it already is ended (a placement is waited for), and false
 * is returned; offer_look_up() then follows once that one is gone. */
bool receiving_attach(struct receiving *receiving, struct transfer *transfer);

/* Ends the session of `owner` (a placement is waited for), behind whoever waits for that already
 * and is ended too; offer_look_up() then follows for `receiving`. */
void receiving_succeed(struct receiving *receiving, struct receiving *owner);

/* Where what its peer offers today goes (landing.h). False where that is no path. */
bool receiving_landing(const struct receiving *receiving, char out[PATH_MAX]);

/* What becomes of names that exist, in offers of its peer today. */
enum store_exists receiving_exists(const struct node *node, const uint8_t *key);

/* A job of the database that refers to it begins and ends; after the end it may be gone. */
void receiving_hold(struct receiving *receiving);
void receiving_release(struct receiving *receiving);

/* offer.c */

/* Its offer has come, checked. */
void offer_made(struct receiving *receiving, const Fxnode__Helper__Offered *offered);

/* Looks up what is known of its offer and answers it. */
void offer_look_up(struct receiving *receiving);

/* Lets an attached session go on with its transfer, which was accepted. */
void offer_accept(struct receiving *receiving);

/* Any other answer. `reason` is escaped. */
void offer_answer(struct receiving *receiving, Fxnode__Helper__Admit__Answer answer,
                  const char *reason);

/* Its session has not the right directory open. Ends it: the sender connects again at once. */
void offer_come_again(struct receiving *receiving);

/* The names of an offer that exist, escaped: "\"a\", \"b\" and 2 more are", or "is" for one. */
#define OFFER_EXISTING_ROOM 512
void offer_existing(char out[OFFER_EXISTING_ROOM], const struct store_transfer *record);

/* Whether some of its names exist, or may: those that an offer has beyond the ones it tells are not
 * known before it is accepted. */
bool offer_may_exist(const struct store_transfer *record);

/* offer_new.c: answers an offer that was not made before. */
void offer_new(struct receiving *receiving);

/* commit.c: what the session asks to be recorded; false where it may not ask that now. */
bool commit_extents(struct receiving *receiving, const Fxnode__Helper__Commit *commit);
bool commit_placing(struct receiving *receiving, const Fxnode__Helper__Placing *placing);
bool commit_kept(struct receiving *receiving, const Fxnode__Helper__Kept *kept);
bool commit_done(struct receiving *receiving, const Fxnode__Helper__Done *done);
bool commit_finished(struct receiving *receiving);
void commit_drop_items(struct receiving *receiving);

#endif
