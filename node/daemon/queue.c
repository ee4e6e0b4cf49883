#include "node/daemon/queue.h"

static uint32_t jitter(uint32_t span_ms, uint32_t random) {
    uint32_t half = span_ms / 2;
    return span_ms - half + random % (half + 1);
}

static uint32_t backoff(uint32_t failures, uint32_t random) {
    uint32_t span_ms = QUEUE_FIRST_MS;
    for (uint32_t i = 1; i < failures && span_ms < QUEUE_LAST_MS; i++)
        span_ms *= 2;
    return jitter(span_ms < QUEUE_LAST_MS ? span_ms : QUEUE_LAST_MS, random);
}

struct queue_decision queue_judge(struct queue_tries *tries, enum queue_event event,
                                  bool progressed, uint32_t random) {
    if (progressed)
        *tries = (struct queue_tries){0};
    if (tries->failures < UINT32_MAX)
        tries->failures++;
    tries->broken = event == QUEUE_PROTOCOL ? tries->broken + 1 : 0;

    switch (event) {
    case QUEUE_COMPLETE:
    case QUEUE_NO_VERSION:
    case QUEUE_REFUSED:
    case QUEUE_PEER_CANCELLED:
    case QUEUE_LOCAL_FAULT:
        return (struct queue_decision){.action = QUEUE_FINISH};
    case QUEUE_UNREACHABLE:
        return (struct queue_decision){QUEUE_AWAIT, backoff(tries->failures, random)};
    case QUEUE_BUSY:
    case QUEUE_NO_SPACE:
    case QUEUE_PEER_PAUSED:
        return (struct queue_decision){QUEUE_RETRY, jitter(QUEUE_LAST_MS, random)};
    case QUEUE_PROTOCOL:
        if (tries->broken >= QUEUE_PROTOCOL_TRIES)
            return (struct queue_decision){.action = QUEUE_FINISH};
        break;
    case QUEUE_LOST:
        break;
    }
    return (struct queue_decision){QUEUE_RETRY, backoff(tries->failures, random)};
}

void queue_seen(struct queue_tries *tries) {
    tries->failures = 0;
}
