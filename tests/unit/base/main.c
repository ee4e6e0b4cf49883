#include "suites.h"

#include <stdlib.h>

int main(void) {
    SRunner *runner = srunner_create(suite_alias());
    srunner_add_suite(runner, suite_bytes());
    srunner_add_suite(runner, suite_chan());
    srunner_add_suite(runner, suite_crash());
    srunner_add_suite(runner, suite_entry());
    srunner_add_suite(runner, suite_escape());
    srunner_add_suite(runner, suite_fail());
    srunner_add_suite(runner, suite_id());
    srunner_add_suite(runner, suite_io());
    srunner_add_suite(runner, suite_lineage());
    srunner_add_suite(runner, suite_log());
    srunner_add_suite(runner, suite_path());
    srunner_add_suite(runner, suite_pattern());
    srunner_add_suite(runner, suite_rangeset());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
