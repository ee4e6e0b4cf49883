/*
 * Walks what is to be sent, in the order of a manifest: a directory before what is in it, siblings
 * by their bytes (path_compare). Memory grows with the depth and the directories on the way, not
 * with the tree.
 *
 * A symbolic link named by the user is followed; below it none is. Links in what is sent are
 * entries, wherever they lead; named pipes, sockets and devices are left out and named, as are the
 * staging area `.fxnode` of a directory for received files and the node's own state, also where an
 * item lies in that. What cannot be
 * read, has vanished in between, or has too long a path is named as failed. Mode bits above 0777
 * are not carried. Mount points are crossed, unless the rules say otherwise.
 *
 * A file with several names is a file under the one that is met first, and a hard link under each
 * other that is met. Extended attributes of the namespace "user" are read with their file or
 * directory; one that cannot be read, or is beyond the limits of an entry, is named as failed.
 */
#ifndef FILES_WALK_H
#define FILES_WALK_H

#include "base/entry.h"
#include "base/fail.h"
#include "files/filter.h"
#include "files/items.h"
#include "files/secret.h"
#include "files/stamps.h"

#include <stdbool.h>

/* What the user wants to be left out, which is neither named nor counted, and what must be. Plain
 * value, borrowed. */
struct walk_rules {
    const struct filter *exclude; /* what it matches, with what is in it; NULL: nothing */
    bool one_file_system;         /* what is in directories on another device than their item's;
                                     they themselves are entries */
    const struct secret *secret;  /* the directory of the node's key and database; NULL: none */
};

/* What of something that was found is not sent. */
enum walk_loss {
    WALK_LEFT_OUT, /* all of it, by rule */
    WALK_FAILED,   /* all of it, since it could not be */
    WALK_PARTIAL,  /* an attribute; it is an entry all the same */
};

/* Where entries go. `context` is handed through. Called on the walking thread. */
struct walk_sink {
    void *context;

    /* The next entry; entry and stamp are valid during the call. Not 0 ends the walk with that. */
    int (*entry)(void *context, const struct entry *entry, const struct stamp *stamp);

    /* Something is not sent, or not all of it; `path` (`length` bytes) is where it would be in the
     * manifest, which may be too long by a name; `line` says what and why, escaped. */
    void (*skipped)(void *context, const char *path, size_t length, const char *line,
                    enum walk_loss loss);
};

/*
 * Walks all items. Blocks on the file system. 0; what `entry` returned; or fills `fail` and returns
 * negative: an item that does not exist, all of them excluded, more than LIMIT_ENTRIES entries, no
 * memory.
 */
int walk_items(const struct items *items, const struct walk_rules *rules,
               const struct walk_sink *sink, struct fail *fail);

#endif
