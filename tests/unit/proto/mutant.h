/*
 * Manifests from a seed, legal ones and those of somebody who means harm, and a second opinion on
 * which is which: written for clarity, without a line of the program's rules.
 */
#ifndef TESTS_PROTO_MUTANT_H
#define TESTS_PROTO_MUTANT_H

#include "base/entry.h"
#include "proto/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUTANT_ENTRIES 40
#define MUTANT_PATH 8192

struct mutant {
    uint64_t chance;
    const char *what; /* how it was changed; NULL: not at all */
    size_t count;
    struct entry entries[MUTANT_ENTRIES];
    char paths[MUTANT_ENTRIES][MUTANT_PATH]; /* of the entries */
    uint8_t batch[LIMIT_MANIFEST_BATCH];
    size_t length;                   /* of the batch */
    struct manifest_summary summary; /* as an honest offer of just these entries has it */
};

/* 0 to below `below`, the next of the seed. */
uint64_t mutant_pick(struct mutant *mutant, uint64_t below);

/* Makes a legal manifest, and with `changes` > 0 does that much harm to it; batch and summary are
 * those of the result. One seed makes one manifest. */
void mutant_make(struct mutant *mutant, uint64_t seed, unsigned changes);

/* The second opinion. */
bool mutant_is_legal(const struct mutant *mutant);

#endif
