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

/* The beginning of that alone, for a command that follows its events itself: *out is for
 * client_close(), also after a failure (NULL). CLI_DONE, or the exit status; the failure was said.
 * `where` is filled and has to live as long as the client. */
int command_open(const struct options *options, enum client_start start, struct locations *where,
                 struct client **out);

/* What is said where a connection, or a request, came to nothing: `outcome` is that of client.h.
 * Returns the exit status. */
int command_lost(bool json, int outcome, const struct fail *fail);

/* Ends a command: says `text` (on standard error unless the status is 0; may be empty), in JSON
 * also as a result. Returns `status`. */
int command_end(bool json, int status, const char *text);

/* Says a failure of our own and returns status 1. */
int command_fail(bool json, const struct fail *fail);

/* Shows what the node has to say beside the answer: on standard error, in JSON as an event. */
void command_note(bool json, const Fxnode__Control__Note *note);

/* A peer for people: "NAME (first 8 of the id)", escaped. Returns `out`. */
#define COMMAND_PEER_ROOM 600
char *command_peer(char out[COMMAND_PEER_ROOM], const char *name, const ProtobufCBinaryData *key);

/* Top-level names for people: "a, b, c and 4 more", escaped. Returns `out`. */
#define COMMAND_NAMES_ROOM 400
char *command_names(char out[COMMAND_NAMES_ROOM], const Fxnode__Control__Transfer *transfer);

#endif
