/*
 * What a hostile peer says to a session: scripts that begin well, where they have to, and then
 * break one rule of the protocol, or leave. A script plays over an open peer and is blocked while
 * it awaits an answer, so it wants a process or a thread beside the one that serves the session.
 */
#ifndef TESTS_SESSION_HOSTILE_H
#define TESTS_SESSION_HOSTILE_H

#include "peer.h"

#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

typedef void hostile_script(struct peer *peer);

/* What the peer offers: a directory "d", which is entry 0, and in it entry 1, one file "f" of so
 * many bytes. */
#define HOSTILE_FILE_SIZE 1000

/* Makes the manifest of that, which the scripts share, and tells its hash; once before any of
 * them. */
void hostile_make_manifest(uint8_t hash[LIMIT_HASH]);

/* In place of it one that keeps to every figure of its offer, but leads out of the destination. */
void hostile_make_way_out(uint8_t hash[LIMIT_HASH]);

/* Towards either side. */
void hostile_send_garbage(struct peer *peer);
void hostile_send_length(struct peer *peer);
void hostile_send_nonsense(struct peer *peer);
void hostile_send_nothing(struct peer *peer);
void hostile_send_final(struct peer *peer);
void hostile_send_wrong_role(struct peer *peer);

/* Towards a receiver: a record of zeros; the same compressed, where `spoil` changes a byte of what
 * was packed. */
void hostile_send_record(struct peer *peer, uint32_t entry, uint64_t offset, uint32_t length);
void hostile_send_packed(struct peer *peer, uint32_t length, bool spoil);

/* Before it has agreed to anything. */
void hostile_send_data_first(struct peer *peer);
void hostile_send_packed_first(struct peer *peer);
void hostile_offer_and_leave(struct peer *peer);
void hostile_offer_then_data(struct peer *peer);
void hostile_offer_twice(struct peer *peer);
void hostile_offer_another_manifest(struct peer *peer);
void hostile_offer_manifest(struct peer *peer);

/* Offers, sends the manifest and hears what the receiver holds: data may follow. */
void hostile_agree(struct peer *peer);

/* What follows is not what it should be. */
void hostile_agree_and_leave(struct peer *peer);
void hostile_agree_then_half(struct peer *peer);
void hostile_agree_then_packed(struct peer *peer); /* right, where packed data is agreed upon */
void hostile_agree_then_packed_spoilt(struct peer *peer);
void hostile_agree_then_packed_beyond(struct peer *peer);
void hostile_agree_then_packed_control(struct peer *peer);
void hostile_agree_then_beyond(struct peer *peer);
void hostile_agree_then_directory(struct peer *peer);
void hostile_agree_then_nowhere(struct peer *peer);
void hostile_agree_then_cut(struct peer *peer);
void hostile_agree_then_hole_beyond(struct peer *peer);
void hostile_agree_then_hole_over_chunks(struct peer *peer);
void hostile_agree_then_vast_hole(struct peer *peer);
void hostile_agree_then_hole_over_data(struct peer *peer); /* over what came in before it */
void hostile_agree_then_out_of_order(struct peer *peer);
void hostile_agree_then_sent(struct peer *peer);
void hostile_agree_then_confirm_nothing(struct peer *peer);
void hostile_agree_then_confirm_too_much(struct peer *peer);

/* A digest that never fits: sent again a few times, then it is enough. */
void hostile_confirm_wrongly(struct peer *peer);

/* Towards a sender: hears its offer, then leaves or answers what does not follow from it. */
void hostile_hear_offer(struct peer *peer);
void hostile_send_data_back(struct peer *peer);
void hostile_accept_and_leave(struct peer *peer);
void hostile_hold_too_much(struct peer *peer);
void hostile_hold_and_leave(struct peer *peer);
void hostile_deliver_at_once(struct peer *peer);
void hostile_deliver_unconfirmed(struct peer *peer);

#endif
