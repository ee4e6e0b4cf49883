#include "suites.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>

int main(void) {
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(suite_gate());
    srunner_add_suite(runner, suite_dialing());
    srunner_add_suite(runner, suite_pairing());
    srunner_add_suite(runner, suite_window());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
