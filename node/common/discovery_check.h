/*
 * The discovery channel (proto/discovery.proto) in plain structs, both ways. What comes out of a
 * reader has been checked in every field: the helper handles bytes from the network, so the node
 * takes its word for nothing but hints. No I/O.
 */
#ifndef NODE_COMMON_DISCOVERY_CHECK_H
#define NODE_COMMON_DISCOVERY_CHECK_H

#include "base/fail.h"
#include "discovery/discovery.h"
#include "proto/msg.h"

#include <stddef.h>

#define DISCOVERY_CHECK_ARENA (64u * 1024u) /* enough for any message that passes */
#define DISCOVERY_CHECK_ROOM 1024u          /* enough for any encoded message that passes */

enum discovery_report_type { DISCOVERY_FOUND, DISCOVERY_LOST, DISCOVERY_STATE };

/* One message of the helper. */
struct discovery_report {
    enum discovery_report_type type;
    union {
        struct discovery_found found;
        struct discovery_lost lost;
        struct discovery_state state;
    };
};

/* The node's side: reads a report. Instance names and ids are as discovery.h promises; addresses
 * are 4 or 16 bytes, as anybody may announce; texts are UTF-8, to be escaped before they are
 * shown. 0; MSG_INVALID with `why` filled; -ENOMEM. */
int discovery_check_report(struct discovery_report *report, struct msg_arena *arena,
                           const void *data, size_t length, struct fail *why);

/* Encodes a setup. Bytes written, or -EMSGSIZE over `room` (DISCOVERY_CHECK_ROOM suffices). */
int discovery_check_write_setup(const struct discovery_setup *setup, void *buffer, size_t room);

/* The helper's side: reads a setup, of which discovery_setup() judges the contents. 0; MSG_INVALID
 * with `why` filled; -ENOMEM. */
int discovery_check_setup(struct discovery_setup *setup, struct msg_arena *arena, const void *data,
                          size_t length, struct fail *why);

/* Encodes a report. Bytes written, or -EMSGSIZE over `room` (DISCOVERY_CHECK_ROOM suffices). */
int discovery_check_write_report(const struct discovery_report *report, void *buffer, size_t room);

#endif
