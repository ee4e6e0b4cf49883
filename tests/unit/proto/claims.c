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
    tcase_add_test(tests, many_files_are_worth_lanes_as_many_bytes_are);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
