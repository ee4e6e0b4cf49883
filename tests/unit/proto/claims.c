/* How units are shared among lanes, and how many lanes a sender asks for. */

#include "proto/claims.h"

#include "proto/sender.h"
#include "proto/transfer.pb-c.h"

#include <check.h>
#include <stdlib.h>

static struct claims claims;

static void begin(uint64_t units, uint64_t held) {
    struct rangeset before;

    claims = (struct claims){.lanes = {{.open = true}, {.open = true}}};
    rangeset_init(&before);
    ck_assert_int_eq(rangeset_add(&before, 0, held), 0);
    ck_assert_int_eq(claims_init(&claims, units, &before), 0);
    rangeset_clear(&before);
}

static void expect(const struct range *range, uint64_t first, uint64_t count) {
    ck_assert_uint_eq(range->first, first);
    ck_assert_uint_eq(range->count, count);
}

START_TEST(what_is_free_is_what_is_claimed_next) {
    struct range range;

    begin(100, 10);
    ck_assert(claims_free(&claims, &range));
    expect(&range, 10, 90);
    ck_assert_int_eq(claims_take(&claims, 0, 30, &range), 1);
    expect(&range, 10, 30);
    ck_assert_int_eq(claims_take(&claims, 1, 20, &range), 1);
    expect(&range, 40, 20);
    ck_assert_int_eq(claims_lane_lost(&claims, 0), 0);
    ck_assert(claims_free(&claims, &range));
    expect(&range, 10, 30);
    ck_assert_int_eq(claims_take(&claims, 1, 50, &range), 1);
    expect(&range, 10, 30);
    ck_assert(claims_free(&claims, &range));
    expect(&range, 60, 40);
    ck_assert_int_eq(claims_take(&claims, 1, 50, &range), 1);
    ck_assert(!claims_free(&claims, &range));
    claims_clear(&claims);
}
END_TEST

START_TEST(the_end_of_what_is_not_begun_is_taken_over) {
    struct range range;
    uint64_t unit = 0;

    begin(20, 0);
    ck_assert_int_eq(claims_steal(&claims, 1), 0);
    ck_assert_int_eq(claims_take(&claims, 0, 20, &range), 1);
    for (uint64_t i = 0; i < 5; i++)
        ck_assert(claims_begin(&claims, 0, &unit));
    ck_assert_uint_eq(unit, 4);
    ck_assert_int_eq(claims_steal(&claims, 0), 0); /* not from itself */
    ck_assert_int_eq(claims_steal(&claims, 1), 1); /* 12 to 19 */
    ck_assert(claims_begin(&claims, 1, &unit));
    ck_assert_uint_eq(unit, 12);
    ck_assert(claims_begin(&claims, 0, &unit));
    ck_assert_uint_eq(unit, 5);
    /* What was taken over goes with the one that took it. */
    ck_assert_int_eq(claims_lane_lost(&claims, 1), 0);
    ck_assert(claims_free(&claims, &range));
    expect(&range, 12, 8);
    claims_clear(&claims);
}
END_TEST

START_TEST(the_last_unit_that_is_not_begun_is_taken_over) {
    struct range range;
    uint64_t unit = 0;

    begin(2, 0);
    ck_assert_int_eq(claims_take(&claims, 0, 2, &range), 1);
    ck_assert(claims_begin(&claims, 0, &unit));
    ck_assert_int_eq(claims_steal(&claims, 1), 1);
    ck_assert(!claims_begin(&claims, 0, &unit));
    ck_assert(claims_begin(&claims, 1, &unit));
    ck_assert_uint_eq(unit, 1);
    claims_clear(&claims);
}
END_TEST

#define UNITS 300u
#define LANES 4u

/* Lanes in any order, some of them lost: who has begun each unit, if it is not lost again. */
struct race {
    uint64_t random;
    uint32_t begun_by[UNITS]; /* the lane's number plus one, or 0 */
    uint64_t begun;
};

static uint32_t dice(struct race *race, uint32_t sides) {
    race->random = race->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(race->random >> 33) % sides;
}

