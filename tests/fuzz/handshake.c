/*
 * The opening of a connection, fed by a stranger. The first byte chooses:
 *
 *   0  a responder reads the rest       2  both ends talk, and the rest, in steps of three bytes
 *   1  an initiator reads the rest         (message, offset, mask), damages what passes between
 *
 * In 0 and 1 nothing may be accepted; in 2 only what arrived as it was sent.
 */
#include "proto/handshake.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static const uint8_t secret[2][LIMIT_KEY] = {"a static secret of the initiator",
                                             "a static secret of the responder"};
static const uint8_t ephemeral[2][LIMIT_KEY] = {"a fresh secret of the initiator.",
                                                "a fresh secret of the responder."};

static void must(bool fact) {
    if (!fact) {
        abort();
    }
}

static struct handshake *open_end(bool initiator) {
    struct handshake *handshake = NULL;
    struct handshake_self self = {
        .secret = secret[initiator ? 0 : 1],
        .ephemeral = ephemeral[initiator ? 0 : 1],
        .protocol = {HANDSHAKE_PROTOCOL_LOWEST, HANDSHAKE_PROTOCOL_HIGHEST},
        .features = 1,
    };
    struct handshake_call call = {.purpose = HANDSHAKE_CONTROL, .name = "fuzz", .name_length = 4};
    must((initiator ? handshake_new_initiator(&handshake, &self, &call)
                    : handshake_new_responder(&handshake, &self)) == 0);
    return handshake;
}

/* Feeds all of it in the pieces that are wanted. */
static int feed(struct handshake *handshake, const uint8_t *bytes, size_t length) {
    int outcome = HANDSHAKE_MORE;
    size_t wants = handshake_wants(handshake);
    while (outcome == HANDSHAKE_MORE && wants <= length) {
        must(wants > 0 && wants <= HANDSHAKE_INPUT_MAX);
        outcome = handshake_feed(handshake, bytes, wants);
        bytes += wants;
        length -= wants;
        wants = handshake_wants(handshake);
    }
    must(outcome >= 0);
    return outcome;
}

static void read_raw(bool initiator, struct input input) {
    const uint8_t *bytes = NULL;
    struct handshake *handshake = open_end(initiator);
    int outcome = feed(handshake, input.data, input.size);
    must(outcome != HANDSHAKE_DONE && outcome != HANDSHAKE_DECIDE);
    must(handshake_result(handshake) == NULL && handshake_peer(handshake) == NULL);
    must((outcome == HANDSHAKE_VERSION) == (handshake_conflict(handshake) != NULL));
    handshake_output(handshake, &bytes);
    handshake_free(handshake);
}

/* Passes message `number` on, damaged as the input says; *damaged is set where it was. */
static int pass(struct handshake *from, struct handshake *to, unsigned number, struct input input,
                bool *damaged) {
    uint8_t message[HANDSHAKE_INPUT_MAX + HANDSHAKE_CLEAR];
    const uint8_t *bytes = NULL;
    size_t length = handshake_output(from, &bytes);
    must(length <= sizeof message);
    memcpy(message, bytes, length);
    for (size_t at = 0; at + 3 <= input.size; at += 3) {
        if (input.data[at] % 3 == number && input.data[at + 1] < length) {
            message[input.data[at + 1]] ^= input.data[at + 2];
        }
    }
    *damaged = *damaged || memcmp(message, bytes, length) != 0;
    return feed(to, message, length);
}

static void talk(struct input input) {
    struct handshake *initiator = open_end(true);
    struct handshake *responder = open_end(false);
    bool damaged = false;
    int outcome = pass(initiator, responder, 0, input, &damaged);
    if (outcome == HANDSHAKE_MORE) {
        outcome = pass(responder, initiator, 1, input, &damaged);
        must((outcome == HANDSHAKE_DECIDE) == !damaged);
    }
    if (outcome == HANDSHAKE_DECIDE) {
        must(handshake_proceed(initiator) == HANDSHAKE_DONE);
        outcome = pass(initiator, responder, 2, input, &damaged);
    }
    must((outcome == HANDSHAKE_DONE) == !damaged);
    if (outcome == HANDSHAKE_DONE) {
        must(sodium_memcmp(handshake_result(initiator)->send_key,
                           handshake_result(responder)->receive_key, LIMIT_KEY) == 0);
    }
    handshake_free(initiator);
    handshake_free(responder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    must(sodium_init() >= 0);
    if (size == 0) {
        return 0;
    }
    struct input input = {data + 1, size - 1};
    if (data[0] % 3 == 2) {
        talk(input);
    } else {
        read_raw(data[0] % 3 == 1, input);
    }
    return 0;
}
