/*
 * What a `send` has said to have failed, kept to be said once more at its end: what stands above
 * may have scrolled away by then.
 */
#ifndef NODE_CLI_FAILED_H
#define NODE_CLI_FAILED_H

#include "proto/control.pb-c.h"

#define FAILED_SHOWN 20 /* lines at the end; the rest is counted */

/* Zero-initialise it. Plain value. */
struct failed {
    char *lines[FAILED_SHOWN]; /* owned */
    unsigned long count;       /* also of those that are not kept */
};

/* Keeps `note` where it is a warning about one entry, and not one that is kept already: the node
 * says it again after an interruption. Without memory it is counted. */
void failed_add(struct failed *failed, const Fxnode__Control__Note *note);

/* Says them on standard error, if there are any. */
void failed_print(const struct failed *failed);

void failed_clear(struct failed *failed);

#endif
