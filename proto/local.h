/*
 * Messages that stay on one machine: between a node and its sessions (helper.proto) and on the
 * control socket (control.proto). What comes from a session counts as foreign.
 *
 * Every function decodes one packet of at most LIMIT_PACKET bytes into `arena`, where it lives
 * until the arena's next use. When it returns 0: a known body is present; keys, ids and hashes have
 * their exact length; extents are not empty and do not overflow; patterns have no fault and are not
 * too many; enumerations have known values other than NONE; numbers of lanes, names and sums are
 * within the limits; texts are at most LOCAL_TEXT_MAX bytes. 0, MSG_INVALID with `why`, or -ENOMEM.
 */
#ifndef PROTO_LOCAL_H
#define PROTO_LOCAL_H

#include "base/fail.h"
#include "proto/control.pb-c.h"
#include "proto/helper.pb-c.h"
#include "proto/msg.h"

#include <stddef.h>

#define LOCAL_TEXT_MAX 8192u /* bytes of a text; escaping makes it longer than what a peer sent */

/* What a session receives, and what a node receives from one. */
int local_decode_to_session(struct msg_arena *arena, const void *data, size_t length,
                            const Fxnode__Helper__ToSession **message, struct fail *why);
int local_decode_from_session(struct msg_arena *arena, const void *data, size_t length,
                              const Fxnode__Helper__ToNode **message, struct fail *why);

/* What a node receives from a command, and what a command receives from the node. */
int local_decode_request(struct msg_arena *arena, const void *data, size_t length,
                         const Fxnode__Control__Request **message, struct fail *why);
int local_decode_event(struct msg_arena *arena, const void *data, size_t length,
                       const Fxnode__Control__Event **message, struct fail *why);

#endif
