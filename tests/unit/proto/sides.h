/*
 * A sender and a receiver of one transfer, which do not talk to each other: each is brought to a
 * state and told what a peer might say. The manifest has one directory and one file of two chunks,
 * the second of one byte.
 */
#ifndef TESTS_PROTO_SIDES_H
#define TESTS_PROTO_SIDES_H

#include "proto/receiver.h"
#include "proto/sender.h"
#include "proto/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern struct manifest_summary sides_summary;
extern struct sender *sides_sender;
extern struct receiver *sides_receiver;

/* The two chunks of the file, as records. */
extern const struct record_piece sides_pieces[2];

/* For tcase_add_checked_fixture(). */
void sides_set_up(void);
void sides_tear_down(void);

/* Encodes a message of that kind, acceptable by itself, into sides_message; its length. */
extern uint8_t sides_message[WIRE_MESSAGE_MAX];
size_t sides_make(Fxnode__Wire__Control__BodyCase body);

/* The states that each can be brought to, in order, by sides_bring_sender() and
 * sides_bring_receiver(). */
enum sender_place { AT_OFFERED, AT_MANIFEST, AT_HOLDING, AT_DATA, AT_SENT, AT_RECORDING, SENDERS };
enum receiver_place {
    IN_OFFER,
    IN_ADMIT,
    IN_MANIFEST,
    IN_SYNCING,
    IN_DATA,
    IN_PLACING,
    IN_DELIVERED,
    RECEIVERS
};
void sides_bring_sender(enum sender_place place);
void sides_bring_receiver(enum receiver_place place);

/* Says such a message to it, and takes its actions: how it has ended, if it has. */
enum exchange_outcome sides_tell_sender(Fxnode__Wire__Control__BodyCase body);
enum exchange_outcome sides_tell_receiver(Fxnode__Wire__Control__BodyCase body);

/* Takes its actions. A receiver that is to check finds that all is as it should be. */
enum exchange_outcome sides_sender_outcome(void);
enum exchange_outcome sides_receiver_outcome(void);

/* Data. */

/* The receiver gets both chunks, and they are durable. */
void sides_deliver_units(void);
bool sides_is_durable(uint64_t first, uint64_t count);

#endif
