/* A sender whose peer and whose own events are chosen by the input: a byte for what happens, and
 * where it is a message, a byte of length and the message. */
#include "proto/sender.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNITS 40u

static struct sender *make(void) {
    struct manifest_summary summary = {.length = 100,
                                       .entries = 4,
                                       .bytes = UNITS * (uint64_t)LIMIT_CHUNK,
                                       .units = UNITS,
                                       .name_count = 1,
                                       .names_shown = 1};
    struct sender_config config = {.summary = &summary, .lanes = 3};
    struct sender *sender = NULL;
    summary.names[0].length = 1;
    summary.names[0].bytes[0] = 'a';
    if (sender_new(&sender, &config) < 0 || sender_start(sender, 0) < 0)
        abort();
    return sender;
}

static void take_actions(struct sender *sender) {
    struct sender_action action;
    uint8_t batch[96] = {0};
    while (sender_next(sender, &action)) {
        if (action.kind == SENDER_STREAM_MANIFEST)
            sender_manifest_batch(sender, batch, sizeof batch);
        if (action.kind == SENDER_REWIND && sender_rewind(sender, (uint32_t)action.unit / 10) < 0)
            abort();
        if (action.kind == SENDER_DELIVERED && sender_recorded(sender) < 0)
            abort();
    }
}

/* What happens at the sender itself. Calls out of turn are refused, not fatal. */
static void happen(struct sender *sender, uint8_t what) {
    uint32_t lane = what >> 4 & 3;
    uint32_t next = sender_confirm_next(sender);
    struct range range;
    uint64_t unit = 0;
    struct sender_failure failure = {.entry = lane,
                                     .first_unit = 10 * lane,
                                     .units = 10,
                                     .reason = FXNODE__WIRE__FAILED__REASON__CHANGED};
    struct sender_confirmation one = {
        .first_entry = next, .count = 1, .first_unit = 10 * next, .units = 10};
    switch (what & 7) {
    case 1:
        if (sender_claim(sender, lane, 7, &range) == 0)
            sender_steal(sender, lane);
        sender_begin(sender, lane, &unit);
        break;
    case 2:
        sender_lane_opened(sender, lane);
        break;
    case 3:
        sender_lane_lost(sender, lane);
        break;
    case 4:
        sender_failed(sender, &failure);
        break;
    case 5:
        sender_confirm(sender, &one);
        break;
    default:
        sender_tick(sender, (uint64_t)what * 100);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sender *sender = make();
    take_actions(sender);
    while (size >= 2) {
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        if ((data[0] & 7) != 0) {
            happen(sender, data[0]);
            length = 0;
        } else if (sender_control(sender, 0, data + 2, length) < 0) {
            abort(); /* a peer cannot cause that */
        }
        take_actions(sender);
        data += 2 + length;
        size -= 2 + length;
    }
    if (rangeset_total(sender_durable(sender)) > UNITS)
        abort();
    if (sender_skips(sender, 4, 0, 0))
        abort(); /* no such entry */
    sender_free(sender);
    return 0;
}
