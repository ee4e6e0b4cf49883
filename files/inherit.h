/*
 * Moving staged files from the staging of one transfer into that of another which replaces it.
 *
 * The caller holds the locks of both, nobody writes into either, and the order is (a crash between
 * any two of these loses what is moved at that time and nothing else):
 *
 *   the old record forgets the units of some files -> inherit_file, inherit_hashes of each
 *   -> inherit_sync -> the new record claims them
 *
 * so that no record ever claims what has moved away or is not durable where it is now.
 *
 * A `struct inherit` belongs to one thread. Everything blocks on the file system.
 */
#ifndef FILES_INHERIT_H
#define FILES_INHERIT_H

#include "base/entry.h"
#include "base/fail.h"
#include "files/staging.h"

#include <stdint.h>

struct inherit;

/* Both are borrowed and outlive it. 0 or -ENOMEM. */
int inherit_new(struct inherit **out, struct staging *from, struct staging *to);
void inherit_free(struct inherit *inherit);

/*
 * Moves the file of `entry`, which has the same path in both and whose directory was made in the
 * new one. What the new one has of it goes: nothing of that may be claimed. Of what is not content
 * it loses all that finishing a tree only adds to. 0; STAGING_NONE where it is not there as a file
 * of ours with one name, or cannot be moved, for whatever reason: it is where it was.
 */
int inherit_file(struct inherit *inherit, const struct entry *entry);

/* Copies the hashes that are known of `count` units from `from` on to those from `to` on. 0;
 * STAGING_NO_SPACE; negative, `fail` filled. */
int inherit_hashes(struct inherit *inherit, uint64_t from, uint64_t to, uint64_t count,
                   struct fail *fail);

/* Makes durable what was moved and copied. Crash points inherit-moved (before) and inherit-synced
 * (after). 0; STAGING_NO_SPACE; negative, `fail` filled: then none of it counts. */
int inherit_sync(struct inherit *inherit, struct fail *fail);

#endif
