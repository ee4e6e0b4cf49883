/*
 * CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21: a key out of a short secret that two parties
 * share, where an attacker gets one guess for each run that it takes part in, and none from
 * listening. Sections of the draft, by title:
 *
 *     "The CPace protocol"                             cpace_isk(), initiator and responder
 *     "Common function for computing generators"       cpace_generator_string()
 *     "CPace group objects G_Ristretto255 ..."         cpace_generator(), cpace_share(),
 *                                                      cpace_scalar_mult_vfy()
 *     "Key confirmation"                               cpace_tags(), with HMAC-SHA512 as the MAC
 *     "Notation for string operations"                 cpace_lv_cat()
 *
 * A run: g = cpace_generator(); send cpace_share() of a fresh scalar and g; cpace_isk() with what
 * the peer sent; cpace_tags(), of which each side sends its own and compares the other. Scalars,
 * generators, K, ISK, tags not yet sent and PRS are secrets: the caller keeps and wipes them.
 *
 * Points and scalars have the encodings of RFC 9496. No I/O, clock or randomness; nothing blocks;
 * any thread. sodium_init() must have been called.
 */
#ifndef PROTO_CPACE_H
#define PROTO_CPACE_H

#include <stddef.h>
#include <stdint.h>

#define CPACE_POINT 32
#define CPACE_SCALAR 32
#define CPACE_ISK 64
#define CPACE_TAG 64

/* The peer's share encodes no point, or the neutral one: the run is to be aborted. */
#define CPACE_REFUSED 1

/* An octet string of the draft; `data` may be NULL where it is empty. */
struct cpace_string {
    const void *data;
    size_t length;
};

/* What both parties have to have in common. */
struct cpace_inputs {
    struct cpace_string prs; /* the short secret */
    struct cpace_string ci;  /* channel identifier: who talks to whom */
    struct cpace_string sid; /* session identifier */
};

/* The two messages, as both parties have seen them: A is the initiator. */
struct cpace_transcript {
    const uint8_t *ya; /* CPACE_POINT bytes */
    struct cpace_string ada;
    const uint8_t *yb;
    struct cpace_string adb;
};

/* lv_cat: the strings one after the other, each with its length before it (LEB128). Returns the
 * bytes that it has, and writes them where `out` is not NULL. */
size_t cpace_lv_cat(uint8_t *out, const struct cpace_string *strings, size_t count);

/* generator_string, what a generator is hashed from: as secret as PRS. As cpace_lv_cat(). */
size_t cpace_generator_string(uint8_t *out, const struct cpace_inputs *inputs);

/* calculate_generator: as secret as PRS. 0 or -ENOMEM. */
int cpace_generator(uint8_t g[CPACE_POINT], const struct cpace_inputs *inputs);

/* scalar_mult: the public share of a scalar in 1 to the order of the group - 1. 0, or -EINVAL where
 * it is 0 or `g` is no generator. */
int cpace_share(uint8_t share[CPACE_POINT], const uint8_t scalar[CPACE_SCALAR],
                const uint8_t g[CPACE_POINT]);

/* scalar_mult_vfy: 0 and scalar * point; CPACE_REFUSED where the draft returns G.I. Its result is
 * K, which nobody may see: a run calls cpace_isk() instead. */
int cpace_scalar_mult_vfy(uint8_t out[CPACE_POINT], const uint8_t scalar[CPACE_SCALAR],
                          const uint8_t point[CPACE_POINT]);

/* ISK, with transcript_ir, from our scalar and the share of the peer, which is one of those in
 * `transcript`. 0, CPACE_REFUSED, or -ENOMEM. */
int cpace_isk(uint8_t isk[CPACE_ISK], const uint8_t scalar[CPACE_SCALAR], const uint8_t *peer,
              struct cpace_string sid, const struct cpace_transcript *transcript);

/* Key confirmation: Ta, which A sends, and Tb, which B sends. 0 or -ENOMEM. */
int cpace_tags(uint8_t ta[CPACE_TAG], uint8_t tb[CPACE_TAG], const uint8_t isk[CPACE_ISK],
               struct cpace_string sid, const struct cpace_transcript *transcript);

#endif
