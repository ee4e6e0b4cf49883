/*
 * Pairing with a stranger who does not know the code. The first byte chooses:
 *
 *   0  a responder reads the rest as it comes from the connection
 *   1  an initiator does
 *   2  a responder reads what a peer seals that has the keys of the connection: the rest is, for
 *      each of its messages, a type byte and a body
 *   3  an initiator does
 *
 * Nothing may be proven, and only what is sealed by the keys may get any answer.
 */
#include "proto/pairing.h"
#include "proto/stream.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t seed[PAIRING_SEED] = "what is to be random, but the same in each run";
static const uint8_t own_key[LIMIT_KEY] = "our own public key";

static const struct handshake_result opened = {
    .peer = "the stranger's public key",
    .purpose = HANDSHAKE_PAIR,
    .version = 1,
    .hash = "the hash of a handshake",
    .send_key = "what we send",
    .receive_key = "what we receive",
};

static void must(bool fact) {
    if (!fact) {
        abort();
    }
}

static struct pairing *open_end(bool initiator) {
    struct pairing *pairing = NULL;
    struct pairing_setup setup = {
        .initiator = initiator,
        .opened = &opened,
        .own_key = own_key,
        .seed = seed,
        .code = "48151623",
        .name = "fuzz",
        .name_length = 4,
    };
    must(pairing_new(&pairing, &setup) == 0);
    return pairing;
}

/* Feeds what is wanted, and checks what every outcome implies. */
static int feed(struct pairing *pairing, const uint8_t *bytes, size_t length) {
    const uint8_t *output = NULL;
    size_t name_length = 0;
    int outcome = pairing_feed(pairing, bytes, length);
    size_t answer = pairing_output(pairing, &output);
    must(outcome == PAIRING_MORE || outcome == PAIRING_WRONG || outcome == PAIRING_REFUSED);
    must((outcome == PAIRING_MORE) == (pairing_wants(pairing) > 0));
    must(outcome != PAIRING_REFUSED || answer == 0);
    must(outcome == PAIRING_MORE || pairing_feed(pairing, bytes, length) == outcome);
    must(pairing_confirm(pairing) < 0);
    pairing_name(pairing, &name_length);
    must(name_length <= LIMIT_NAME);
    return outcome;
}

static void read_raw(bool initiator, const uint8_t *data, size_t size) {
    struct pairing *pairing = open_end(initiator);
    size_t wants = pairing_wants(pairing);
    if (wants <= size) {
        must(feed(pairing, data, wants) == PAIRING_REFUSED);
    }
    pairing_free(pairing);
}

static void read_sealed(bool initiator, const uint8_t *data, size_t size) {
    struct pairing *pairing = open_end(initiator);
    struct stream_sealer *sealer = NULL;
    uint8_t bytes[PAIRING_INPUT_MAX];
    size_t header = STREAM_HEADER; /* before the first */
    int outcome = PAIRING_MORE;
    must(stream_sealer_new(&sealer, opened.receive_key, bytes) == 0);
    while (outcome == PAIRING_MORE && size > 0) {
        size_t wants = pairing_wants(pairing);
        size_t body = wants - header - STREAM_RECORD(0);
        size_t given = size - 1 < body ? size - 1 : body;
        memset(bytes + header, 0, wants - header);
        memcpy(bytes + header + STREAM_HEADROOM, data + 1, given);
        must(stream_seal(sealer, data[0] % 8 == 0 ? STREAM_DATA : STREAM_CONTROL, bytes + header,
                         body) == 0);
        outcome = feed(pairing, bytes, wants);
        must(data[0] % 8 != 0 || outcome == PAIRING_REFUSED);
        data += 1 + given;
        size -= 1 + given;
        header = 0;
    }
    stream_sealer_free(sealer);
    pairing_free(pairing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    must(sodium_init() >= 0);
    if (size == 0) {
        return 0;
    }
    bool initiator = data[0] % 2 == 1;
    if (data[0] % 4 < 2) {
        read_raw(initiator, data + 1, size - 1);
    } else {
        read_sealed(initiator, data + 1, size - 1);
    }
    return 0;
}
