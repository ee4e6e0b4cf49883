#include "suites.h"

#include <stdlib.h>

int main(void) {
    SRunner *runner = srunner_create(suite_addresses());
    srunner_add_suite(runner, suite_bus());
    srunner_add_suite(runner, suite_channel());
    srunner_add_suite(runner, suite_confine());
    srunner_add_suite(runner, suite_lookup());
    srunner_add_suite(runner, suite_publisher());
    srunner_add_suite(runner, suite_reporter());
    srunner_add_suite(runner, suite_service());
    srunner_add_suite(runner, suite_symbols());
    srunner_add_suite(runner, suite_table());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
