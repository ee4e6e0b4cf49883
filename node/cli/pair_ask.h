/*
 * The other side of a pairing: a person, or a script, gives the code that a peer shows.
 */
#ifndef NODE_CLI_PAIR_ASK_H
#define NODE_CLI_PAIR_ASK_H

#include "proto/control.pb-c.h"
#include "proto/pairing.h"

#include <stdbool.h>
#include <stddef.h>

#define PAIR_ASK_LINE 64 /* of a line that is looked at: a code with room for spaces */

/* Zero-initialise it. Plain value; holds what was typed, for pair_ask_forget(). */
struct pair_ask {
    bool waits;    /* for a line */
    bool terminal; /* standard input is one: a person can be asked again */
    bool prompted; /* the cursor stands behind a prompt */
    bool too_long;
    size_t length;
    char line[PAIR_ASK_LINE];
    char code[PAIRING_CODE + 1];
};

enum pair_ask_outcome {
    PAIR_ASK_MORE,  /* the line goes on, or another was asked for */
    PAIR_ASK_CODE,  /* `code` is one */
    PAIR_ASK_WRONG, /* no code, and nobody to ask again */
    PAIR_ASK_ENDED, /* end of file instead of a line */
};

/* Asks for a line: says whose code is meant on standard error where standard input is a terminal.
 * Then standard input is to be waited for. */
void pair_ask_begin(struct pair_ask *ask, const Fxnode__Control__PairAsk *whose);

/* Takes one byte from standard input, which is readable or has ended: never more than the line. */
enum pair_ask_outcome pair_ask_take(struct pair_ask *ask);

/* Ends a line that a prompt has begun, so that something else can be printed. */
void pair_ask_clear(struct pair_ask *ask);

/* Wipes what was typed. */
void pair_ask_forget(struct pair_ask *ask);

#endif
