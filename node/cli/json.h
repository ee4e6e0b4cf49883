/*
 * Events as newline-delimited JSON, version 1 of a documented shape (fxnode(1), JSON OUTPUT). Only
 * ASCII is written, so that no terminal can be steered by a foreign name.
 */
#ifndef NODE_CLI_JSON_H
#define NODE_CLI_JSON_H

#include "proto/control.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* Each writes one line to standard output and flushes it. */
void json_peer(const Fxnode__Control__Peer *peer);
void json_settled(void);
void json_transfer(const Fxnode__Control__Transfer *transfer);
void json_note(const Fxnode__Control__Note *note);
void json_checking(const Fxnode__Control__Checking *checking);
void json_finding(const Fxnode__Control__Finding *finding);
void json_checked(const Fxnode__Control__Checked *checked);
void json_pair_code(const Fxnode__Control__PairShow *shown);
void json_pair_tried(const Fxnode__Control__PairTried *tried);
void json_pair_ask(const Fxnode__Control__PairAsk *asked);
void json_peer_line(const uint8_t *key, const char *name, const char *line);
void json_identity(const uint8_t *key, const char *name);
void json_result(int status, const char *text);

/* Names of a transfer's state, of what is done with offers, and what becomes of names that exist,
 * as in JSON. */
const char *json_state(Fxnode__Control__Transfer__State state);
const char *json_accept(Fxnode__Control__Accept accept);
const char *json_exists(Fxnode__Control__Exists exists);

#endif
