/* The policy on links, machines and contents that are computed: each case is a world in which time
 * passes as the figures say, and what counts is how fast it gets through. */
#include "node/session/squeeze.h"

#include <check.h>
#include <stdlib.h>

#define FRAME 260000.0
#define MB 1e6
#define BUFFER (4 * MB) /* what a connection takes before anybody has to wait */

/* Bytes a second of the packer on each rung, and how often smaller text gets: measured. */
static const double speeds[] = {0,        990 * MB, 900 * MB, 600 * MB,
                                480 * MB, 470 * MB, 410 * MB, 106 * MB};
static const double ratios[] = {1, 5.4, 6.9, 8.3, 10, 12.9, 12.7, 13.1};
#define RANDOM_SPEED (2300 * MB)

struct world {
    double link;    /* bytes a second */
    double machine; /* that a lane reads, seals and sends */
    double slow;    /* how many times slower the packer is than measured */
    bool text;
    bool packs; /* or everything is sent as it is */

    struct squeeze squeeze;
    struct squeeze_lane lane;
    double now;   /* s */
    double queue; /* bytes in the connection's buffer */
    double plain; /* bytes that have gone through, as they were */
    double line;  /* and on the line */
    unsigned climbs;
};

static uint64_t ns(double seconds) {
    return (uint64_t)(seconds * 1e9);
}

static void begin(struct world *world) {
    if (world->slow == 0)
        world->slow = 1;
    squeeze_init(&world->squeeze, 0);
}

static void pass(struct world *world, double seconds) {
    double gone = seconds * world->link;

    world->now += seconds;
    world->queue = world->queue > gone ? world->queue - gone : 0;
}

/* Packs the frame, or tries; its size. */
static double pack(struct world *world) {
    unsigned rung = world->squeeze.rung;

    if (!world->packs || rung == SQUEEZE_FOOT || !squeeze_lane_tries(&world->lane))
        return FRAME;
    pass(world, FRAME / (world->text ? speeds[rung] : RANDOM_SPEED) * world->slow);
    squeeze_lane_tried(&world->lane, world->text);
    return world->text ? FRAME / ratios[rung] : FRAME;
}

static void send_frame(struct world *world) {
    double size = 0;
    double wait = 0;

    pass(world, FRAME / world->machine);
    size = pack(world);
    if (world->queue + size > BUFFER)
        wait = (world->queue + size - BUFFER) / world->link;
    pass(world, wait);
    world->queue += size;
    world->plain += FRAME;
    world->line += size;
    unsigned before = world->squeeze.rung;
    squeeze_note(&world->squeeze, &(struct squeeze_sent){.now_ns = ns(world->now),
                                                         .waited_ns = ns(wait),
                                                         .plain = (uint64_t)FRAME,
                                                         .packed = (uint64_t)size});
    world->climbs += world->squeeze.rung > before ? 1 : 0;
}

/* Bytes a second of content that got through in `seconds` more. */
static double run(struct world *world, double seconds) {
    double from = world->now;
    double plain = world->plain;

    while (world->now < from + seconds)
        send_frame(world);
    return (world->plain - plain) / (world->now - from);
}

/* The same world without compression. */
static double run_plain(struct world world, double seconds) {
    world.packs = false;
    begin(&world);
    return run(&world, seconds);
}

static const struct {
    const char *name;
    struct world world;
    double seconds;
    double times;             /* as fast as without, at least */
    unsigned lowest, highest; /* rung at the end */
} worlds[] = {
    {"gigabit, text", {.link = 117 * MB, .machine = 2000 * MB, .text = true}, 4, 4.7, 1, 3},
    {"gigabit, slow machine", {.link = 117 * MB, .machine = 500 * MB, .text = true}, 4, 2.4, 1, 2},
    {"100 Mbit/s, text", {.link = 11.7 * MB, .machine = 1000 * MB, .text = true}, 10, 8, 5, 7},
    {"10 Mbit/s, text", {.link = 1.17 * MB, .machine = 1000 * MB, .text = true}, 60, 8, 7, 7},
    {"the machine is the limit",
     {.link = 5000 * MB, .machine = 800 * MB, .text = true},
     10,
     1,
     0,
     0},
    {"gigabit, random", {.link = 117 * MB, .machine = 1000 * MB}, 10, 0.995, 0, 1},
    {"100 Mbit/s, random", {.link = 11.7 * MB, .machine = 1000 * MB}, 10, 0.995, 0, 1},
    {"machine no faster than line, random",
     {.link = 500 * MB, .machine = 501 * MB},
     10,
     0.99,
     0,
     1},
    {"a packer that is too slow",
     {.link = 117 * MB, .machine = 500 * MB, .slow = 10, .text = true},
     20,
     0.97,
     0,
     1},
    {"10 Gbit/s, text", {.link = 1170 * MB, .machine = 2500 * MB, .text = true}, 20, 0.97, 0, 1},
};

