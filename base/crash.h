/*
 * Crash points of test builds: FXNODE_CRASH=NAME[:N] makes the process kill itself (SIGKILL) the
 * N-th time (default first) that it passes the point NAME, and say so on standard error before.
 * Without FXNODE_CRASH_POINTS it compiles to nothing. Names: recorded (of the node: it has
 * committed a transfer that it is to send), offered, accepted, manifest-synced, batch-written,
 * batch-synced, extents-committed, finished, placing-committed, renamed, done-asked,
 * done-committed; of what is taken over from another transfer: inherit-forgotten, inherit-moved,
 * inherit-synced, inherit-claimed; of pairing, on either side: pairing-proven (nothing is stored),
 * pairing-recorded; of what is removed at the sender once it is delivered: move-delivered (nothing
 * is removed), move-removed (after each), move-synced.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef FXNODE_CRASH_POINTS
/* Any thread. */
void crash_point(const char *name);
#else
static inline void crash_point(const char *name) {
    (void)name;
}
#endif

#endif
