/*
 * Messages of protobuf-c, decoded in bounded memory and encoded into the caller's buffer. Nothing
 * else in the program calls protobuf_c_message_unpack: the size of what it allocates is chosen by
 * whoever wrote the bytes (a submessage of two bytes becomes a struct of a hundred), so it gets an
 * arena with a cap. Nothing here blocks; an arena belongs to one thread at a time.
 */
#ifndef PROTO_MSG_H
#define PROTO_MSG_H

#include "base/fail.h"
#include "base/limits.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* The outcome of every decoder in proto/ for bytes that are not acceptable. */
#define MSG_INVALID 1

/* Memory of one decoded message. */
struct msg_arena;

/* An arena that never holds more than `cap` bytes (LIMIT_ARENA at most). 0 or -ENOMEM. */
int msg_arena_new(struct msg_arena **arena, size_t cap);

/* Frees it and the message in it. NULL is fine. */
void msg_arena_free(struct msg_arena *arena);

/* Ends the message in it; most of the memory goes back to the system. */
void msg_arena_reset(struct msg_arena *arena);

/* The same for a message that may hold a secret: it is overwritten first. */
void msg_arena_wipe(struct msg_arena *arena);

/*
 * Decodes `length` bytes as a message of type `descriptor` into `arena`; the message that was there
 * before ends. *message is valid until the next decode or reset and does not refer to `data`.
 * Unknown fields are kept by protobuf-c and count against the cap. Enumerations are open: a caller
 * checks their values. Strings end at their first NUL and may be no UTF-8.
 * 0, MSG_INVALID (malformed, or more than the arena may hold), or -ENOMEM.
 */
int msg_decode(struct msg_arena *arena, const ProtobufCMessageDescriptor *descriptor,
               const void *data, size_t length, const ProtobufCMessage **message);

/* Encodes `message` into `buffer`. Bytes written, or -EMSGSIZE where they are more than `room`. */
int msg_encode(const ProtobufCMessage *message, void *buffer, size_t room);

/* Fills `why` with a text for people and returns MSG_INVALID, so that a check can `return` it. */
int msg_invalid(struct fail *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
