/*
 * The control messages of proto/transfer.proto, decoded with all checks that need no state. What
 * depends on the course of a transfer is in sender.h and receiver.h.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "base/fail.h"
#include "proto/msg.h"
#include "proto/transfer.pb-c.h"

#include <stddef.h>
#include <stdint.h>

/* The largest encoded Control: one that carries a whole batch of a manifest. Others have
 * LIMIT_CONTROL. */
#define WIRE_MESSAGE_MAX (LIMIT_MANIFEST_BATCH + 64u)

/* One more than the largest case of a body: the length of a table over them. */
#define WIRE_BODIES (FXNODE__WIRE__CONTROL__BODY_PONG + 1)

#define WIRE_EXTENTS_MAX 1024u /* extents in one message */
#define WIRE_TEXT_MAX 1024u    /* bytes of a reason or text */

/*
 * Decodes one control message. When it returns 0: a known body is present; byte fields of fixed
 * length have it; counts are within their caps; extents are not empty and first + count does not
 * overflow; enumerations have known values other than NONE; names are acceptable components; an
 * offer's figures are within the limits and agree with each other as far as can be seen. The
 * message lives in `arena` until its next use. 0, MSG_INVALID with `why`, or -ENOMEM.
 */
int wire_decode(struct msg_arena *arena, const void *data, size_t length,
                const Fxnode__Wire__Control **decoded, struct fail *why);

/* A short name of a message's type for logs and reasons: "Offer". */
const char *wire_name(Fxnode__Wire__Control__BodyCase body);

#endif
