#include "suites.h"

#include <stdlib.h>

int main(void) {
    SRunner *runner = srunner_create(suite_attributes());
    srunner_add_suite(runner, suite_beneath());
    srunner_add_suite(runner, suite_clean());
    srunner_add_suite(runner, suite_destination());
    srunner_add_suite(runner, suite_direct());
    srunner_add_suite(runner, suite_finish());
    srunner_add_suite(runner, suite_hardlinks());
    srunner_add_suite(runner, suite_holes());
    srunner_add_suite(runner, suite_inodes());
    srunner_add_suite(runner, suite_links());
    srunner_add_suite(runner, suite_merge());
    srunner_add_suite(runner, suite_place());
    srunner_add_suite(runner, suite_receipt());
    srunner_add_suite(runner, suite_records());
    srunner_add_suite(runner, suite_source());
    srunner_add_suite(runner, suite_staging());
    srunner_add_suite(runner, suite_stage_writer());
    srunner_add_suite(runner, suite_walk());
    srunner_add_suite(runner, suite_walk_rules());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
