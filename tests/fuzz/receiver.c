/* A receiver whose peer and whose own events are chosen by the input: a byte for what happens, and
 * where it is a message, a byte of length and the message. */
#include "proto/receiver.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct node {
    struct receiver *receiver;
    uint64_t units;
    bool committing;
    bool skips; /* the first entry, which has the first unit */
};

#define SKIPS 31 /* happens */

static int manifest_synced(struct node *node) {
    struct rangeset first;
    int rc = 0;
    rangeset_init(&first);
    if (node->skips)
        rc = rangeset_add(&first, 0, node->units > 0);
    if (rc == 0)
        rc = receiver_skip(node->receiver, &first, &first);
    rangeset_clear(&first);
    return rc < 0 ? rc : receiver_manifest_synced(node->receiver);
}

static void take_actions(struct node *node) {
    struct receiver_admission accept = {.answer = FXNODE__WIRE__VERDICT__ANSWER__ACCEPT};
    struct receiver_action action;
    while (receiver_next(node->receiver, &action)) {
        struct receiver_check check = {.units = node->units, .match = action.digest[0] != 1};
        int rc = 0;
        if (action.kind == RECEIVER_OFFERED) {
            node->units = action.offer->summary.units;
            accept.outside = (enum receiver_outside)(action.offer->lanes % 3);
            rc = receiver_admit(node->receiver, 0, &accept);
        } else if (action.kind == RECEIVER_SYNC_MANIFEST) {
            rc = manifest_synced(node);
        } else if (action.kind == RECEIVER_COMMIT) {
            node->committing = true;
        } else if (action.kind == RECEIVER_CHECK) {
            rc = receiver_checked(node->receiver, &check);
        } else if (action.kind == RECEIVER_DROP) {
            rc = receiver_dropped(node->receiver, 0, node->units > 0);
        } else if (action.kind == RECEIVER_FINALIZE) {
            rc = receiver_placed(node->receiver, NULL, 0, 0, true);
        }
        if (rc < 0)
            abort();
    }
}

static void take_piece(struct node *node, uint32_t lane, const struct record_piece *piece) {
    bool completed = false;
    if (receiver_record(node->receiver, 0, lane, piece) == RECEIVER_WRITE &&
        receiver_written(node->receiver, 0, lane, piece, &completed) < 0)
        abort();
}

static void take_record(struct node *node, uint8_t what) {
    uint32_t half = what & 32 ? LIMIT_CHUNK / 2 : 0;
    struct record_piece piece = {
        .unit = what >> 3 & 3, .unit_size = LIMIT_CHUNK, .offset = half, .length = LIMIT_CHUNK / 2};
    take_piece(node, what >> 6, &piece);
}

/* A chunk that is nothing but a hole. */
static void take_hole(struct node *node, uint8_t what) {
    struct record_piece piece = {
        .unit = what >> 3 & 3, .unit_size = LIMIT_CHUNK, .length = LIMIT_CHUNK, .is_hole = true};
    take_piece(node, what >> 6, &piece);
}

/* What happens at the receiver itself. Calls out of turn are refused, not fatal. */
static void happen(struct node *node, uint8_t what) {
    const struct rangeset *units = NULL;
    switch (what & 7) {
    case 1:
        take_record(node, what);
        break;
    case 2:
        receiver_lane_opened(node->receiver, what >> 6);
        break;
    case 3:
        receiver_lane_lost(node->receiver, what >> 6);
        break;
    case 4:
        receiver_sync_begin(node->receiver, &units);
        break;
    case 5:
        receiver_synced(node->receiver, 0);
        break;
    case 6:
        if (node->committing && receiver_committed(node->receiver, 0) < 0)
            abort();
        node->committing = false;
        break;
    default:
        node->skips |= what == SKIPS;
        if ((what & 32) != 0)
            take_hole(node, what);
        receiver_tick(node->receiver, (uint64_t)what * 100);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct receiver_config config = {
        .lanes = 3, .batch_bytes = 3 * LIMIT_CHUNK, .batch_ms = 1000, .offer_ms = 10000};
    struct node node = {0};
    if (receiver_new(&node.receiver, &config) < 0 || receiver_start(node.receiver, 0) < 0)
        abort();
    while (size >= 2) {
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        if ((data[0] & 7) != 0) {
            happen(&node, data[0]);
            length = 0;
        } else if (receiver_control(node.receiver, 0, data + 2, length) < 0) {
            abort(); /* a peer cannot cause that */
        }
        take_actions(&node);
        data += 2 + length;
        size -= 2 + length;
    }
    if (rangeset_total(receiver_durable(node.receiver)) > node.units)
        abort();
    receiver_free(node.receiver);
    return 0;
}
