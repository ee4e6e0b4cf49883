#include "node/daemon/pairing_rules.h"

#include "node/daemon/gate.h"

#include <stddef.h>

_Static_assert(PAIRING_RULES_RUNS * 1000u > GATE_RATE_ALL * PAIRING_RULES_STALE_MS,
               "strangers do not fill all places before the first of them is stale");

void pairing_rules_open(struct pairing_rules *rules, uint64_t now_ms) {
    rules->open = true;
    rules->until_ms = now_ms + PAIRING_RULES_WINDOW_MS;
    rules->wrong = 0;
}

void pairing_rules_close(struct pairing_rules *rules) {
    rules->open = false;
}

bool pairing_rules_is_open(const struct pairing_rules *rules, uint64_t now_ms) {
    return rules->open && now_ms < rules->until_ms;
}

/* The oldest run that is old enough to go, or -1; of one address where `from` is not NULL. */
static int stale_slot(const struct pairing_rules *rules, const struct address *from,
                      uint64_t now_ms) {
    int oldest = -1;
    for (int i = 0; i < PAIRING_RULES_RUNS; i++)
        if (rules->taken[i] && (from == NULL || address_same_host(&rules->from[i], from)) &&
            (oldest < 0 || rules->since_ms[i] < rules->since_ms[oldest]))
            oldest = i;
    return oldest >= 0 && now_ms - rules->since_ms[oldest] > PAIRING_RULES_STALE_MS ? oldest : -1;
}

int pairing_rules_enter(struct pairing_rules *rules, const struct address *from, uint64_t now_ms,
                        int *evict) {
    int found = -1;
    uint32_t same = 0;
    *evict = -1;
    for (int i = 0; i < PAIRING_RULES_RUNS; i++) {
        same += rules->taken[i] && address_same_host(&rules->from[i], from);
        if (!rules->taken[i] && found < 0)
            found = i;
    }
    if (!pairing_rules_is_open(rules, now_ms))
        return -1;
    if (same >= PAIRING_RULES_PER_HOST)
        found = *evict = stale_slot(rules, from, now_ms);
    else if (found < 0)
        found = *evict = stale_slot(rules, NULL, now_ms);
    if (found < 0)
        return -1;
    rules->taken[found] = true;
    rules->since_ms[found] = now_ms;
    rules->from[found] = *from;
    return found;
}

void pairing_rules_leave(struct pairing_rules *rules, int slot) {
    rules->taken[slot] = false;
}

uint32_t pairing_rules_wrong(struct pairing_rules *rules) {
    if (rules->open && ++rules->wrong >= PAIRING_RULES_TRIES)
        rules->open = false;
    return rules->open ? PAIRING_RULES_TRIES - rules->wrong : 0;
}

bool pairing_rules_right(struct pairing_rules *rules, uint64_t now_ms) {
    bool counts = pairing_rules_is_open(rules, now_ms);
    rules->open = false;
    return counts;
}