START_TEST(goes_as_fast_as_it_gets) {
    struct world world = worlds[_i].world;
    double without = run_plain(world, worlds[_i].seconds);

    world.packs = true;
    begin(&world);
    double with = run(&world, worlds[_i].seconds);
    ck_assert_msg(with >= without * worlds[_i].times, "%s: %.2f times as fast on rung %u",
                  worlds[_i].name, with / without, world.squeeze.rung);
    ck_assert_msg(world.squeeze.rung >= worlds[_i].lowest &&
                      world.squeeze.rung <= worlds[_i].highest,
                  "%s: rung %u", worlds[_i].name, world.squeeze.rung);
}
END_TEST

START_TEST(follows_content_that_changes) {
    struct world world = {.link = 117 * MB, .machine = 2000 * MB, .packs = true};
    begin(&world);
    for (int i = 0; i < 3; i++) {
        world.text = false;
        ck_assert_double_ge(run(&world, 3), 115 * MB);
        world.text = true;
        ck_assert_double_ge(run(&world, 3), 380 * MB);
    }
}
END_TEST

START_TEST(follows_a_link_that_changes) {
    struct world world = {.link = 117 * MB, .machine = 1000 * MB, .text = true, .packs = true};
    begin(&world);
    run(&world, 5);
    ck_assert_uint_ge(world.squeeze.rung, 1);
    world.link = 5000 * MB;
    run(&world, 20);
    ck_assert_uint_eq(world.squeeze.rung, SQUEEZE_FOOT);
    ck_assert_double_ge(run(&world, 5), 990 * MB);
    world.link = 11.7 * MB;
    run(&world, 2);
    ck_assert_uint_ge(world.squeeze.rung, 4);
}
END_TEST

/* What did not pay is tried again, but each time later. */
START_TEST(rests_longer_after_each_failure) {
    struct world world = {
        .link = 117 * MB, .machine = 500 * MB, .slow = 10, .text = true, .packs = true};
    begin(&world);
    run(&world, 10);
    unsigned early = world.climbs;
    run(&world, 100);
    ck_assert_uint_ge(early, 3);
    ck_assert_uint_le(early, 7);
    ck_assert_uint_ge(world.climbs, early + 2);
    ck_assert_uint_le(world.climbs, early + 5);
}
END_TEST

START_TEST(a_lane_skips_what_does_not_become_smaller) {
    struct squeeze_lane lane = {0};
    unsigned tries = 0;
    for (int i = 0; i < 1000; i++)
        if (squeeze_lane_tries(&lane)) {
            tries++;
            squeeze_lane_tried(&lane, false);
        }
    ck_assert_uint_ge(tries, 30);
    ck_assert_uint_le(tries, 36);
    while (!squeeze_lane_tries(&lane))
        continue;
    squeeze_lane_tried(&lane, true);
    ck_assert(squeeze_lane_tries(&lane));
}
END_TEST

START_TEST(levels_grow) {
    for (unsigned rung = SQUEEZE_FOOT + 1; rung < SQUEEZE_TOP; rung++)
        ck_assert_int_lt(squeeze_level(rung), squeeze_level(rung + 1));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("squeeze");
    TCase *tests = tcase_create("squeeze");
    tcase_add_loop_test(tests, goes_as_fast_as_it_gets, 0, (int)(sizeof worlds / sizeof *worlds));
    tcase_add_test(tests, follows_content_that_changes);
    tcase_add_test(tests, follows_a_link_that_changes);
    tcase_add_test(tests, rests_longer_after_each_failure);
    tcase_add_test(tests, a_lane_skips_what_does_not_become_smaller);
    tcase_add_test(tests, levels_grow);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
