#include "tunnel.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

const uint8_t tunnel_secret[2][LIMIT_KEY] = {"the initiator's static secret..",
                                             "the responder's static secret.."};
const uint8_t tunnel_ephemeral[2][LIMIT_KEY] = {"the initiator's fresh secret...",
                                                "the responder's fresh secret..."};

/* Little-endian u: 0, 1, two of order 8, p - 1, p, p + 1. */
const uint8_t tunnel_low_order[TUNNEL_LOW_ORDER][LIMIT_KEY] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

void tunnel_prepare(struct tunnel *tunnel) {
    memset(tunnel, 0, sizeof *tunnel);
    for (unsigned i = 0; i < 2; i++) {
        tunnel->self[i].secret = tunnel_secret[i];
        tunnel->self[i].ephemeral = tunnel_ephemeral[i];
        tunnel->self[i].protocol = (struct handshake_range){1, 1};
        tunnel->self[i].features = 5 + i;
    }
    tunnel->call.purpose = HANDSHAKE_CONTROL;
    tunnel->call.name = "alpha";
    tunnel->call.name_length = 5;
}

void tunnel_open(struct tunnel *tunnel) {
    ck_assert_int_eq(handshake_new_initiator(&tunnel->end[0], &tunnel->self[0], &tunnel->call), 0);
    ck_assert_int_eq(handshake_new_responder(&tunnel->end[1], &tunnel->self[1]), 0);
}

void tunnel_close(struct tunnel *tunnel) {
    handshake_free(tunnel->end[0]);
    handshake_free(tunnel->end[1]);
    tunnel->end[0] = NULL;
    tunnel->end[1] = NULL;
}

void tunnel_take(struct tunnel *tunnel, unsigned end) {
    const uint8_t *bytes = NULL;
    tunnel->length = handshake_output(tunnel->end[end], &bytes);
    ck_assert_uint_le(tunnel->length, sizeof tunnel->bytes);
    memcpy(tunnel->bytes, bytes, tunnel->length);
    ck_assert_uint_eq(handshake_output(tunnel->end[end], &bytes), 0);
}

int tunnel_give(struct tunnel *tunnel, unsigned end) {
    struct handshake *handshake = tunnel->end[end];
    size_t at = 0;
    int outcome = HANDSHAKE_MORE;
    size_t wants = handshake_wants(handshake);
    while (outcome == HANDSHAKE_MORE && wants > 0 && wants <= tunnel->length - at) {
        ck_assert_uint_le(wants, HANDSHAKE_INPUT_MAX);
        outcome = handshake_feed(handshake, tunnel->bytes + at, wants);
        at += wants;
        wants = handshake_wants(handshake);
    }
    return outcome;
}

struct noise *tunnel_noise(enum noise_role role, const uint8_t *secret, const uint8_t *ephemeral,
                           const uint8_t clear[TUNNEL_CLEAR]) {
    struct noise_setup setup = {role, secret, ephemeral, clear, TUNNEL_CLEAR};
    struct noise *noise = NULL;
    ck_assert_int_eq(noise_new(&noise, &setup), 0);
    return noise;
}

size_t tunnel_put(struct noise *noise, const void *payload, size_t length, uint8_t *at) {
    size_t total = noise_overhead(noise) + length;
    at[0] = (uint8_t)(total >> 8);
    at[1] = (uint8_t)total;
    ck_assert_int_eq(noise_write(noise, payload, length, at + 2), 0);
    return total + 2;
}

int main(void) {
    if (sodium_init() < 0) {
        return EXIT_FAILURE;
    }
    SRunner *runner = srunner_create(suite_noise());
    srunner_add_suite(runner, suite_handshake());
    srunner_add_suite(runner, suite_hostile());
    srunner_add_suite(runner, suite_stream());
    srunner_add_suite(runner, suite_secretstream());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
