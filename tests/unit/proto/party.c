#include "party.h"

#include <sodium.h>
#include <string.h>

const uint8_t party_key[3][LIMIT_KEY] = {"the initiator's public key, told",
                                         "the responder's public key, told",
                                         "the key of somebody in between.."};

/* The generator of ristretto255 (RFC 9496, appendix A.1, multiple 1). */
const uint8_t party_point[PARTY_POINT] = {
    0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f,
    0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76};

void party_invalid_point(uint8_t point[PARTY_POINT], unsigned number) {
    static const uint8_t prime = 0xed; /* p = 2^255 - 19 and its neighbours begin with it */
    static const uint8_t first[PARTY_INVALID_POINTS] = {
        0,         /* the neutral element */
        1,         /* negative */
        prime,     /* p, in place of 0 */
        prime + 3, /* above p */
        prime - 1, /* s = -1 */
        0xe2,      /* a valid one with the top bit set */
        0xe0,      /* no square */
    };
    if (number >= 5) {
        memcpy(point, party_point, PARTY_POINT);
        point[PARTY_POINT - 1] |= number == 5 ? 0x80 : 0;
    } else {
        memset(point, number < 2 ? 0 : 0xff, PARTY_POINT);
        point[PARTY_POINT - 1] &= 0x7f;
    }
    point[0] = first[number];
}

void party_connect(struct party_line *line, const uint8_t *initiator, const uint8_t *responder) {
    uint8_t key[2][LIMIT_KEY];
    uint8_t hash[HANDSHAKE_HASH];
    memset(line, 0, sizeof *line);
    memcpy(line->key[0], initiator, LIMIT_KEY);
    memcpy(line->key[1], responder, LIMIT_KEY);
    randombytes_buf(key, sizeof key);
    randombytes_buf(hash, sizeof hash);
    for (unsigned i = 0; i < 2; i++) {
        struct handshake_result *end = &line->end[i];
        end->purpose = HANDSHAKE_PAIR;
        end->version = 1;
        memcpy(end->peer, line->key[1 - i], LIMIT_KEY);
        memcpy(end->hash, hash, sizeof hash);
        memcpy(end->send_key, key[i], LIMIT_KEY);
        memcpy(end->receive_key, key[1 - i], LIMIT_KEY);
    }
}

struct pairing_setup party_setup(const struct party_line *line, unsigned end, const char *code) {
    static uint8_t seed[PAIRING_SEED];
    randombytes_buf(seed, sizeof seed);
    return (struct pairing_setup){
        .initiator = end == 0,
        .opened = &line->end[end],
        .own_key = line->key[end],
        .seed = seed,
        .code = code,
        .name = PARTY_NAME,
        .name_length = strlen(PARTY_NAME),
    };
}

struct pairing *party_new(const struct party_line *line, unsigned end, const char *code) {
    struct pairing_setup setup = party_setup(line, end, code);
    struct pairing *pairing = NULL;
    ck_assert_int_eq(pairing_new(&pairing, &setup), 0);
    return pairing;
}

size_t party_take(struct pairing *pairing, uint8_t bytes[PAIRING_INPUT_MAX]) {
    const uint8_t *output = NULL;
    size_t length = pairing_output(pairing, &output);
    ck_assert_uint_le(length, PAIRING_INPUT_MAX);
    memcpy(bytes, output, length);
    ck_assert_uint_eq(pairing_output(pairing, &output), 0);
    return length;
}

void party_join(struct party *party, const struct party_line *line, unsigned end) {
    *party = (struct party){.opened = &line->end[end], .type = STREAM_CONTROL};
}

void party_leave(struct party *party) {
    stream_sealer_free(party->sealer);
    stream_opener_free(party->opener);
}

int party_say(struct party *party, struct pairing *to, const uint8_t *body, size_t length) {
    uint8_t bytes[STREAM_HEADER + STREAM_RECORD(PARTY_BODY)];
    size_t header = 0;
    if (party->sealer == NULL) {
        ck_assert_int_eq(stream_sealer_new(&party->sealer, party->opened->send_key, bytes), 0);
        header = STREAM_HEADER;
    }
    memcpy(bytes + header + STREAM_HEADROOM, body, length);
    ck_assert_int_eq(stream_seal(party->sealer, party->type, bytes + header, length), 0);
    return pairing_feed(to, bytes, header + STREAM_RECORD(length));
}

int party_answer(struct party *party, struct pairing *to, const uint8_t point[PARTY_POINT]) {
    uint8_t body[PARTY_POINT + LIMIT_NAME] = {0};
    memcpy(body, point, PARTY_POINT);
    memcpy(body + PARTY_POINT, "cellar", 6);
    return party_say(party, to, body, sizeof body);
}

size_t party_open(struct party *party, const uint8_t *bytes, size_t length,
                  uint8_t body[PARTY_BODY]) {
    uint8_t record[PAIRING_INPUT_MAX];
    struct stream_frame frame = {0};
    size_t header = 0;
    if (party->opener == NULL) {
        ck_assert_uint_gt(length, STREAM_HEADER);
        ck_assert_int_eq(stream_opener_new(&party->opener, party->opened->receive_key, bytes), 0);
        header = STREAM_HEADER;
    }
    ck_assert_uint_ge(length - header, STREAM_RECORD(0));
    memcpy(record, bytes + header, length - header);
    ck_assert_int_eq(
        stream_open(party->opener, record + STREAM_PREFIX, length - header - STREAM_PREFIX, &frame),
        0);
    memcpy(body, frame.body, frame.length);
    return frame.length;
}

size_t party_hear(struct party *party, struct pairing *from, uint8_t body[PARTY_BODY]) {
    uint8_t bytes[PAIRING_INPUT_MAX];
    size_t length = party_take(from, bytes);
    return party_open(party, bytes, length, body);
}
