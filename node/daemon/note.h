/*
 * A line for people about a transfer, and what of it is meant.
 */
#ifndef NODE_DAEMON_NOTE_H
#define NODE_DAEMON_NOTE_H

#include <stdbool.h>
#include <stddef.h>

/* Plain value, all of it borrowed. */
struct note {
    const char *text; /* escaped */
    bool warning;
    const void *path; /* of the entry that it is about, from its top-level name on: any bytes */
    size_t length;    /* of the path; 0 where it is about no entry */
};

#endif