static void lose(struct race *race, uint32_t lane) {
    ck_assert_int_eq(claims_lane_lost(&claims, lane), 0);
    claims.lanes[lane].open = true;
    for (uint32_t unit = 0; unit < UNITS; unit++)
        if (race->begun_by[unit] == lane + 1 && !rangeset_contains(&claims.settled, unit, 1)) {
            race->begun_by[unit] = 0;
            race->begun--;
        }
}

/* What a lane does to send one unit more. False where there is nothing to send. */
static bool send_one(struct race *race, uint32_t lane) {
    struct range range;
    uint64_t unit = 0;

    while (!claims_begin(&claims, lane, &unit)) {
        int got = claims_take(&claims, lane, 1 + dice(race, 40), &range);

        if (got == 0)
            got = claims_steal(&claims, lane);
        if (got == 0)
            return false;
        ck_assert_int_eq(got, 1);
    }
    ck_assert_uint_eq(race->begun_by[unit], 0); /* by nobody else */
    race->begun_by[unit] = lane + 1;
    race->begun++;
    if (dice(race, 3) == 0)
        ck_assert_int_eq(claims_durable(&claims, unit, 1), 0);
    return true;
}

START_TEST(nothing_is_lost_and_nothing_begun_twice) {
    struct race race = {.random = (uint64_t)_i};

    begin(UNITS, 0);
    for (uint32_t lane = 0; lane < LANES; lane++)
        claims.lanes[lane].open = true;
    for (uint32_t step = 0; step < 4 * UNITS; step++) {
        uint32_t lane = dice(&race, LANES);

        lane |= dice(&race, LANES); /* the first are slower */
        if (dice(&race, 100) == 0)
            lose(&race, lane);
        else
            send_one(&race, lane);
    }
    /* The lane that is left gets all, also what the others have claimed and never begin. */
    while (send_one(&race, 0))
        continue;
    ck_assert_uint_eq(race.begun, UNITS);
    for (uint32_t unit = 0; unit < UNITS; unit++)
        ck_assert_uint_ne(race.begun_by[unit], 0);
    claims_clear(&claims);
}
END_TEST

/* The lanes in the offer of a sender that may have 4. */
static uint32_t lanes_asked_for(uint64_t bytes, uint64_t units) {
    struct manifest_summary summary = {
        .length = 1, .entries = (uint32_t)units, .bytes = bytes, .units = units, .name_count = 1};
    struct sender_config config = {.summary = &summary, .lanes = 4};
    struct sender *sender = NULL;
    struct sender_action action;

    ck_assert_int_eq(sender_new(&sender, &config), 0);
    ck_assert_int_eq(sender_start(sender, 0), 0);
    ck_assert(sender_next(sender, &action));
    ck_assert_int_eq(action.kind, SENDER_SEND);
    Fxnode__Wire__Control *control =
        fxnode__wire__control__unpack(NULL, action.length, action.message);
    ck_assert_ptr_nonnull(control);
    uint32_t lanes = control->offer->lanes;
    fxnode__wire__control__free_unpacked(control, NULL);
    sender_free(sender);
    return lanes;
}

START_TEST(many_files_are_worth_lanes_as_many_bytes_are) {
    ck_assert_uint_eq(lanes_asked_for(1, 1), 1);
    ck_assert_uint_eq(lanes_asked_for(LIMIT_CHUNK, 1), 1);
    ck_assert_uint_eq(lanes_asked_for(LIMIT_CHUNK + 1, 2), 4);
    ck_assert_uint_eq(lanes_asked_for(0, 64), 1);
    ck_assert_uint_eq(lanes_asked_for(0, 65), 4);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("claims");
    TCase *tests = tcase_create("claims");
    tcase_add_test(tests, what_is_free_is_what_is_claimed_next);
    tcase_add_test(tests, the_end_of_what_is_not_begun_is_taken_over);
    tcase_add_test(tests, the_last_unit_that_is_not_begun_is_taken_over);
    tcase_add_loop_test(tests, nothing_is_lost_and_nothing_begun_twice, 0, 50);
    tcase_add_test(tests, many_files_are_worth_lanes_as_many_bytes_are);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
