/* The suites of discovery/ and of its channel, one a file; main.c runs them. */
#ifndef TESTS_UNIT_DISCOVERY_SUITES_H
#define TESTS_UNIT_DISCOVERY_SUITES_H

#include <check.h>

Suite *suite_addresses(void);
Suite *suite_bus(void);
Suite *suite_channel(void);
Suite *suite_confine(void);
Suite *suite_lookup(void);
Suite *suite_publisher(void);
Suite *suite_reporter(void);
Suite *suite_service(void);
Suite *suite_symbols(void);
Suite *suite_table(void);

#endif
