/* sim: runs seeds. */
#include "tests/sim/database_files.h"
#include "tests/sim/memory.h"
#include "tests/sim/task.h"
#include "tests/sim/trace.h"
#include "tests/sim/weaken.h"
#include "tests/sim/world.h"

#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRESS 10000u /* seeds from line to line of a long run */

static const char usage[] =
    "usage: sim [--seeds N] [--from SEED] [--twice] [--expect-failure]\n"
    "           [--weaken no-sync|late-sync|no-directory-sync|early-ack|late-queue|\n"
    "                     no-commit-sync|move-early|move-changed|skip-overwrites]\n"
    "       sim --seed SEED [--trace]\n";

struct wish {
    uint64_t from;
    uint64_t count;
    bool twice;           /* each seed, to see that the same happens */
    bool expects_failure; /* it is a weakened one: there has to be one */
};

static const char *sim_name(void) {
    return "sim";
}

static uint32_t sim_random(void) {
    return (uint32_t)task_draw(1ull << 32);
}

static void sim_buffer(void *const out, const size_t length) {
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)out)[i] = (uint8_t)task_draw(256);
}

/* All randomness of the program is drawn with the rest. */
static void init(void) {
    static struct randombytes_implementation implementation = {
        .implementation_name = sim_name, .random = sim_random, .buf = sim_buffer};

    randombytes_set_implementation(&implementation);
    memory_init();
    database_files_init();
    if (sodium_init() < 0)
        abort();
    world_prepare();
}

static double now_s(void) {
    struct timespec now;

    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The same once more, from nodes that were put back and from such that were made. */
static const char *run_twice(uint64_t seed, struct world_tally *tally) {
    struct world_tally first = {0};
    struct world_tally second = {0};
    const char *failure = NULL;

    (void)world_run(seed, false, &first);
    failure = world_run(seed, true, &second);
    tally->steps += first.steps + second.steps;
    if (failure == NULL && memcmp(&first, &second, sizeof first) != 0)
        return "it is not the same twice";
    return failure;
}

/* How many were broken; with weakened ones, the first is enough. */
static uint64_t run(const struct wish *wish) {
    struct world_tally tally = {0};
    double begin = now_s();
    uint64_t broken = 0;
    uint64_t done = 0;

    while (done < wish->count && (broken == 0 || !wish->expects_failure)) {
        uint64_t seed = wish->from + done++;
        const char *failure =
            wish->twice ? run_twice(seed, &tally) : world_run(seed, false, &tally);

        if (failure != NULL) {
            broken++;
            printf("seed %" PRIu64 ": %s\n", seed, failure);
        }
        if (done % PROGRESS == 0)
            printf("%" PRIu64 " seeds, %" PRIu64 " broken\n", done, broken);
        fflush(stdout);
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " broken; %" PRIu64 " transfers, %" PRIu64
           " power cuts, %" PRIu64 " kills, %" PRIu64 " faults of the network; %" PRIu64
           " steps, %.1f h simulated, %.1f s\n",
           done, broken, tally.transfers, tally.cuts, tally.kills, tally.breaks, tally.steps,
           (double)tally.virtual_ns / 3.6e12, now_s() - begin);
    return broken;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"from", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"weaken", required_argument, NULL, 'w'},
        {"twice", no_argument, NULL, 'd'},       {"expect-failure", no_argument, NULL, 'e'},
        {"trace", no_argument, NULL, 't'},       {NULL, 0, NULL, 0}};
    struct wish wish = {.from = 1, .count = 1000};
    bool traced = false;
    int option = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'n')
            wish.count = strtoull(optarg, NULL, 10);
        else if (option == 'f' || option == 's')
            wish.from = strtoull(optarg, NULL, 10);
        else if (option == 'e')
            wish.expects_failure = true;
        else if (option == 'd')
            wish.twice = true;
        else if (option == 't')
            traced = true;
        if (option == 's')
            wish.count = 1;
        if (option == '?' || (option == 'w' && !weaken_choose(optarg))) {
            fputs(usage, stderr);
            return 2;
        }
    }
    init();
    if (traced)
        trace_on();
    return (run(&wish) > 0) == wish.expects_failure ? 0 : 1;
}
