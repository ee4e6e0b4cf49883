/*
 * Moving something to a name that nothing has.
 */
#ifndef FILES_EXCLUSIVE_H
#define FILES_EXCLUSIVE_H

#include "base/entry.h"

#include <stdbool.h>

/* Both ends of a move within one file system; plain value, everything borrowed. */
struct exclusive {
    int from;
    const char *from_name;
    int to;
    const char *to_name;
    enum entry_type type; /* of what is moved */
    bool linked;          /* it may have other names, so that one of those is not told from it */
    bool old;             /* do without renameat2, as on a system that lacks it */
};

/* Renames, never over an existing name. 0; -EEXIST where something has the name; -errno. Where the
 * file system cannot do it in one step, an interruption can leave a file under both names, or an
 * empty file or directory of our own under the new one. */
int exclusive_rename(const struct exclusive *move);

#endif
