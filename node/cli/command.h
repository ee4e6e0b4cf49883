/*
 * What the commands share beside arguments: one request to the node and its end.
 */
#ifndef NODE_CLI_COMMAND_H
#define NODE_CLI_COMMAND_H

#include "node/cli/client.h"
#include "node/cli/options.h"

/* Shows an event that is no result. `context` is the command's own. */
typedef void command_show(void *context, bool json, const Fxnode__Control__Event *event);

/* Opens a client for `options`, asks `request`, shows events until the result. Returns the exit
 * status; every failure was said. */
int command_run(const struct options *options, enum client_start start,
                const Fxnode__Control__Request *request, command_show *show, void *context);

/* Ends a command: says `text` (on standard error unless the status is 0; may be empty), in JSON
 * also as a result. Returns `status`. */
int command_end(bool json, int status, const char *text);

/* Says a failure of our own and returns status 1. */
int command_fail(bool json, const struct fail *fail);

/* A peer for people: "NAME (first 8 of the id)", escaped. Returns `out`. */
#define COMMAND_PEER_ROOM 600
char *command_peer(char out[COMMAND_PEER_ROOM], const char *name, const ProtobufCBinaryData *key);

/* Top-level names for people: "a, b, c and 4 more", escaped. Returns `out`. */
#define COMMAND_NAMES_ROOM 400
char *command_names(char out[COMMAND_NAMES_ROOM], const Fxnode__Control__Transfer *transfer);

#endif
