/*
 * Receiving: authenticated connections from peers become sessions, offers become transfers, and
 * what a session asks to be recorded is recorded in the order that keeps promises. Loop's thread.
 */
#ifndef NODE_DAEMON_INCOMING_H
#define NODE_DAEMON_INCOMING_H

#include "base/fail.h"
#include "node/daemon/link.h"
#include "node/daemon/node.h"
#include "node/daemon/transfer.h"

struct incoming;

/* 0 or -ENOMEM. */
int incoming_new(struct incoming **out, struct node *node);
void incoming_free(struct incoming *incoming);

/* A peer has connected and proven its key: a control connection begins a session, a lane joins one.
 * Takes the link over. */
void incoming_arrived(struct incoming *incoming, struct link *link);

/* Finishes what a crash interrupted while it was being placed. Once, at start. */
void incoming_recover(struct incoming *incoming);

/* What a person says about an incoming transfer that is not finished. 0, or -EINVAL with `fail`
 * filled where its state does not allow it. `exists`: what becomes of names that exist, or DEFAULT
 * for what was shown with the offer. */
int incoming_accept(struct transfer *transfer, enum store_exists exists, struct fail *fail);

/* The same, and from now on everything that this peer offers within its limits is taken unasked. It
 * has to be a paired peer that is asked about; else nothing is accepted. */
int incoming_accept_always(struct transfer *transfer, enum store_exists exists, struct fail *fail);

/* Why an offer of a peer whose offers are taken unasked waits for a yes; "" for all others. */
const char *incoming_limit(const struct transfer *transfer);

/* Whether that can be answered to an offer. */
bool incoming_may_always(const struct transfer *transfer);

int incoming_reject(struct transfer *transfer, struct fail *fail);
int incoming_pause(struct transfer *transfer, struct fail *fail);
int incoming_resume(struct transfer *transfer, struct fail *fail);
int incoming_cancel(struct transfer *transfer, struct fail *fail);

/* Cancels one that is not being placed, for another reason than somebody's wish. */
void incoming_end(struct transfer *transfer, const char *why);

/* What nobody says: refuses the offers that have waited for STORE_EXPIRE_OFFER_S at `now`, of which
 * `leap` seconds do not count (store_age.h). */
void incoming_lapse(struct node *node, int64_t now, int64_t leap);

#endif
