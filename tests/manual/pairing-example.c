/* The worked example of pairing in fxnode-protocol(7) (example.h). */
#include "example.h"
#include "proto/cpace.h"
#include "proto/pairing.h"

#include <check.h>
#include <sodium.h>
#include <string.h>

#define CODE "12345678"
#define NAME "cellar"

/* Takes what one side wants to send, shows it and gives it to the other. */
static int hand_over(struct pairing *from, struct pairing *to, const char *name) {
    const uint8_t *bytes = NULL;
    size_t length = pairing_output(from, &bytes);
    example_show(name, bytes, length);
    return pairing_feed(to, bytes, length);
}

/* What nobody sends: the values on the way, by the same steps as pairing takes. */
static void show_steps(const struct handshake_result *opened, const uint8_t *const key[2],
                       const uint8_t seed[2][PAIRING_SEED]) {
    const struct cpace_string keys[] = {{key[0], LIMIT_KEY}, {key[1], LIMIT_KEY}};
    const struct cpace_string sid = {opened->hash, HANDSHAKE_HASH};
    uint8_t ci[2 * (1 + LIMIT_KEY)];
    struct cpace_inputs inputs = {{CODE, PAIRING_CODE}, {ci, cpace_lv_cat(ci, keys, 2)}, sid};
    uint8_t scalar[2][CPACE_SCALAR];
    uint8_t share[2][CPACE_POINT];
    uint8_t point[CPACE_POINT];
    uint8_t secret[CPACE_ISK];
    uint8_t tag[2][CPACE_TAG];
    const struct cpace_transcript transcript = {.ya = share[0], .yb = share[1]};
    ck_assert_int_eq(cpace_generator(point, &inputs), 0);
    for (unsigned i = 0; i < 2; i++) {
        crypto_core_ristretto255_scalar_reduce(scalar[i], seed[i]);
        ck_assert_int_eq(cpace_share(share[i], scalar[i], point), 0);
        example_show(i == 0 ? "ya" : "yb", scalar[i], CPACE_SCALAR);
    }
    example_show("g", point, CPACE_POINT);
    example_show("Ya", share[0], CPACE_POINT);
    example_show("Yb", share[1], CPACE_POINT);
    ck_assert_int_eq(cpace_scalar_mult_vfy(point, scalar[0], share[1]), 0);
    example_show("K", point, CPACE_POINT);
    ck_assert_int_eq(cpace_isk(secret, scalar[0], share[1], sid, &transcript), 0);
    example_show("ISK", secret, CPACE_ISK);
    ck_assert_int_eq(cpace_tags(tag[0], tag[1], secret, sid, &transcript), 0);
    example_show("Ta", tag[0], CPACE_TAG);
    example_show("Tb", tag[1], CPACE_TAG);
}

static void talk(struct pairing *a, struct pairing *b) {
    ck_assert_int_eq(hand_over(a, b, "Ya, sent"), PAIRING_MORE);
    ck_assert_int_eq(hand_over(b, a, "Yb, sent"), PAIRING_MORE);
    ck_assert_int_eq(hand_over(a, b, "Ta, sent"), PAIRING_PROVEN);
    ck_assert_int_eq(pairing_confirm(b), 0);
    ck_assert_int_eq(hand_over(b, a, "Tb, sent"), PAIRING_PROVEN);
}

static void make(void) {
    struct handshake *opened[2] = {NULL, NULL};
    struct pairing *pairing[2] = {NULL, NULL};
    uint8_t seed[2][PAIRING_SEED];
    example_open(HANDSHAKE_PAIR, &opened[0], &opened[1]);
    const uint8_t *const key[2] = {handshake_peer(opened[1]), handshake_peer(opened[0])};
    example_show("code", CODE, PAIRING_CODE);
    for (unsigned i = 0; i < 2; i++) {
        example_count_up(seed[i], PAIRING_SEED, (uint8_t)(i * PAIRING_SEED));
        struct pairing_setup setup = {.initiator = i == 0,
                                      .opened = handshake_result(opened[i]),
                                      .own_key = key[i],
                                      .seed = seed[i],
                                      .code = CODE,
                                      .name = NAME,
                                      .name_length = strlen(NAME)};
        ck_assert_int_eq(pairing_new(&pairing[i], &setup), 0);
    }
    show_steps(handshake_result(opened[0]), key, seed);
    talk(pairing[0], pairing[1]);
    for (unsigned i = 0; i < 2; i++) {
        pairing_free(pairing[i]);
        handshake_free(opened[i]);
    }
}

int main(void) {
    return example_main(EXAMPLE, make);
}
