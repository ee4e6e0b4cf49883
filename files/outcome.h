/*
 * From system errors to the outcomes of a staging: which ones a full disk, a name or a changed tree
 * can cause, and which are our own faults.
 */
#ifndef FILES_OUTCOME_H
#define FILES_OUTCOME_H

#include "base/entry.h"
#include "base/fail.h"
#include "files/staging.h"

/* Fills `fail` with "cannot WHAT SHOWN: reason" (`shown` escaped) and returns the outcome for
 * `error`
 * (-errno): STAGING_NO_SPACE for a full disk or quota, else `error`. */
int outcome_of(int error, struct fail *fail, const char *what, const char *shown);

/* The same for something done to the staged `entry` by its name: also STAGING_BAD_NAME where the
 * file system does not take the name, and STAGING_DIFFERS where something of another kind, or
 * nothing, is there. */
int outcome_of_entry(int error, struct fail *fail, const char *what, const struct staging *staging,
                     const struct entry *entry);

/* STAGING_DIFFERS, with "ENTRY in STAGING HOW" in `fail`. */
int outcome_differs(struct fail *fail, const struct staging *staging, const struct entry *entry,
                    const char *how);

#endif
