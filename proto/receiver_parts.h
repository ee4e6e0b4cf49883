/*
 * A receiver for the files that it is made of: receiver.c (lanes, data, time), receiver_admit.c
 * (how it begins) and receiver_agree.c (how both sides come to hold the same). Not for its users.
 */
#ifndef PROTO_RECEIVER_PARTS_H
#define PROTO_RECEIVER_PARTS_H

#include "proto/intake.h"
#include "proto/receiver.h"
#include "proto/talk.h"

/* States, as receiver.h has them. */
enum receiver_at {
    AT_NEW,
    AT_OFFER,
    AT_ADMIT,
    AT_MANIFEST,
    AT_SYNCING,
    AT_DATA,
    AT_PLACING,
    AT_DELIVERED,
    AT_ENDED,
    AT_STATES
};

struct receiver {
    enum receiver_at state; /* but for ENDED, which `talk` knows: see receiver_parts_state */
    struct receiver_config config;
    struct receiver_offer offer;
    struct talk talk;
    uint64_t offer_until;
    const Fxnode__Wire__Control *message; /* newest: what STORE_MANIFEST, CHECK or DROP is about */
    struct manifest_checker *checker;     /* from the offer on */
    bool manifest_whole;                  /* checked to its end */
    enum receiver_outside outside;        /* from the verdict on */
    uint32_t lanes;                       /* allowed */
    struct intake intake;
    struct rangeset skipped; /* entries that are here from elsewhere */
    struct rangeset skipped_units;
    struct rangeset failed;    /* entries */
    struct rangeset confirmed; /* entries whose content is agreed, or that failed */
    struct rangeset disputed;  /* entries whose content is being sent again, not confirmed since */
    struct rangeset bad_held;  /* units held from before whose content differs */
    struct rangeset bad_entries; /* the entries they belong to */
    struct rangeset inherited;   /* units held from before, and not yet found to differ */
    uint32_t rounds;  /* of Again after a digest of what came by this connection differed */
    uint64_t checked; /* entries and units in all checks so far */
    bool held_open;   /* what is held from before is still being re-read */
    bool checking;    /* CHECK was not answered */
    bool dropping;    /* DROP was not answered */
    bool sent;        /* Sent came, and nothing was asked for again since */
};

/* The state, or AT_ENDED. */
enum receiver_at receiver_parts_state(const struct receiver *receiver);

/* After every step: a commit where one is due, and the end of the content where it is reached. */
int receiver_parts_proceed(struct receiver *receiver);

/* What the peer said, in a state where it may. */
int receiver_admit_offer(struct receiver *receiver, const Fxnode__Wire__Control *control);
int receiver_admit_manifest(struct receiver *receiver, const Fxnode__Wire__Control *control);
int receiver_agree_confirm(struct receiver *receiver, const Fxnode__Wire__Control *control);
int receiver_agree_failed(struct receiver *receiver, const Fxnode__Wire__Control *control);
int receiver_agree_sent(struct receiver *receiver, const Fxnode__Wire__Control *control);

/* Whether every entry is confirmed. */
bool receiver_agree_is_reached(const struct receiver *receiver);

#endif
