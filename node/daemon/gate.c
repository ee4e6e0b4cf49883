#include "node/daemon/gate.h"

#include <string.h>

void gate_init(struct gate *gate) {
    memset(gate, 0, sizeof *gate);
}

static bool is_recent(const struct gate *gate, const struct address *from) {
    for (size_t i = 0; i < gate->recent_count; i++)
        if (address_same_host(&gate->recent[i], from))
            return true;
    return false;
}

/* Only the time that the tokens took, in whole milliseconds, counts as used. */
static void refill(struct gate_bucket *bucket, uint32_t rate, uint64_t now_ms) {
    uint64_t tokens = (now_ms - bucket->last_ms) * rate / 1000;
    bucket->used -= tokens < bucket->used ? (uint32_t)tokens : bucket->used;
    bucket->last_ms += (tokens * 1000 + rate - 1) / rate;
}

/* The bucket of an address; the least used one makes place for a new address. */
static struct gate_bucket *bucket_of(struct gate *gate, const struct address *from,
                                     uint64_t now_ms) {
    struct gate_bucket *least = &gate->buckets[0];
    for (size_t i = 0; i < gate->bucket_count; i++) {
        struct gate_bucket *bucket = &gate->buckets[i];
        if (address_same_host(&bucket->address, from))
            return bucket;
        refill(bucket, GATE_RATE, now_ms);
        if (bucket->used < least->used)
            least = bucket;
    }
    if (gate->bucket_count < GATE_ADDRESSES)
        least = &gate->buckets[gate->bucket_count++];
    *least = (struct gate_bucket){.address = *from, .last_ms = now_ms};
    return least;
}

/* What strangers use up together is theirs: an address that authenticated has its own rate only. */
static bool take_token(struct gate *gate, const struct address *from, bool recent,
                       uint64_t now_ms) {
    struct gate_bucket *bucket = bucket_of(gate, from, now_ms);
    refill(bucket, GATE_RATE, now_ms);
    refill(&gate->all, GATE_RATE_ALL, now_ms);
    if (bucket->used >= GATE_BURST || (!recent && gate->all.used >= GATE_BURST_ALL))
        return false;
    bucket->used++;
    gate->all.used += !recent;
    return true;
}

/* A free slot, or -1. Strangers leave GATE_KEPT of them to addresses that authenticated lately. */
static int free_slot(const struct gate *gate, bool recent) {
    int found = -1;
    size_t taken = 0;
    for (int i = 0; i < GATE_SLOTS; i++) {
        taken += gate->slots[i].taken;
        if (!gate->slots[i].taken && found < 0)
            found = i;
    }
    return recent || taken < GATE_SLOTS - GATE_KEPT ? found : -1;
}

/* The oldest slot that is old enough to go, or -1. Strangers push out strangers only. */
static int stale_slot(const struct gate *gate, bool recent, uint64_t now_ms) {
    int oldest = -1;
    for (int i = 0; i < GATE_SLOTS; i++)
        if (gate->slots[i].taken && (recent || !gate->slots[i].recent) &&
            (oldest < 0 || gate->slots[i].since_ms < gate->slots[oldest].since_ms))
            oldest = i;
    return oldest >= 0 && now_ms - gate->slots[oldest].since_ms > GATE_STALE_MS ? oldest : -1;
}

int gate_enter(struct gate *gate, const struct address *from, uint64_t now_ms, int *evict) {
    bool recent = is_recent(gate, from);
    size_t same = 0;

    *evict = -1;
    for (size_t i = 0; i < GATE_SLOTS; i++)
        same += gate->slots[i].taken && address_same_host(&gate->slots[i].address, from);
    if (same >= GATE_PER_ADDRESS || !take_token(gate, from, recent, now_ms))
        return -1;
    int slot = free_slot(gate, recent);
    if (slot < 0)
        slot = *evict = stale_slot(gate, recent, now_ms);
    if (slot >= 0)
        gate->slots[slot] = (struct gate_slot){
            .address = *from, .since_ms = now_ms, .taken = true, .recent = recent};
    return slot;
}

void gate_leave(struct gate *gate, int slot) {
    gate->slots[slot].taken = false;
}

void gate_authenticated(struct gate *gate, const struct address *from, bool known) {
    if (!known)
        return;
    if (!is_recent(gate, from)) {
        gate->recent[gate->recent_next] = *from;
        gate->recent_next = (gate->recent_next + 1) % GATE_RECENT;
        if (gate->recent_count < GATE_RECENT)
            gate->recent_count++;
        gate->all.used -= gate->all.used > 0;
    }
    for (size_t i = 0; i < gate->bucket_count; i++)
        if (address_same_host(&gate->buckets[i].address, from) && gate->buckets[i].used > 0)
            gate->buckets[i].used--;
}
