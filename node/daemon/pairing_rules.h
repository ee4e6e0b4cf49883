/*
 * When a code may be tried, and by how many: the rules of a pairing window. Pure: the clock
 * (monotonic milliseconds) is an argument, runs are slots.
 *
 * A window is open for two minutes. Only a wrong confirmation costs one of its tries, since nothing
 * that came before it helps to guess; with the last one, or the first right one, it is closed.
 *
 * Whoever enters a code is done in two round trips, since its user has typed before it calls. Who
 * takes longer, and perhaps only wants to be in the way, makes room for the next. The gate
 * (gate.h) lets so few strangers through that they cannot fill all places faster than that.
 */
#ifndef NODE_DAEMON_PAIRING_RULES_H
#define NODE_DAEMON_PAIRING_RULES_H

#include "node/common/address.h"

#include <stdbool.h>
#include <stdint.h>

#define PAIRING_RULES_WINDOW_MS 120000u
#define PAIRING_RULES_TRIES 3u
#define PAIRING_RULES_RUNS 8        /* at once, */
#define PAIRING_RULES_PER_HOST 2u   /* and from one address */
#define PAIRING_RULES_STALE_MS 100u /* without a place the oldest over this age goes */

/* Zero-initialise it: closed. */
struct pairing_rules {
    bool open;
    uint64_t until_ms;
    uint32_t wrong;
    bool taken[PAIRING_RULES_RUNS];
    uint64_t since_ms[PAIRING_RULES_RUNS];
    struct address from[PAIRING_RULES_RUNS];
};

/* Opens it with all its tries. Runs of an earlier window keep their slots. */
void pairing_rules_open(struct pairing_rules *rules, uint64_t now_ms);
void pairing_rules_close(struct pairing_rules *rules);

bool pairing_rules_is_open(const struct pairing_rules *rules, uint64_t now_ms);

/* Asks for a slot for one more run. >= 0: the slot. -1: refused. *evict receives the slot of a run
 * that has to be ended now to make room (its slot is the one returned), or -1. */
int pairing_rules_enter(struct pairing_rules *rules, const struct address *from, uint64_t now_ms,
                        int *evict);

/* The run of `slot` is over. */
void pairing_rules_leave(struct pairing_rules *rules, int slot);

/* A run has confirmed with a wrong code. Returns how many tries are left; with 0 it is closed. */
uint32_t pairing_rules_wrong(struct pairing_rules *rules);

/* A run has confirmed with the right code. Whether that counts: closed from now on. False where it
 * was closed already. */
bool pairing_rules_right(struct pairing_rules *rules, uint64_t now_ms);

#endif
