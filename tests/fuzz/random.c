/*
 * Runs a fuzz target over random inputs: what needs no search for a way in, but many cases.
 *
 *     random-NAME COUNT [SEED]     the same inputs for the same seed, a number
 *
 * Input i is made of seed and i alone, so that one which fails can be run again by itself.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 128

int main(int argc, char **argv) {
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    uint8_t data[INPUT_MAX];
    unsigned long long count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    unsigned long long number = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (count == 0 || sodium_init() < 0) {
        fprintf(stderr, "usage: %s COUNT [SEED]\n", argv[0]);
        return 2;
    }
    memcpy(seed, &number, sizeof number);
    for (unsigned long long i = 0; i < count; i++) {
        memcpy(seed + sizeof number, &i, sizeof i);
        randombytes_buf_deterministic(data, sizeof data, seed);
        LLVMFuzzerTestOneInput(data, sizeof data - data[0] % 64);
    }
    printf("%llu inputs of seed %llu\n", count, number);
    return 0;
}
