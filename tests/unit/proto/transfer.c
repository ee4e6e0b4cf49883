#include "world.h"

#include <check.h>
#include <stdlib.h>

#define SEEDS 500u

START_TEST(undisturbed_moves_each_unit_once) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world_troubles troubles = {.lanes = 1 + (uint32_t)(seed % 4)};
        struct world_result result = world_run(seed, &troubles);
        ck_assert_uint_eq(result.connections, 1);
        ck_assert_uint_eq(result.written, result.units);
        ck_assert_uint_eq(result.agains, 0);
    }
}
END_TEST

START_TEST(cut_and_resumed) {
    uint64_t connections = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world_troubles troubles = {.lanes = 1 + (uint32_t)(seed % 4), .cuts = 3};
        connections += world_run(seed, &troubles).connections;
    }
    ck_assert_uint_gt(connections, 2 * SEEDS);
}
END_TEST

START_TEST(lanes_come_and_go) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world_troubles troubles = {.lanes = 2 + (uint32_t)(seed % 3), .lane_cuts = 10};
        struct world_result result = world_run(seed, &troubles);
        ck_assert_uint_eq(result.connections, 1);
    }
}
END_TEST

START_TEST(other_content_is_sent_again) {
    uint64_t agains = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world_troubles troubles = {.lanes = 1 + (uint32_t)(seed % 4), .bad_writes = 2};
        agains += world_run(seed, &troubles).agains;
    }
    ck_assert_uint_gt(agains, SEEDS / 2);
}
END_TEST

START_TEST(everything_at_once) {
    uint64_t agains = 0;
    uint64_t failed = 0;
    for (uint64_t seed = 0; seed < 2 * SEEDS; seed++) {
        struct world_troubles troubles = {.lanes = 1 + (uint32_t)(seed % 4),
                                          .cuts = 3,
                                          .lane_cuts = 5,
                                          .bad_writes = 2,
                                          .bad_held = 3,
                                          .failures = 3};
        struct world_result result = world_run(seed, &troubles);
        agains += result.agains;
        failed += result.failed;
    }
    ck_assert_uint_gt(agains, 0);
    ck_assert_uint_gt(failed, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("transfer");
    TCase *tests = tcase_create("both roles");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, undisturbed_moves_each_unit_once);
    tcase_add_test(tests, cut_and_resumed);
    tcase_add_test(tests, lanes_come_and_go);
    tcase_add_test(tests, other_content_is_sent_again);
    tcase_add_test(tests, everything_at_once);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
