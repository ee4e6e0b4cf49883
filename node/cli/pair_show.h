/*
 * The one side of a pairing: a code on the screen for as long as it holds.
 */
#ifndef NODE_CLI_PAIR_SHOW_H
#define NODE_CLI_PAIR_SHOW_H

#include "node/cli/client.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise it. Plain value. */
struct pair_show {
    bool counts;      /* a countdown is on the screen */
    uint64_t ends_ms; /* when the code stops to hold (io_now_ms()) */
};

/* Shows a code and what the other person types; `own` is this node. Where standard output is no
 * terminal that is the code alone, once. False where the node sent no code. */
bool pair_show_begin(struct pair_show *show, const Fxnode__Control__PairShow *shown,
                     const struct client_welcome *own);

/* Brings the countdown up to date, if there is one. */
void pair_show_count(struct pair_show *show);

/* When to do that the next time; 0 for never. */
uint64_t pair_show_next(const struct pair_show *show);

/* Says that somebody tried a wrong code. */
void pair_show_tried(const Fxnode__Control__PairTried *tried);

/* Wipes the countdown, so that something else can be printed. */
void pair_show_clear(const struct pair_show *show);

#endif
