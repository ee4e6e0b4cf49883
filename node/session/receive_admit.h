/*
 * The verdict on an offer: what a receiver does before it says yes. Only receive*.c and place.c use
 * this; while the session has one thread.
 */
#ifndef NODE_SESSION_RECEIVE_ADMIT_H
#define NODE_SESSION_RECEIVE_ADMIT_H

#include "node/session/placing.h"
#include "node/session/receive.h"

/* Acts on the node's answer to the offer. */
void receive_admit(struct receive *receive, const Fxnode__Helper__Admit *admit);

/* Waits until the node has recorded everything that it was sent. 0, or -ECANCELED where it wants
 * the session to stop. */
int receive_admit_recorded(struct receive *receive);

/* Completes a placing that was recorded, by job->names, job->failed and job->extents;
 * receive->staging and receive->manifest are open. 0; an outcome of enum staging_outcome or
 * negative, `fail` filled. */
int receive_resume_placing(struct receive *receive, const struct manifest_index *index,
                           uint32_t entries, struct placing_result *result, struct fail *fail);

#endif
