/*
 * The test of tests: FXNODE_WEAKEN=NAME makes a test build break one of the rules by which what was
 * promised survives a power cut, so that tests/powercut can show that it would find out. In other
 * builds nothing of it is left. Names:
 *
 *   fdatasync           the content and the chunk hashes of a batch are not synced
 *   sync-after-commit   a batch is recorded before it is synced
 *   synchronous-normal  SQLite does not sync its log at each commit
 *   directory-sync      directories are not synced, neither in the staging nor after placing
 *                       and removing
 *   early-acknowledge   "recorded" is said when the commit begins, so "durable" is said too early
 *   larger-batch        three times as much as `batch` is received before it is recorded
 */
#ifndef BASE_WEAKEN_H
#define BASE_WEAKEN_H

#include <stdbool.h>

#ifdef FXNODE_CRASH_POINTS
#include <stdlib.h>
#include <string.h>

/* Any thread. */
static inline bool weakened(const char *name) {
    const char *wanted = getenv("FXNODE_WEAKEN");

    return wanted != NULL && strcmp(wanted, name) == 0;
}
#else
static inline bool weakened(const char *name) {
    (void)name;
    return false;
}
#endif

#endif
